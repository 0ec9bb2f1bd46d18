//! One run: what is shown while it goes on, and what interrupts it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use driver_streaming::{Dispatch, Pipeline};

use crate::exit::{Failure, exit_code};
use crate::options_and_config::Sending;
use crate::progress_bars::ProgressBars;
use crate::report::{Timelines, report};
use crate::summary::print_outcome;

/// How long leaving waits for a store that does not answer.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(10);

/// The number of Ctrl-C's signal, by POSIX.
const INTERRUPT: u8 = 2;
/// The number of `SIGTERM`, by POSIX.
const TERMINATE: u8 = 15;

/// Runs one auction through a pipeline, shows how it goes, prints the outcome, and writes the report that was asked for.
/// When it is interrupted, that is the outcome of what has ended by then; what has not is cancelled.
pub(super) async fn run_and_print(
    pipeline: &Pipeline,
    dispatch: Dispatch,
    length: Option<u64>,
    sending: &Sending,
) -> Result<ExitCode, Failure> {
    let report_file = sending.report.as_ref();
    let progress = pipeline.progress();
    let timelines = Arc::new(Timelines::of(&progress));
    let mut dispatch = dispatch.observed_by(Arc::new(progress.clone()));
    if report_file.is_some() {
        dispatch = dispatch.observed_by(Arc::clone(&timelines) as _);
    }
    let bars = ProgressBars::new(&progress, length);
    let mut signal = None;
    let run = pipeline.run_until(dispatch, async {
        signal = Some(interrupted().await);
    });
    let outcome = tokio::select! {
        outcome = run => outcome,
        never = bars.draw() => match never {},
    };
    drop(bars);
    let reported = report_file.map(|file| file.write(&report(&outcome, &timelines)));
    // What is printed does not depend on whether there is a report, too.
    let printed = print_outcome(&outcome, sending.format);
    let result = match signal {
        Some(signal) if outcome.is_cancelled() => Err(Failure::interrupted(
            signal,
            "interrupted: nothing more was sent, and what was not committed is not archived",
        )),
        _ => reported
            .transpose()
            .and(printed)
            .map(|()| exit_code(&outcome)),
    };
    // An upload that was given up is aborted in the background: it must not be left behind by leaving.
    tokio::select! {
        () = pipeline.drain() => {}
        () = tokio::time::sleep(CLEAN_UP_LIMIT) => {}
        _again = interrupted() => {}
    }
    result
}

/// Waits for `work`, unless a signal comes first: its number. Listens before `work` is begun.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, u8> {
    tokio::select! {
        biased;
        signal = interrupted() => Err(signal),
        done = work => Ok(done),
    }
}

/// Ctrl-C, or the request to end that a supervisor sends: the number of the signal.
async fn interrupted() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return INTERRUPT,
                _ = terminate.recv() => return TERMINATE,
            }
        }
    }
    // Without a way to hear of it, there is none to react to it.
    let _heard = tokio::signal::ctrl_c().await;
    INTERRUPT
}
