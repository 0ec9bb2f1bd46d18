//! One run: what is shown while it goes on, and what interrupts it.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Dispatch, Outcome, Pipeline};

use crate::arguments::Format;
use crate::exit::{Failure, exit_code, print_line};
use crate::options_and_config::Sending;
use crate::progress_bars::ProgressBars;
use crate::report::{Timelines, report};
use crate::signals::Signals;
use crate::solver_ends::{LogEnds, SolverEnds};
use crate::summary::print_outcome;

/// How long leaving waits for a store that does not answer.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(10);

/// As long as that when the archive is not to be waited for.
const NO_WAIT_CLEAN_UP_LIMIT: Duration = Duration::from_secs(1);

/// What is said of leaving before all is cleaned up.
const LEFT: &str = "the store was left while an archive was given up: parts of an upload may stay there, and the archive is not made";

/// Runs one auction through a pipeline, shows how it goes, prints the outcome, and writes the report that was asked for. A
/// `signal` that came while the document was read interrupts it before anything is begun.
pub(super) async fn run_and_print(
    pipeline: &Pipeline,
    dispatch: Dispatch,
    length: Option<u64>,
    sending: &Sending,
    signal: Option<u8>,
) -> Result<ExitCode, Failure> {
    let is_over = signal.is_some();
    let mut signals = Signals::after(signal);
    let prints_solvers = sending.format != Some(Format::Json);
    let (outcome, timelines, solvers_printed) = run(
        pipeline,
        dispatch,
        length,
        sending,
        &mut signals,
        prints_solvers,
    )
    .await;
    let reported = sending
        .report
        .as_ref()
        .map(|file| file.write(&report(&outcome, &timelines, Some(sending.deadline))));
    // What is printed does not depend on whether there is a report, too.
    let printed = solvers_printed.and_then(|()| print_outcome(&outcome, sending.format));
    let is_archive_left = outcome.archive.status == ArchiveStatus::Cancelled;
    let mut limit = CLEAN_UP_LIMIT;
    let result = match signals.came {
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
        _again = signals.next() => tracing::warn!("{LEFT}, since it was interrupted again"),
    }
    result
}

/// Runs one auction through a pipeline, and shows how it goes. When a signal comes, or had come, the outcome is that
/// of what has ended by then; what has not is cancelled.
pub(super) async fn run(
    pipeline: &Pipeline,
    dispatch: Dispatch,
    length: Option<u64>,
    sending: &Sending,
    signals: &mut Signals,
    prints_solvers: bool,
) -> (Outcome, Arc<Timelines>, Result<(), Failure>) {
    let is_over = signals.came.is_some();
    let progress = pipeline.progress();
    let timelines = Arc::new(Timelines::of(&progress));
    let bars = ProgressBars::new(&progress, length, pipeline.solvers().len());
    let (lines, to_print) = mpsc::channel::<String>();
    let lines = prints_solvers.then_some(lines);
    let ends = Arc::new(SolverEnds::new(pipeline.solvers(), lines));
    let screen = bars.screen();
    let printing = tokio::task::spawn_blocking(move || {
        let mut lines = to_print.into_iter();
        lines.try_for_each(|line| screen.suspend(|| print_line(&line)))
    });
    let mut dispatch = dispatch
        .observed_by(Arc::new(progress.clone()))
        .observed_by(Arc::clone(&ends) as _)
        .observed_by(Arc::new(LogEnds));
    if sending.report.is_some() {
        dispatch = dispatch.observed_by(Arc::clone(&timelines) as _);
    }
    let run = pipeline.run_until(dispatch, async {
        if !is_over {
            tokio::select! {
                _number = signals.next() => {}
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
    let printed = printing.await.unwrap_or_else(|panicked| {
        let what = "the solvers' outcomes cannot be printed";
        Err(Failure::of(what)(panicked))
    });
    (outcome, timelines, printed)
}
