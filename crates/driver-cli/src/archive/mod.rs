//! `archive`: commands for archived auctions and spools.

mod arguments;
mod check;
mod get;
mod list;
mod push;
mod shelf;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use archive_sink::Archive;

pub(super) use self::arguments::{ArchiveCommand, TimeRange};
pub(super) use self::shelf::{Entry, Shelf, id_of, is_refusal, names};

use crate::exit::Failure;
use crate::signals::or_interrupted;

/// How long to wait at the end for a store that does not answer.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn run(command: &ArchiveCommand) -> Result<ExitCode, Failure> {
    let work = async {
        match command {
            ArchiveCommand::Ls(arguments) => list::run(arguments).await,
            ArchiveCommand::Get(arguments) => get::run(arguments).await,
            ArchiveCommand::Verify { location, range } => verify::run(location, *range).await,
            ArchiveCommand::Push(arguments) => push::run(arguments).await,
            ArchiveCommand::Check { location } => check::run(location).await,
        }
    };
    or_interrupted(work).await
}

/// Runs `work`, which writes to a store, and then waits until uploads that were given up are aborted.
async fn cleaning_up<T>(
    archive: &Archive,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = or_interrupted(work).await;
    // If the store is away, its own rules have to remove what it keeps of an upload.
    let _settled = tokio::time::timeout(CLEAN_UP_LIMIT, archive.settled()).await;
    done
}
