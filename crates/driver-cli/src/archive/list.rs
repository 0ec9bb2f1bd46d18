//! `archive ls`: lists archived auctions, the newest last.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::process::ExitCode;

use futures_util::future::OptionFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;

use super::arguments::{ListArguments, TimeRange};
use super::shelf::{Entry, Shelf};
use crate::exit::{Failure, printed, write_line};
use crate::figures::{known, size};
use crate::option_values::Format;

/// How many entries are held to sort them: about 20 MB.
const HELD: usize = 100_000;

/// How many objects are asked about at once.
const AT_ONCE: usize = 16;

pub(super) async fn run(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let shelf = Shelf::open(&arguments.location)?;
    let range = arguments.range;
    let described = by_time(shelf.entries(range), HELD).map_ok(|entry| async {
        let asked = arguments.long.then(|| details(&shelf, &entry));
        let details = OptionFuture::from(asked).await;
        Ok((entry, details))
    });
    let mut described = Box::pin(described.try_buffered(AT_ONCE));
    let mut is_empty = true;
    while let Some((entry, details)) = described.try_next().await? {
        is_empty = false;
        let line = match arguments.format {
            Format::Text => text_of(&entry, details.as_ref()),
            Format::Json => json_of(&entry, details)?,
        };
        // Nothing more is asked of the store when nobody reads on.
        if let Err(error) = write_line(&line) {
            return printed(Err(error)).map(|()| ExitCode::SUCCESS);
        }
    }
    if is_empty && range == TimeRange::default() && !shelf.location.is_local() {
        return Err(shelf.usage("nothing is archived there, if there is such a location"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Sorts entries by time, with at most `held` of them in memory.
fn by_time<E>(
    entries: BoxStream<'_, Result<Entry, E>>,
    held: usize,
) -> impl Stream<Item = Result<Entry, E>> {
    let state = (entries.fuse(), BinaryHeap::new());
    stream::try_unfold(state, move |(mut entries, mut heap)| async move {
        while heap.len() <= held
            && let Some(entry) = entries.try_next().await?
        {
            heap.push(Reverse(entry));
        }
        let oldest = heap.pop().map(|Reverse(entry)| entry);
        Ok(oldest.map(|entry| (entry, (entries, heap))))
    })
}

/// What a listing does not say of an archive.
#[derive(Default, Serialize)]
struct Details {
    codec: Option<&'static str>,
    raw_bytes: Option<u64>,
}

async fn details(shelf: &Shelf, entry: &Entry) -> Details {
    let (at, bytes) = (&entry.location, entry.stored_bytes);
    match shelf.archive.describe(at, bytes).await {
        Ok(found) => Details {
            codec: Some(found.codec.name()),
            raw_bytes: found.raw_bytes,
        },
        Err(error) => {
            tracing::warn!(name = entry.name, %error, "it cannot be looked at");
            Details::default()
        }
    }
}

fn text_of(entry: &Entry, details: Option<&Details>) -> String {
    let mut line = format!(
        "{:.0}  {:>10}",
        entry.stored,
        size(Some(entry.stored_bytes))
    );
    if let Some(details) = details {
        let codec = known(details.codec);
        line += &format!("  {:>10}  {codec:<8}", size(details.raw_bytes));
    }
    line + "  " + entry.id()
}

fn json_of(entry: &Entry, details: Option<Details>) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        name: &'a str,
        time: String,
        stored_bytes: u64,
        #[serde(flatten)]
        details: Option<Details>,
    }
    let line = Line {
        id: entry.id(),
        name: &entry.name,
        time: entry.stored.to_string(),
        stored_bytes: entry.stored_bytes,
        details,
    };
    serde_json::to_string(&line).map_err(Failure::of("a line cannot be written"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use jiff::Timestamp;
    use object_store::path::Path;

    use super::*;

    #[tokio::test]
    async fn the_newest_is_last_as_far_as_is_held() {
        for (held, expected) in [
            (0, [3, 1, 2, 5, 4]),
            (1, [1, 2, 3, 4, 5]),
            (9, [1, 2, 3, 4, 5]),
        ] {
            let entries = [3, 1, 2, 5, 4].map(|second| {
                Ok::<_, Infallible>(Entry {
                    stored: Timestamp::from_second(second).unwrap(),
                    name: String::new(),
                    location: Path::default(),
                    stored_bytes: 0,
                })
            });
            let sorted = by_time(stream::iter(entries).boxed(), held);
            let sorted: Vec<_> = sorted.try_collect().await.unwrap();
            let seconds: Vec<_> = sorted
                .iter()
                .map(|entry| entry.stored.as_second())
                .collect();
            assert_eq!(seconds, expected, "{held}");
        }
    }
}
