//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::archive::{ArchiveCommand, TimeRange};
use crate::archiving::ArchiveArguments;
use crate::option_values::{Format, parse_duration};
use crate::solver_flags::SolverFlags;

/// Streams one auction to many solver engines and archives a compressed copy, in bounded memory.
#[derive(Debug, Parser)]
#[command(
    name = "driver-streaming",
    version = VERSION,
    long_version = LONG_VERSION,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    /// The format of the log on standard error. `RUST_LOG` chooses what is logged [default: text].
    #[arg(long, value_enum, global = true, value_name = "text|json")]
    pub(super) log_format: Option<Format>,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send an auction to solvers and archive it. Without arguments, try it out: with a generated auction, three built-in
    /// solvers and an archive in ./archive.
    Solve(SolveArguments),
    /// Send an archived auction to solvers again.
    ///
    /// The auction is not archived again. Its id is the one in the name of its object. The keys `auction`, `id` and
    /// `[archive]` of a configuration file are checked but not used.
    Replay(ReplayArguments),
    /// Run as a service: a solver engine for a driver, which forwards each auction to these solvers.
    ///
    /// It runs until a signal stops it. The keys `auction`, `id`, `format` and `report` of a configuration file are checked
    /// but not used.
    Serve(ServeArguments),
    /// List, get and verify archived auctions, upload a spool, and check a store.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Check a configuration and, with --probe, what its engines accept.
    Check(CheckArguments),
    /// Run a solver engine to test against.
    Solver(SolverArguments),
    /// Write a generated auction, of the size and shape of mainnet's, to standard output.
    Generate(GenerateArguments),
    /// Write a shell's completion script to standard output.
    Completions { shell: Shell },
    /// Write the manual page to standard output.
    Man,
}

pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("COMMIT"));

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    env!("COMMIT"),
    "\nencodings: gzip, zstd, brotli\nstores: file, s3, gs, az, memory\ntelemetry: OTLP over HTTP"
);

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct SolveArguments {
    /// The auction: a file with one JSON object, which may be compressed (.gz, .zst, .br), or - for standard input.
    #[arg(value_name = "FILE", conflicts_with = "auction")]
    pub(super) file: Option<PathBuf>,

    /// The same as FILE.
    #[arg(long, value_name = "FILE|-")]
    pub(super) auction: Option<PathBuf>,

    /// The auction's id for the archive, the report and the header `X-REQUEST-ID` [default: its member `id` or
    /// `metadata.auction_id`]. The document itself is not changed.
    #[arg(long, allow_hyphen_values = true)]
    pub(super) id: Option<String>,

    #[command(flatten)]
    pub(super) archiving: ArchiveArguments,

    #[command(flatten)]
    pub(super) sending: SendingArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The archived auction: a file, a file://, s3://, gs:// or az:// URL, or FOLDER/ID. With --since, --until or --last, a
    /// folder: its auctions from that time are sent one after another.
    pub(super) location: String,

    #[command(flatten)]
    pub(super) range: TimeRange,

    /// Send only the newest N auctions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) last: Option<u32>,

    /// Send everything N times. After several runs, a table shows each solver's times.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) repeat: u32,

    /// The largest auction, in bytes after decompression. One of more than 1 MiB may also be at most 200 times as long as
    /// its stored object.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(super) max_size: u64,

    #[command(flatten)]
    pub(super) sending: SendingArguments,
}

