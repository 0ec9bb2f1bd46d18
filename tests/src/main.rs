//! The program once more, so that cargo tells the tests where it is.

use std::process::ExitCode;

fn main() -> ExitCode {
    driver_cli::main()
}
