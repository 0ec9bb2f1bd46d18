use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::exit::Failure;
use crate::auction::{AuctionId, RawAuction};
use crate::error_chain;

/// Reads an auction from a file, or from standard input for `-`.
pub(super) fn read_auction(path: &Path) -> Result<RawAuction, Failure> {
    let (name, text) = if path == Path::new("-") {
        let mut text = Vec::new();
        let read = io::stdin()
            .lock()
            .read_to_end(&mut text)
            .map(|_length| text);
        ("standard input".to_owned(), read)
    } else {
        (path.display().to_string(), fs::read(path))
    };
    let text = text.map_err(|error| Failure::usage(format!("{name}: cannot be read: {error}")))?;
    RawAuction::parse(text)
        .map_err(|error| Failure::usage(format!("{name}: {}", error_chain(&error))))
}

/// The id that the option gives, else the one that the auction gives itself.
pub(super) fn choose_id(
    option: Option<&str>,
    auction: &RawAuction,
    path: &Path,
) -> Result<Option<AuctionId>, Failure> {
    match option {
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|error| Failure::usage(format!("--id: {}", error_chain(&error)))),
        None => auction.id().map_err(|error| {
            Failure::usage(format!("{}: {}", path.display(), error_chain(&error)))
        }),
    }
}
