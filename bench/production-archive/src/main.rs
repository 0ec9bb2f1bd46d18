//! The archive of the design in production, after its public source (cowprotocol/services, pull request 4575): gzip of
//! level 3 by flate2's default backend into memory, which goes out in one PUT.
//!
//! `bench-micro` starts it for one archive, with the way (`direct` or `buffered`) and how often the large auction is
//! written into it; the answer is a line of two numbers. It is a program of its own since features unify within one
//! build, and the other has another backend: `cargo build -p` builds each by itself.
//!
//! The PUT is left out. To a store that keeps nothing it costs nothing, and the other side does make its requests.

use std::io::{BufWriter, Write};

use anyhow::{Context as _, Result, bail};
use auction_fixtures::{Auction, AuctionShape};
use bench_records::process_cpu_nanoseconds;
use flate2::Compression;
use flate2::write::GzEncoder;

const LEVEL: u32 = 3;
const BUFFER_BYTES: usize = 64 * 1024;

/// Prints the nanoseconds of processor time, and the trailer of the archive.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (gzip, times) = match &arguments[..] {
        [way, times] if way == "direct" => (Gzip::Direct, times.parse()?),
        [way, times] if way == "buffered" => (Gzip::Buffered, times.parse()?),
        _ => bail!("expected direct or buffered, and how often"),
    };
    let auction = AuctionShape::LARGE.auction();
    // Once to warm up: what is measured has the memory of that at hand, as in a service.
    drop(gzip.archive(&auction, 1)?);
    let start = process_cpu_nanoseconds();
    let archive = gzip.archive(&auction, times)?;
    let took = process_cpu_nanoseconds() - start;
    let trailer = trailer(&archive).context("a gzip without its end")?;
    println!("{took} {trailer}");
    Ok(())
}

/// What a gzip says at its end about what is in it (RFC 1952, section 2.3.1): CRC-32, and the length modulo 2^32.
fn trailer(archive: &[u8]) -> Option<u64> {
    archive.last_chunk().map(|end| u64::from_le_bytes(*end))
}

/// What the encoder is fed.
#[derive(Clone, Copy, Debug)]
enum Gzip {
    /// Each piece that serde_json writes, often a single byte: the pull request's first revision.
    Direct,
    /// Blocks of 64 KiB.
    Buffered,
}

impl Gzip {
    /// The whole archive, in memory, of the auction written so many times.
    fn archive(self, auction: &Auction, times: usize) -> std::io::Result<Vec<u8>> {
        let encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        let encoder = match self {
            Self::Direct => write(encoder, auction, times)?,
            Self::Buffered => {
                let writer = BufWriter::with_capacity(BUFFER_BYTES, encoder);
                let written = write(writer, auction, times)?;
                written.into_inner().map_err(|error| error.into_error())?
            }
        };
        encoder.finish()
    }
}

fn write<W: Write>(mut writer: W, auction: &Auction, times: usize) -> std::io::Result<W> {
    for _ in 0..times {
        serde_json::to_writer(&mut writer, auction)?;
    }
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_ways_archive_the_same_and_say_what_is_in_it() {
        let auction = AuctionShape::SMALL.auction();
        let document = serde_json::to_vec(&auction).unwrap().repeat(2);
        for gzip in [Gzip::Direct, Gzip::Buffered] {
            let archive = gzip.archive(&auction, 2).unwrap();
            let mut decoder = flate2::read::GzDecoder::new(&archive[..]);
            let mut found = Vec::new();
            decoder.read_to_end(&mut found).unwrap();
            assert!(found == document);
            let mut checksum = flate2::Crc::new();
            checksum.update(&document);
            let expected = u64::from(checksum.amount()) << 32 | u64::from(checksum.sum());
            assert_eq!(trailer(&archive), Some(expected));
        }
        assert_eq!(trailer(&[0; 7]), None);
    }
}
