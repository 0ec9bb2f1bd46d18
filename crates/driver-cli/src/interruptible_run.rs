//! One run: what is shown while it goes on, and what interrupts it.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Dispatch, Outcome, Pipeline};

use crate::exit::{Failure, exit_code, print_line};
use crate::option_values::Format;
use crate::options_and_config::Sending;
use crate::progress_bars::ProgressBars;
use crate::report::{Timelines, report};
use crate::signals::Signals;
use crate::solver_ends::{LogEnds, SolverEnds};
use crate::summary::print_outcome;

/// What is logged when the program ends before the store has answered.
const LEFT: &str =
    "the store was left before it had given up the archive: parts of an upload may stay there";

/// Runs one auction, shows how it goes, prints the outcome and writes the report. A `signal` that came while the document was
/// read interrupts the run before anything is sent.
pub(super) async fn run_and_print(
    pipeline: &Pipeline,
    dispatch: Dispatch,
    length: Option<u64>,
    sending: &Sending,
    signal: Option<u8>,
) -> Result<ExitCode, Failure> {
    let mut signals = Signals::after(signal);
    let prints_solvers = sending.format != Some(Format::Json);
    let running = run(
        pipeline,
        dispatch,
        length,
        sending,
        &mut signals,
        prints_solvers,
    );
    let (outcome, timelines, solvers_printed) = running.await;
    let reported = sending.report.as_ref().map_or(Ok(()), |file| {
        file.write(&report(&outcome, &timelines, Some(sending.deadline)))
    });
    // The outcome is printed even if the report cannot be written.
    let printed = solvers_printed.and_then(|()| print_outcome(&outcome, sending.format));
    let is_left = outcome.archive.status == ArchiveStatus::Cancelled;
    let (result, limit) = match signals.came {
        Some(number) if signal.is_some() || outcome.is_cancelled() => {
            let line =
                "interrupted: nothing more was sent, and what was not committed is not archived";
            (Err(Failure::interrupted(number, line)), 10)
        }
        _ => {
            if is_left {
                let how = outcome.archive.error.as_deref().unwrap_or_default();
                tracing::warn!("--no-wait: the archive was not waited for, and was {how}");
            }
            let code = exit_code(&outcome, sending.no_wait);
            (
                reported.and(printed).map(|()| code),
                if is_left { 1 } else { 10 },
            )
        }
    };
    // An upload that was given up is aborted in the background, which needs the program.
    tokio::select! {
        () = pipeline.drain() => {}
        () = tokio::time::sleep(Duration::from_secs(limit)) => tracing::warn!("{LEFT} ({limit} s)"),
        _again = signals.next() => tracing::warn!("{LEFT} (interrupted again)"),
    }
    result
}

/// Runs one auction, and shows how it goes. A signal cancels what has not ended.
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
    drop((bars, ends));
    let printed = printing.await;
    let what = "the solvers' outcomes cannot be printed";
    let printed = printed.map_err(Failure::of(what)).flatten();
    (outcome, timelines, printed)
}