/// The engines, and what they are sent.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct EngineArguments {
    /// A TOML file with these options and more for each solver. Options override the file. A --solver is added to those of
    /// the file, or replaces the endpoint of the one with its name.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A solver engine. Requests go to URL/solve, or to URL if it ends with /solve. Can be repeated.
    #[arg(long = "solver", value_name = "NAME=URL")]
    pub(super) solvers: Vec<String>,

    #[command(flatten)]
    pub(super) flags: SolverFlags,

    /// Replace or add a top-level member of what solvers are sent. VALUE is JSON, a time such as now+15s, or else a string.
    /// The archived auction is not changed. Can be repeated.
    #[arg(long = "set", value_name = "MEMBER=VALUE")]
    pub(super) settings: Vec<String>,

    /// How long solvers may take to answer, from the start of the first request [default: 15s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(super) deadline: Option<Duration>,

    /// Export metrics and traces to this collector, with OTLP over HTTP [default: `OTEL_EXPORTER_OTLP_ENDPOINT`]. The other
    /// `OTEL_*` variables apply too.
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) otlp: Option<String>,
}

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct SendingArguments {
    #[command(flatten)]
    pub(super) engines: EngineArguments,

    /// Do not wait for the archive: give it up if it is not committed when all solvers have ended.
    #[arg(long)]
    pub(super) no_wait: bool,

    /// The format of the outcome [default: text].
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    /// Write a report here when the run has ended: one self-contained HTML file. Replaces an existing file.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 picks a free one. The address is printed. Addresses other than loopback require
    /// --token-file.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "IP:PORT")]
    pub(super) listen: SocketAddr,

    #[command(flatten)]
    pub(super) engines: EngineArguments,

    #[command(flatten)]
    pub(super) archiving: ArchiveArguments,

    /// How much earlier than the driver's deadline the engines' deadline is.
    #[arg(long, default_value = "100ms", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) margin: Duration,

    /// How many auctions are solved at a time; further ones are answered with 503.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_auctions: u16,

    /// The largest auction, in bytes after decompression; larger ones are answered with 413.
    #[arg(long, default_value_t = 256_000_000, value_name = "BYTES")]
    pub(super) max_size: u64,

    /// How long an auction may take to arrive.
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) body_timeout: Duration,

    /// How long running auctions and their archives may take after a signal to stop.
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) stop_timeout: Duration,

    /// A file with the token that `/solve` and `/notify` require, as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Keep each engine's answer in this folder, as AUCTION.ENGINE.json.
    #[arg(long, value_name = "DIR")]
    pub(super) answers: Option<PathBuf>,

    /// Whether a page at / shows the last 100 auctions.
    #[arg(long, value_enum, default_value = "on")]
    pub(super) page: Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) engines: EngineArguments,

    /// Send each engine up to 13 auctions without orders, to find out whether it accepts chunked bodies, lengths and encodings,
    /// and up to which size.
    #[arg(long)]
    pub(super) probe: bool,
}

#[derive(Debug, Args)]
pub(super) struct SolverArguments {
    /// Where to listen; port 0 picks a free one. The address is printed.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT")]
    pub(super) listen: SocketAddr,

    /// Read at most this many bytes per second.
    #[arg(long, value_name = "BYTES_PER_S", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) read_rate: Option<u64>,

    /// Stop reading after this many bytes of a request, and never answer.
    #[arg(long, value_name = "BYTES")]
    pub(super) stall_after: Option<u64>,

    /// Reset the connection after this many bytes of a request.
    #[arg(long, value_name = "BYTES")]
    pub(super) reset_after: Option<u64>,

    /// Wait before answering.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(super) delay: Option<Duration>,

    /// Answer with this status.
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(200..=599))]
    pub(super) status: Option<u16>,

    /// Answer with the content of this file instead of {"solutions":[]}.
    #[arg(long, value_name = "FILE")]
    pub(super) respond: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// How many orders [default: as mainnet today].
    #[arg(long, value_name = "N")]
    pub(super) orders: Option<usize>,

    /// How many tokens [default: as mainnet today].
    #[arg(long, value_name = "N")]
    pub(super) tokens: Option<usize>,

    /// How many liquidity pools [default: as mainnet today].
    #[arg(long, value_name = "N")]
    pub(super) pools: Option<usize>,

    /// Generate another auction of this shape.
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
}

impl SolveArguments {
    pub(super) fn auction(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.auction.as_ref())
    }

    /// Whether no argument was given, apart from --report and --otlp.
    pub(super) fn is_bare(&self) -> bool {
        let mut bare = Self::default();
        bare.sending.report.clone_from(&self.sending.report);
        let otlp = &self.sending.engines.otlp;
        bare.sending.engines.otlp.clone_from(otlp);
        *self == bare
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }
}
