//! One run: what is shown while it goes on, and what interrupts it.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Dispatch, Pipeline};
use futures_util::future::{FutureExt, maybe_done};

use crate::arguments::Format;
use crate::exit::{Failure, exit_code, print_line};
use crate::options_and_config::Sending;
use crate::progress_bars::ProgressBars;
use crate::report::{Timelines, report};
use crate::solver_ends::SolverEnds;
use crate::summary::print_outcome;

/// How long leaving waits for a store that does not answer.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(10);

/// As long as that when the archive is not to be waited for.
const NO_WAIT_CLEAN_UP_LIMIT: Duration = Duration::from_secs(1);

/// What is said of leaving before all is cleaned up.
const LEFT: &str = "the store was left while an archive was given up: parts of an upload may stay there, and the archive is not made";

/// The number of Ctrl-C's signal, by POSIX.
const INTERRUPT: u8 = 2;
/// The number of `SIGTERM`, by POSIX.
const TERMINATE: u8 = 15;

/// Runs one auction through a pipeline, shows how it goes, prints the outcome, and writes the report that was asked for.
/// When it is interrupted, that is the outcome of what has ended by then; what has not is cancelled. A `signal` that came
/// while the document was read interrupts it before anything is begun.
pub(super) async fn run_and_print(
    pipeline: &Pipeline,
    dispatch: Dispatch,
    length: Option<u64>,
    sending: &Sending,
    mut signal: Option<u8>,
) -> Result<ExitCode, Failure> {
    let is_over = signal.is_some();
    let report_file = sending.report.as_ref();
    let progress = pipeline.progress();
    let timelines = Arc::new(Timelines::of(&progress));
    let bars = ProgressBars::new(&progress, length);
    let (lines, to_print) = mpsc::channel::<String>();
    let lines = (sending.format != Some(Format::Json)).then_some(lines);
    let ends = Arc::new(SolverEnds::new(pipeline.solvers(), lines));
    let terminal = bars.terminal();
    let printing = tokio::task::spawn_blocking(move || {
        let mut lines = to_print.into_iter();
        lines.try_for_each(|line| terminal.suspend(|| print_line(&line)))
    });
    let mut dispatch = dispatch
        .observed_by(Arc::new(progress.clone()))
        .observed_by(Arc::clone(&ends) as _);
    if report_file.is_some() {
        dispatch = dispatch.observed_by(Arc::clone(&timelines) as _);
    }
    let run = pipeline.run_until(dispatch, async {
        if !is_over {
            tokio::select! {
                number = interrupted() => signal = Some(number),
                () = ends.all(), if sending.no_wait => {}
            }
        }
    });
    let outcome = tokio::select! {
        outcome = run => outcome,
        never = bars.draw() => match never {},
    };
    drop(bars);
    drop(ends);
    let solvers_printed = printing.await.unwrap_or_else(|panicked| {
        Err(Failure::of("the solvers' outcomes cannot be printed")(
            panicked,
        ))
    });
    // Listens from before the outcome is seen: who sees it may interrupt at once.
    let mut again = std::pin::pin!(maybe_done(interrupted()));
    let _listens = again.as_mut().now_or_never();
    let reported = report_file.map(|file| file.write(&report(&outcome, &timelines)));
    // What is printed does not depend on whether there is a report, too.
    let printed = solvers_printed.and_then(|()| print_outcome(&outcome, sending.format));
    let is_archive_left = outcome.archive.status == ArchiveStatus::Cancelled;
    let mut limit = CLEAN_UP_LIMIT;
    let result = match signal {
        Some(signal) if is_over || outcome.is_cancelled() => Err(Failure::interrupted(
            signal,
            "interrupted: nothing more was sent, and what was not committed is not archived",
        )),
        _ => {
            if is_archive_left {
                limit = NO_WAIT_CLEAN_UP_LIMIT;
                let how = outcome.archive.error.as_deref().unwrap_or_default();
                tracing::warn!("--no-wait: the archive was not waited for, and was {how}");
            }
            reported
                .transpose()
                .and(printed)
                .map(|()| exit_code(&outcome, sending.no_wait))
        }
    };
    // An upload that was given up is aborted in the background: it must not be left behind by leaving.
    tokio::select! {
        () = pipeline.drain() => {}
        () = tokio::time::sleep(limit) => tracing::warn!("{LEFT} after {limit:?}"),
        () = again => tracing::warn!("{LEFT}, since it was interrupted again"),
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
