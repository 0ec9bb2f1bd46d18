use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::exit::Failure;
use crate::auction::{AuctionId, RawAuction};
use driver_streaming::error_chain;

/// What messages call an auction's source.
pub(super) fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads an auction from a file, or from standard input for `-`.
pub(super) fn read_auction(path: &Path) -> Result<RawAuction, Failure> {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut text)
            .map(|_length| text)
    } else {
        fs::read(path)
    };
    let name = name_of(path);
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
        None => auction
            .id()
            .map_err(|error| Failure::usage(format!("{}: {}", name_of(path), error_chain(&error)))),
    }
}
