//! The program: see the README, or `driver-streaming --help`.

fn main() -> std::process::ExitCode {
    driver_cli::main()
}
