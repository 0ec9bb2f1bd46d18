//! This project, by its library.

mod ours;

use std::process::ExitCode;

fn main() -> ExitCode {
    comparison_harness::run(ours::Ours::new)
}
