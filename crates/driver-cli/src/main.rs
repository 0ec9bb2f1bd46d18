//! The program: see the README, or `driver-streaming --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    driver_cli::main()
}
