//! What may be asked for on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::option_values::parse_duration;
use crate::archive::{ArchiveCommand, TimeRange};
use crate::archiving::ArchiveArguments;
use crate::check_engines::CheckArguments;
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
    /// How logs on standard error are written; `RUST_LOG` chooses what is logged [default: text].
    #[arg(long, value_enum, global = true, value_name = "text|json")]
    pub(super) log_format: Option<Format>,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send an auction to solvers and archive it. Without any argument: a generated auction, three solvers of its own,
    /// an archive in ./archive.
    Solve(SolveArguments),
    /// Send an archived auction to solvers once more.
    ///
    /// It is not archived again, and is known by the id in the name of its object. Of a configuration file, `auction`,
    /// `id` and `[archive]` are for `solve` alone: they are checked, and not used.
    Replay(ReplayArguments),
    /// Be a solver engine to a driver, with these solvers behind it, until a signal ends it.
    ///
    /// Of a configuration file, `auction`, `id`, `format` and `report` are for `solve` alone: they are checked, and not used.
    Serve(ServeArguments),
    /// List, get and verify archives, empty a spool, and check a store.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Check a configuration, and ask its engines what they take.
    Check(CheckArguments),
    /// Be a solver engine to test against.
    Solver(SolverArguments),
    /// Write an auction of today's mainnet shape to standard output.
    Generate(GenerateArguments),
    /// Write what completes commands and options in a shell to standard output.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual page to standard output.
    Man,
}

/// The version, and the commit where that is known.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("COMMIT"));

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    env!("COMMIT"),
    "\nencodings: gzip, zstd, brotli\nstores: file, s3, gs, az, memory\ntelemetry: OTLP over HTTP"
);

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct SolveArguments {
    /// The auction: a file of one JSON object, or - for standard input.
    #[arg(value_name = "FILE", conflicts_with = "auction")]
    pub(super) file: Option<PathBuf>,

    /// The same as FILE.
    #[arg(long, value_name = "FILE|-")]
    pub(super) auction: Option<PathBuf>,

    /// The auction's id, in place of its member `id` or `metadata.auction_id`: for the archive, reports and
    /// `X-REQUEST-ID`. What solvers are sent keeps the id that stands in it, or none.
    #[arg(long, allow_hyphen_values = true)]
    pub(super) id: Option<String>,

    #[command(flatten)]
    pub(super) archiving: ArchiveArguments,

    #[command(flatten)]
    pub(super) sending: SendingArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The archived auction: a file, or a file://, s3://, gs:// or az:// URL, or a folder and, after a slash, the id. With
    /// --since, --until or --last, a folder, of which all auctions are sent that were stored then, one after the other.
    pub(super) location: String,

    #[command(flatten)]
    pub(super) range: TimeRange,

    /// Only the newest N of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) last: Option<u32>,

    /// Send all of it N times. With more than one run, a table of each solver's times comes last.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) repeat: u32,

    /// How many bytes the auction may have when it is decompressed. Whatever this is, more than 1 MiB of it is at most
    /// 200 times as long as what is stored.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(super) max_size: u64,

    #[command(flatten)]
    pub(super) sending: SendingArguments,
}

/// What engines there are, and what they are sent.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct EngineArguments {
    /// A TOML file that says what these options say, and more for each solver. An option counts before the file; solvers
    /// of both are sent to, and a --solver with the name of one in the file replaces its endpoint.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// A solver engine: requests go to URL/solve, or to the URL if it ends with that. May be given many times.
    #[arg(long = "solver", value_name = "NAME=URL")]
    pub(super) solvers: Vec<String>,

    #[command(flatten)]
    pub(super) flags: SolverFlags,

    /// Replaces a top-level member of what solvers are sent, or appends it: JSON, or now+15s for an instant, or else a
    /// string. The archive keeps the auction as it is.
    #[arg(long = "set", value_name = "MEMBER=VALUE")]
    pub(super) settings: Vec<String>,

    /// How long after the first request's start every solver must have answered [default: 15s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(super) deadline: Option<Duration>,

    /// Export metrics and traces to this collector, by OTLP over HTTP with protocol buffers [default: what
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` says]. The other `OTEL_*` variables count as well.
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) otlp: Option<String>,
}

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct SendingArguments {
    #[command(flatten)]
    pub(super) engines: EngineArguments,

    /// End when all solvers have: an archive that is not committed by then is given up, which is no failure.
    #[arg(long)]
    pub(super) no_wait: bool,

    /// How the outcome is printed [default: text].
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    /// Write a page here that shows how the auction went to each: one HTML file that needs nothing else. It is written
    /// when all have ended, well or not, in place of what was there.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 picks a free one. The address is printed. Elsewhere than on loopback, --token-file is
    /// required.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "IP:PORT")]
    pub(super) listen: SocketAddr,

    #[command(flatten)]
    pub(super) engines: EngineArguments,

    #[command(flatten)]
    pub(super) archiving: ArchiveArguments,

    /// How long before the driver's deadline the engines' is.
    #[arg(long, default_value = "100ms", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) margin: Duration,

    /// How many auctions are solved at a time: one more is answered with 503.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_auctions: u16,

    /// The largest auction, in bytes after decompression: a larger one is answered with 413.
    #[arg(long, default_value_t = 256_000_000, value_name = "BYTES")]
    pub(super) max_size: u64,

    /// How long an auction may take to arrive.
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) body_timeout: Duration,

    /// How long auctions that are under way, and their archives, may take after a signal to stop.
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) stop_timeout: Duration,

    /// A file with the token that `/solve` and `/notify` require, as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Keep each engine's answer in this folder, as AUCTION.ENGINE.json.
    #[arg(long, value_name = "DIR")]
    pub(super) answers: Option<PathBuf>,

    /// Whether there is a page at / that shows the last 100 auctions.
    #[arg(long, value_enum, default_value = "on")]
    pub(super) page: Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object on one line.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct SolverArguments {
    /// Where to listen; port 0 picks a free one, which is printed.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT")]
    pub(super) listen: SocketAddr,

    /// Read no faster than this.
    #[arg(long, value_name = "BYTES_PER_S", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) read_rate: Option<u64>,

    /// Stop reading for good after this many bytes of a request.
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

    /// Answer with this file's content in place of {"solutions":[]}.
    #[arg(long, value_name = "FILE")]
    pub(super) respond: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// How many orders [default: today's mainnet].
    #[arg(long, value_name = "N")]
    pub(super) orders: Option<usize>,

    /// How many tokens [default: today's mainnet].
    #[arg(long, value_name = "N")]
    pub(super) tokens: Option<usize>,

    /// How many liquidity pools [default: today's mainnet].
    #[arg(long, value_name = "N")]
    pub(super) pools: Option<usize>,

    /// Another seed, another auction.
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
}

impl SolveArguments {
    /// The file to send, by either way to name it.
    pub(super) fn auction(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.auction.as_ref())
    }

    /// Whether the command was given no argument at all, but perhaps where to report and to export telemetry to.
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
