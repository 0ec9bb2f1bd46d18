//! `solver`: a solver engine to test against.

use solver_stand_in::{RequestReport, StandIn};

use crate::arguments::SolverArguments;
use crate::exit::{Exit, Failure, print_line};

pub(super) async fn run(arguments: SolverArguments) -> Result<Exit, Failure> {
    let mut builder = StandIn::builder().on_request(|report| print_report(&report));
    if let Some(rate) = arguments.read_rate {
        builder = builder.read_rate(rate);
    }
    if let Some(bytes) = arguments.stall_after {
        builder = builder.stall_after(bytes);
    }
    if let Some(bytes) = arguments.reset_after {
        builder = builder.reset_after(bytes);
    }
    if let Some(delay) = arguments.delay {
        builder = builder.delay(delay);
    }
    if let Some(status) = arguments.status {
        builder = builder.status(status);
    }
    if let Some(path) = &arguments.respond {
        let label = format!("{}: cannot be read", path.display());
        let answer = std::fs::read(path).map_err(Failure::input(label))?;
        builder = builder.response(answer);
    }
    let engine = builder.bind(arguments.listen).await;
    let engine = engine.map_err(Failure::of(format!(
        "cannot listen on {}",
        arguments.listen
    )))?;
    print_line(&engine.url())?;
    engine.serve().await;
    Ok(Exit::Ok)
}

fn print_report(report: &RequestReport) {
    match serde_json::to_string(report) {
        Ok(line) => {
            if let Err(failure) = print_line(&line) {
                let _exit = failure.report();
            }
        }
        Err(error) => tracing::error!(%error, "a report cannot be written"),
    }
}
