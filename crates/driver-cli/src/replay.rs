//! `replay`: sends archived auctions to solvers again.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use archive_sink::{ReadError, ReadErrorKind};
use driver_streaming::{AuctionId, Dispatch, Outcome, Pipeline, error_chain};
use futures_util::TryStreamExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::archive::{Entry, Shelf, TimeRange, id_of, is_refusal, names};
use crate::archived_document::archived_document;
use crate::arguments::ReplayArguments;
use crate::disk_document::DiskDocument;
use crate::disk_file::Broken;
use crate::exit::{Failure, USAGE, print_line};
use crate::figures::milliseconds;
use crate::interruptible_run::{run as run_shown, run_and_print};
use crate::option_values::Format;
use crate::options_and_config::{Sending, dispatch};
use crate::otlp_export::Export;
use crate::replay_times::Times;
use crate::signals::{Signals, or_interrupted, unless_interrupted};
use crate::summary::print_outcome;
use crate::verdict::why_not;

/// How many auctions of a folder an error names.
const NAMED: u32 = 5;

pub(super) async fn run(
    arguments: &ReplayArguments,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    if sending.requests.is_empty() {
        return Err(Failure::usage("nothing to do: no --solver is given"));
    }
    let pipeline = export.attach(sending.pipeline()).build();
    let pipeline = pipeline.map_err(Failure::input("the run cannot be set up"))?;
    let location = &arguments.location;
    let (shelf, ids) = if arguments.range == TimeRange::default() && arguments.last.is_none() {
        if Path::new(location).is_dir() {
            let shelf = Shelf::open(location)?;
            let newest = in_range(&shelf, arguments.range, Some(NAMED)).await?;
            let newest: Vec<_> = newest
                .iter()
                .rev()
                .map(|name| id_of(name).unwrap_or(name))
                .collect();
            return Err(Failure::usage(format!(
                "{location}: is a folder: name an auction in it (the newest: {}), or choose with --since, --until or --last",
                newest.join(", ")
            )));
        }
        let (shelf, id) = Shelf::around(location)?;
        (shelf, vec![id])
    } else {
        let shelf = Shelf::open(location)?;
        let ids = or_interrupted(in_range(&shelf, arguments.range, arguments.last)).await?;
        (shelf, ids)
    };
    let shelf = shelf.limited(arguments.max_size)?;
    let replay = Replay { shelf, sending };
    match &ids[..] {
        [id] if arguments.repeat == 1 => replay.once(&pipeline, id).await,
        _ if sending.report.is_some() => Err(Failure::usage(
            "--report: shows one run, and this is several",
        )),
        ids => replay.several(&pipeline, ids, arguments.repeat).await,
    }
}

/// The names of the auctions that were stored in the range, the newest last.
async fn in_range(
    shelf: &Shelf,
    range: TimeRange,
    last: Option<u32>,
) -> Result<Vec<String>, Failure> {
    let most = last.map_or(usize::MAX, |last| last as usize);
    let mut found = BTreeSet::<Entry>::new();
    let mut entries = shelf.entries(range);
    while let Some(entry) = entries.try_next().await? {
        found.insert(entry);
        if found.len() > most {
            found.pop_first();
        }
    }
    if found.is_empty() {
        return Err(shelf.usage("nothing is archived there that could be sent"));
    }
    Ok(found.into_iter().map(|entry| entry.name).collect())
}

struct Replay<'a> {
    shelf: Shelf,
    sending: &'a Sending,
}

