use driver_streaming::{ArchiveOutcome, ArchiveStatus};
use object_store::path::Path;

use crate::archive::Shop;
use crate::decode::decode_object;
use crate::material::Expectation;
use crate::plan::{ArchivePlan, SetPlan};
use crate::violation::Violation;

/// What is known of how an archive ended.
#[derive(Debug)]
pub(crate) enum ArchiveEnd {
    /// This.
    Known(ArchiveOutcome),
    /// Nothing: nobody waited for it, but it has ended.
    Unheard,
    /// Nothing: it was given up half-way.
    GivenUp,
}

/// Checks what is visible at a location when the archive there has ended, and removes it.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) async fn check_archive(
    set: &SetPlan,
    archive: &ArchivePlan,
    shop: &Shop,
    location: &Path,
    end: &ArchiveEnd,
    expected: &Expectation,
) -> Result<u64, Violation> {
    let stored = shop.stored(location).await?;
    let struck = shop.record().struck(location);
    let stored_bytes = stored.as_ref().map_or(0, |stored| stored.len() as u64);
    let excused = !struck.is_empty() || !set.is_ample_for_archive();
    let found = match &stored {
        Some(_) if !expected.is_sound => Err("an auction is visible whose document failed".into()),
        Some(stored) => match decode_object(archive.codec.kind().name(), stored) {
            Ok(found) if found.sha256() == expected.sha256 => Ok(()),
            Ok(_) => Err("the archived auction is another".into()),
            Err(error) => Err(format!("the archived auction cannot be decoded: {error}")),
        },
        None => Ok(()),
    };
    let found = found.and_then(|()| {
        let wrong = match end {
            ArchiveEnd::Known(outcome) if outcome.status == ArchiveStatus::Ok => ok_but(
                set,
                archive,
                outcome,
                expected,
                stored.as_ref().map(bytes::Bytes::len),
            ),
            ArchiveEnd::Known(outcome) if outcome.status == ArchiveStatus::Failed => {
                if expected.is_sound && !excused {
                    Some("the archive failed, and nothing was wrong")
                } else if stored.is_some() && !excused {
                    Some("the archive failed, but the auction is visible")
                } else if outcome.error.is_none() {
                    Some("the archive failed without an error")
                } else {
                    None
                }
            }
            ArchiveEnd::Known(_) => Some("the archive has ended in an odd way"),
            ArchiveEnd::Unheard if stored.is_none() && expected.is_sound && !excused => {
                Some("the archive that went on left nothing, and nothing was wrong")
            }
            ArchiveEnd::Unheard | ArchiveEnd::GivenUp => None,
        };
        wrong.map_or(Ok(()), |what| Err(what.to_owned()))
    });
    if let Err(what) = found {
        return Err(Violation::new(what)
            .with("location", location)
            .with("archive", end)
            .with("struck", struck)
            .with("stored bytes", stored_bytes)
            .with("expected", expected));
    }
    shop.forget(location).await?;
    Ok(stored_bytes)
}

fn ok_but(
    set: &SetPlan,
    archive: &ArchivePlan,
    outcome: &ArchiveOutcome,
    expected: &Expectation,
    stored_bytes: Option<usize>,
) -> Option<&'static str> {
    let stored_bytes = stored_bytes.map(|bytes| bytes as u64);
    if stored_bytes.is_none() {
        Some("the archive is ok, but nothing is visible")
    } else if outcome.stored_bytes != stored_bytes {
        Some("the archive's stored length is wrong")
    } else if outcome.raw_bytes != Some(expected.bytes) {
        Some("the archive's raw length is wrong")
    } else if outcome.codec.as_deref() != Some(archive.codec.kind().name()) {
        Some("the archive's codec is wrong")
    } else {
        match &outcome.sha256 {
            Some(sha256) if *sha256 != expected.sha256 => Some("the archive's digest is wrong"),
            None if set.digest => Some("the archive has no digest"),
            _ => None,
        }
    }
}
