//! The program's commands.

mod arguments;
mod codec_choice;
mod demonstration;
mod duration;
mod exit;
mod exporting;
mod generate;
mod input;
mod member_setting;
mod progress_bars;
mod replay;
mod run;
mod setup;
mod solve;
mod solver;
mod summary;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use self::arguments::{Arguments, Command};
use self::exit::{Exit, Failure};
use self::exporting::exporting;

/// Runs the program with the arguments of this process. Results go to standard output, all else to standard error.
///
/// Returns 0 when all went well, 1 when something failed, 2 for wrong usage or input.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    // `RUST_LOG` chooses what is logged; without it, what somebody should look at.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<Exit, Failure> {
    if let Command::Generate(arguments) = &arguments.command {
        return generate::run(arguments);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        match arguments.command {
            Command::Solve(arguments) => {
                exporting(&arguments.sending, async |export| {
                    solve::run(&arguments, export).await
                })
                .await
            }
            Command::Replay(arguments) => {
                exporting(&arguments.sending, async |export| {
                    replay::run(&arguments, export).await
                })
                .await
            }
            Command::Solver(arguments) => solver::run(arguments).await,
            Command::Generate(_) => unreachable!("handled without a runtime"),
        }
    })
}

/// Shows help and version as they are, and a mistake as one line.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nothing is left to do when the terminal is gone.
            let _printed = error.print();
            if error.use_stderr() {
                Exit::Usage.into()
            } else {
                ExitCode::SUCCESS
            }
        }
        _ => {
            let text = error.to_string();
            let paragraph = text.split("\n\n").next().unwrap_or_default();
            let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
            Failure::usage(line.trim_start_matches("error: ").to_owned()).report()
        }
    }
}
