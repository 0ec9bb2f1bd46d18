//! The archive of the design in production, after its public source (cowprotocol/services, pull request 4575): gzip of
//! level 3 by flate2's default backend into memory, which goes out in one PUT.
//!
//! `bench-micro` starts it for one archive, with the way (`direct` or `buffered`) and how often the large auction is
//! written into it; the answer is a line of three numbers. It is a program of its own since features unify within one
//! build, and the other has another backend: `cargo build -p` builds each by itself.
//!
//! The PUT is left out. To a store that keeps nothing it costs nothing, and the other side does make its requests.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use auction_fixtures::{Auction, AuctionShape};
use bench_records::process_cpu_nanoseconds;
use flate2::Compression;
use flate2::write::GzEncoder;

const LEVEL: u32 = 3;
const BUFFER_BYTES: usize = 64 * 1024;

/// Any failure, told to whoever started the program.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match archive() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the nanoseconds of processor time, the checksum and the length (modulo 2^32) of what was archived.
fn archive() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (gzip, times) = match &arguments[..] {
        [way, times] if way == "direct" => (Gzip::Direct, times.parse()?),
        [way, times] if way == "buffered" => (Gzip::Buffered, times.parse()?),
        _ => return Err("expected direct or buffered, and how often".into()),
    };
    let auction = AuctionShape::LARGE.auction();
    // Once to warm up: what is measured has the memory of that at hand, as in a service.
    drop(gzip.archive(&auction, 1)?);
    let start = process_cpu_nanoseconds();
    let archive = gzip.archive(&auction, times)?;
    let took = process_cpu_nanoseconds() - start;
    let (checksum, length) = trailer(&archive).ok_or("a gzip without its end")?;
    println!("{took} {checksum} {length}");
    Ok(())
}

/// What a gzip says at its end about what is in it (RFC 1952, section 2.3.1): CRC-32, and the length modulo 2^32.
fn trailer(archive: &[u8]) -> Option<(u32, u32)> {
    let (rest, length) = archive.split_last_chunk()?;
    let (_, checksum) = rest.split_last_chunk()?;
    Some((u32::from_le_bytes(*checksum), u32::from_le_bytes(*length)))
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
            assert_eq!(trailer(&archive), Some((checksum.sum(), checksum.amount())));
        }
        assert_eq!(trailer(&[0; 7]), None);
    }
}
