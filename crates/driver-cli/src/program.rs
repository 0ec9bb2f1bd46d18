//! Parses the command line and runs the command.

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::exit::{Failure, USAGE, WithoutSecrets, printed};
use crate::option_values::Format;
use crate::options_and_config::Sending;
use crate::otlp_export::exporting;
use crate::{archive, check_engines, generate_and_solver, replay, serve, solve};

/// The program's name.
const NAME: &str = "driver-streaming";

/// Runs the program with the arguments of this process. Results go to standard output, everything else to standard error.
///
/// Returns 0 on success, 1 if something failed, 2 for wrong usage or input, and 128 plus the signal's number if it was
/// interrupted: 130 for Ctrl-C, 143 for `SIGTERM`.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    // By default, a service logs a line for each auction.
    let shown = match &arguments.command {
        Command::Serve(_) => "warn,driver_cli=info",
        // A compressed file of one's own has no digest.
        Command::Solve(_) => "warn,archive_sink::read=error",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(shown));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| WithoutSecrets(std::io::stderr()));
    match arguments.log_format {
        Some(Format::Json) => log.json().flatten_event(true).init(),
        Some(Format::Text) | None => log.init(),
    }
    match run(arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Generate(arguments) => return generate_and_solver::generate(arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), NAME, &mut script);
            return print(&script);
        }
        Command::Man => {
            let mut program = Arguments::command();
            program.build();
            let commands = program
                .get_subcommands()
                .filter(|command| command.get_name() != "help");
            let mut pages = Vec::new();
            for command in [&program].into_iter().chain(commands) {
                let rendered = clap_mangen::Man::new(command.clone()).render(&mut pages);
                rendered.map_err(Failure::of("the manual page cannot be written"))?;
            }
            return print(&pages);
        }
        _ => {}
    }
    // Polls here take some tenths of a millisecond. By default, a busy worker looks at sockets and timers after every 61 of them.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .event_interval(8)
        .enable_all()
        .build()
        .map_err(Failure::of("the runtime cannot be started"))?;
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Solve(arguments) => {
                let sending = Sending::read(&arguments.sending)?;
                let run = async |export: &_| solve::run(&arguments, &sending, export).await;
                exporting(sending.otlp.as_deref(), None, run).await
            }
            Command::Replay(arguments) => {
                let sending = Sending::read(&arguments.sending)?;
                let run = async |export: &_| replay::run(&arguments, &sending, export).await;
                exporting(sending.otlp.as_deref(), None, run).await
            }
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Archive(command) => archive::run(&command).await,
            Command::Check(arguments) => check_engines::run(&arguments).await,
            Command::Solver(arguments) => generate_and_solver::serve(arguments).await,
            Command::Generate(_) | Command::Completions { .. } | Command::Man => {
                unreachable!("handled without a runtime")
            }
        }
    });
    // Does not wait for threads that a hanging file system keeps.
    runtime.shutdown_background();
    result
}

fn print(content: &[u8]) -> Result<ExitCode, Failure> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(content).and_then(|()| output.flush());
    printed(written).map(|()| ExitCode::SUCCESS)
}

/// Prints help and version as they are, and a mistake as one line with suggestions.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _printed = error.print();
            u8::try_from(error.exit_code()).unwrap_or(USAGE).into()
        }
        _ => {
            let text = error.to_string();
            let lines = text.split("\n\n").map(|paragraph| {
                let words: Vec<_> = paragraph.split_whitespace().collect();
                words.join(" ")
            });
            let shown = lines.filter_map(|line| {
                let shown = line.strip_prefix("error: ").or(line.strip_prefix("tip: "));
                shown.map(str::to_owned)
            });
            Failure::usage(shown.collect::<Vec<_>>().join("; ")).report()
        }
    }
}
