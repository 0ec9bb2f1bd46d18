use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use auction_fixtures::AuctionShape;
use serde_json::Value;

/// A generated auction's size.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// 3.3 MB.
    Small,
    /// 8.5 MB, as on mainnet today.
    Mainnet,
    /// 26 MB.
    Large,
}

/// Writes an auction of the measured shape into `folder`.
pub(crate) fn generated(folder: &Path, size: Size) -> PathBuf {
    let shape = match size {
        Size::Small => AuctionShape::SMALL,
        Size::Mainnet => AuctionShape::MAINNET,
        Size::Large => AuctionShape::LARGE,
    };
    let path = folder.join("auction.json");
    let mut file = File::create(&path).expect("a file can be made");
    let written = shape.write_to(&mut file);
    written
        .and_then(|_bytes| file.write_all(b"\n"))
        .expect("it can be written");
    path
}

/// Real auctions: the JSON files of the folder that `AUCTION_CAPTURES` names, else of any folder `auctions` in a
/// folder beside this checkout. They are not part of the project, so there may be none.
pub(crate) fn captures() -> Vec<PathBuf> {
    let folders = match std::env::var_os("AUCTION_CAPTURES") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => {
            let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1);
            let beside = checkout
                .and_then(Path::parent)
                .map(children)
                .unwrap_or_default();
            beside
                .into_iter()
                .map(|folder| folder.join("auctions"))
                .collect()
        }
    };
    let mut files: Vec<_> = folders.iter().flat_map(|folder| children(folder)).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// Asserts that two texts are the same JSON value.
pub(crate) fn same_value(left: &[u8], right: &[u8]) {
    let left: Value = serde_json::from_slice(left).expect("the first is JSON");
    let right: Value = serde_json::from_slice(right).expect("the second is JSON");
    // Not assert_eq: a difference between megabytes helps nobody.
    assert!(left == right, "the two are different values");
}
