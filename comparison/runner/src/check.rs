use std::io::Read;
use std::path::Path;

use comparison_auction::Auction;
use comparison_records::Received;
use sha2::{Digest as _, Sha256};

use crate::{Design, Result, Size};

/// What everybody must be sent.
#[derive(Debug)]
pub(crate) struct Expected {
    bytes: u64,
    sha256: String,
}

impl Expected {
    /// The auction as `serde_json::to_vec` writes it.
    pub(crate) fn of(size: Size, seed: u64) -> Result<Self> {
        let document = serde_json::to_vec(&Auction::generate(size.shape(), seed))?;
        Ok(Self {
            bytes: document.len() as u64,
            sha256: hex(&Sha256::digest(&document)),
        })
    }

    /// Whether every engine was sent it, besides the warm-up.
    pub(crate) fn check_engines(&self, solvers: usize, received: &[Received]) -> Result {
        for engine in 0..solvers {
            let is_right = received.iter().any(|request| {
                request.engine == engine
                    && request.bytes == self.bytes
                    && request.sha256.as_deref() == Some(&self.sha256)
            });
            if !is_right {
                return Err(format!("engine {engine} was not sent the auction").into());
            }
        }
        Ok(())
    }

    /// Whether the archived object decompresses to it, to its very end.
    pub(crate) fn check_archive(&self, design: Design, path: &Path) -> Result {
        let object = std::fs::read(path)?;
        let document = match design.codec() {
            "zstd" => zstd::stream::decode_all(&object[..])?,
            _ => {
                let mut document = Vec::new();
                flate2::bufread::MultiGzDecoder::new(&object[..]).read_to_end(&mut document)?;
                document
            }
        };
        if hex(&Sha256::digest(&document)) == self.sha256 {
            Ok(())
        } else {
            Err("the archive holds something else".into())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