impl Replay<'_> {
    async fn once(&self, pipeline: &Pipeline, id: &str) -> Result<ExitCode, Failure> {
        let (dispatch, _reading, signal) = self.dispatch(id).await?;
        run_and_print(pipeline, dispatch, None, self.sending, signal).await
    }

    /// Sends the auctions one after another, `repeat` times. Prints each outcome as its run ends, and the times of all last.
    async fn several(
        &self,
        pipeline: &Pipeline,
        ids: &[String],
        repeat: u32,
    ) -> Result<ExitCode, Failure> {
        let sending = self.sending;
        let mut times = Times::of(pipeline.solvers().iter().map(|solver| solver.name()));
        let mut interrupted = None;
        for id in (0..repeat).flat_map(|_| ids) {
            let (dispatch, _reading, signal) = match self.dispatch(id).await {
                Ok(made) => made,
                Err(failure) => {
                    let _code = failure.report();
                    times.add_failure();
                    continue;
                }
            };
            let mut signals = Signals::after(signal);
            let (outcome, ..) =
                run_shown(pipeline, dispatch, None, sending, &mut signals, false).await;
            if signals.came.is_some() {
                interrupted = signals.came;
                break;
            }
            times.add(&outcome);
            match sending.format {
                Some(Format::Json) => print_outcome(&outcome, sending.format)?,
                _ => print_run(&outcome)?,
            }
        }
        let code = u8::from(!times.are_ok());
        times.print(sending.format)?;
        match interrupted {
            Some(signal) => Err(Failure::interrupted(signal, "interrupted")),
            None => Ok(code.into()),
        }
    }

    /// Opens an auction. Returns the task that reads the rest of it too, and the signal that came meanwhile.
    async fn dispatch(
        &self,
        id: &str,
    ) -> Result<(Dispatch, JoinSet<Result<(), Broken>>, Option<u8>), Failure> {
        let (deadline, started) = (self.sending.deadline, Instant::now());
        for name in names(id) {
            let url = self.url_of(&name)?;
            if let ("file", Ok(path)) = (url.scheme(), url.to_file_path()) {
                self.sending.spare(&path)?;
            }
            let mut reading = JoinSet::new();
            let opening = timeout(deadline, archived_document(&self.shelf.archive, &name));
            let (opened, signal) = match unless_interrupted(opening).await {
                Ok(Ok(opened)) => {
                    let opened = opened.map(|(auction, rest)| {
                        reading.spawn(rest);
                        auction
                    });
                    (opened, None)
                }
                Ok(Err(elapsed)) => {
                    let what = format!("{url}: not opened within {deadline:?}");
                    return Err(Failure::of(what)(elapsed));
                }
                // The interrupted run has an outcome, too.
                Err(signal) => (DiskDocument::read(&b"{}"[..], 2).await, Some(signal)),
            };
            let auction = match opened {
                Ok(auction) => auction,
                Err(broken) => match read_error(&broken) {
                    Some(ReadErrorKind::NotFound(_)) => continue,
                    _ => return Err(unreadable(&url, &broken)),
                },
            };
            let id = id_of(&name).unwrap_or(&name);
            let id = id
                .rsplit('/')
                .next()
                .and_then(|id| id.parse::<AuctionId>().ok());
            let dispatch = dispatch(id, &self.sending.requests, |edits| {
                auction.with_edits(edits.clone())
            });
            let dispatch = dispatch.deadline((started + deadline).into_std());
            return Ok((dispatch, reading, signal));
        }
        Err(self.shelf.missing(id).await)
    }

    fn url_of(&self, name: &str) -> Result<Url, Failure> {
        let location = &self.shelf.location;
        let key = location.key_of(name).map_err(Failure::input(name))?;
        Ok(location.target(self.shelf.archive.clone()).url_of(&key))
    }
}

/// Prints a line for a run, and one for each solver that failed.
fn print_run(outcome: &Outcome) -> Result<(), Failure> {
    let solvers = &outcome.solvers;
    let mut failed = solvers.iter().filter_map(why_not);
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let (all, good) = (solvers.len(), solvers.len() - failed.clone().count());
    let wall = milliseconds(Some(outcome.wall_ms));
    print_line(&format!("auction {id}: {good} of {all} solvers ok, {wall}"))?;
    failed.try_for_each(|solver| print_line(&format!("  {solver}")))
}

/// The archive's error, if it is one.
fn read_error(broken: &Broken) -> Option<&ReadErrorKind> {
    let Broken::Source(error) = broken else {
        return None;
    };
    let error: &ReadError = error.downcast_ref()?;
    Some(&error.kind)
}

/// Wrong input, unless the store or the disk failed.
fn unreadable(url: &Url, broken: &Broken) -> Failure {
    let is_failure = match read_error(broken) {
        Some(ReadErrorKind::Store { source, .. }) => !is_refusal(source),
        _ => matches!(broken, Broken::File(_)),
    };
    let why = match broken {
        Broken::Source(error) => error_chain(&**error),
        broken => error_chain(broken),
    };
    Failure::new(if is_failure { 1 } else { USAGE }, format!("{url}: {why}"))
}
