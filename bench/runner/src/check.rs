use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::Path;

use comparison_records::Received;

use crate::seen::Seen;
use crate::{Design, Result, Size};

/// What everybody must be sent.
#[derive(Debug)]
pub(crate) struct Expected {
    bytes: u64,
    sha256: String,
}

impl Expected {
    /// The auction as serde_json writes it.
    pub(crate) fn of(size: Size, seed: u64) -> Result<Self> {
        let mut seen = BufWriter::new(Seen::default());
        serde_json::to_writer(&mut seen, &size.shape().with_seed(seed).auction())?;
        let seen = seen.into_inner().map_err(|error| error.into_error())?;
        Ok(Self {
            bytes: seen.bytes,
            sha256: seen.sha256(),
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
        let object = BufReader::new(File::open(path)?);
        let mut document: Box<dyn Read> = match design.codec() {
            "zstd" => Box::new(zstd::stream::Decoder::with_buffer(object)?),
            _ => Box::new(flate2::bufread::MultiGzDecoder::new(object)),
        };
        let mut seen = Seen::default();
        std::io::copy(&mut document, &mut seen)?;
        if seen.sha256() == self.sha256 {
            Ok(())
        } else {
            Err("the archive holds something else".into())
        }
    }
}
