//! `archive verify`: reads archived auctions back and checks each.

use std::process::ExitCode;

use archive_sink::{Archive, ArchiveReader, CodecKind, ReadError, ReadErrorKind};
use driver_streaming::error_chain;
use futures_util::{StreamExt, TryStreamExt};

use super::arguments::TimeRange;
use super::shelf::Shelf;
use crate::exit::{Failure, print_line};

/// How many objects are read at once.
const AT_ONCE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Its digest or checksum is right.
    Ok,
    Damaged,
    /// It has no digest and no checksum.
    NotVerifiable,
    /// The store failed.
    NotRead,
}

/// The verdicts in words.
const WORDS: [&str; 4] = ["ok", "damaged", "not verifiable", "not read"];

pub(super) async fn run(location: &str, range: TimeRange) -> Result<ExitCode, Failure> {
    match Shelf::open(location) {
        Ok(shelf) if shelf.is_folder().await => verify_all(&shelf, range).await,
        _ => {
            let (shelf, id) = Shelf::around(location)?;
            let (verdict, why) = read(shelf.open_object(&id, false).await?).await;
            print(&id, verdict, &why)?;
            let is_good = matches!(verdict, Verdict::Ok | Verdict::NotVerifiable);
            Ok(u8::from(!is_good).into())
        }
    }
}

async fn verify_all(shelf: &Shelf, range: TimeRange) -> Result<ExitCode, Failure> {
    let mut findings = shelf
        .entries(range)
        .map_ok(|entry| {
            let (archive, name) = (shelf.archive.clone(), entry.name.clone());
            let reading = tokio::spawn(async move { open_and_read(&archive, &name).await });
            async { Ok((entry, reading.await)) }
        })
        .try_buffered(AT_ONCE);
    let mut counts = [0; WORDS.len()];
    while let Some((entry, found)) = findings.try_next().await? {
        let (verdict, why) =
            found.unwrap_or_else(|panicked| (Verdict::NotRead, panicked.to_string()));
        print(entry.id(), verdict, &why)?;
        counts[verdict as usize] += 1;
    }
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return Err(shelf.usage("nothing is archived there that could be verified"));
    }
    let counted = WORDS.iter().zip(counts);
    let counted: Vec<_> = counted
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    print_line(&format!("of {total}: {}", counted.join(", ")))?;
    let [_, damaged, _, not_read] = counts;
    Ok(u8::from(damaged + not_read > 0).into())
}

async fn open_and_read(archive: &Archive, name: &str) -> (Verdict, String) {
    match archive.open(name).await {
        Ok(reader) => read(reader).await,
        Err(error) => judged(&error),
    }
}

/// Reads an object to its end: the verdict, and why.
async fn read(mut reader: ArchiveReader) -> (Verdict, String) {
    while let Some(chunk) = reader.next().await {
        if let Err(error) = chunk {
            return judged(&error);
        }
    }
    match (reader.verified(), reader.codec()) {
        (Some(_), _) => (Verdict::Ok, "by its SHA-256".to_owned()),
        (None, codec @ (CodecKind::Gzip | CodecKind::Zstd)) => {
            (Verdict::Ok, format!("by the checksum of {codec}"))
        }
        (None, _) => {
            let why = "was read to its end, but has no digest and no checksum";
            (Verdict::NotVerifiable, why.to_owned())
        }
    }
}

fn judged(error: &ReadError) -> (Verdict, String) {
    let verdict = match error.kind {
        ReadErrorKind::Decode { .. }
        | ReadErrorKind::Truncated { .. }
        | ReadErrorKind::Incomplete { .. }
        | ReadErrorKind::TrailingData { .. }
        | ReadErrorKind::Length { .. }
        | ReadErrorKind::Digest { .. } => Verdict::Damaged,
        ReadErrorKind::UnknownCoding(_)
        | ReadErrorKind::CodecNotCompiled(_)
        | ReadErrorKind::Key(_) => Verdict::NotVerifiable,
        _ => Verdict::NotRead,
    };
    (verdict, error_chain(&error.kind))
}

fn print(id: &str, verdict: Verdict, why: &str) -> Result<(), Failure> {
    let word = WORDS[verdict as usize];
    print_line(&format!("{word:<14}  {id}: {why}").replace(['\r', '\n'], " "))
}
