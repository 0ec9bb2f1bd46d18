use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    let (orders, tokens, pools) = match size {
        Size::Small => (2_083, 730, 1_001),
        Size::Mainnet => (5_618, 987, 2_428),
        Size::Large => (17_200, 3_000, 7_400),
    };
    let path = folder.join("auction.json");
    let status = Command::new(env!("CARGO_BIN_EXE_driver-streaming-under-test"))
        .arg("generate")
        .args(["--orders", &orders.to_string()])
        .args(["--tokens", &tokens.to_string()])
        .args(["--pools", &pools.to_string()])
        .stdout(Stdio::from(
            File::create(&path).expect("a file can be made"),
        ))
        .status()
        .expect("the program starts");
    assert!(status.success());
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
