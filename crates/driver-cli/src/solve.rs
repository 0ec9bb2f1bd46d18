//! `solve`: an auction from a file, or a generated one, to solvers and to an archive.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use archive_sink::{Codec, CodecKind, Overwrite};
use auction_fixtures::AuctionShape;
use driver_streaming::{AuctionId, Pipeline, PipelineBuilder, Solver};
use solver_stand_in::StandIn;
use tokio::task::JoinSet;

use crate::arguments::SolveArguments;
use crate::config::ArchiveConfig;
use crate::exit::Failure;
use crate::interruptible_run::{run_and_print, unless_interrupted};
use crate::option_values::codec_at;
use crate::options_and_config::Sending;
use crate::otlp_export::Export;
use crate::raw_auction::RawAuction;
use crate::sending::dispatch;
use crate::store_location::StoreLocation;

/// Where the demonstration archives.
const FOLDER: &str = "archive";

/// How long the archive may take, if nobody says it.
pub(super) const ARCHIVE_LIMIT: Duration = Duration::from_secs(120);

pub(super) async fn run(
    arguments: &SolveArguments,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    if arguments.is_bare() {
        return demonstrate(sending, export).await;
    }
    let config = &sending.config;
    let of_config = config.auction.as_ref().map(|path| path.get_ref());
    let Some(path) = arguments.auction.as_ref().or(of_config) else {
        return Err(Failure::usage(
            "--auction is missing: the file to send, or - for standard input",
        ));
    };
    sending.spare(path)?;
    let archive = archive_location(arguments, sending)?;
    if sending.requests.is_empty() && archive.is_none() {
        return Err(Failure::usage(
            "nothing to do: neither --solver nor --archive is given",
        ));
    }
    let archive_config = config.archive.as_ref().map(|archive| archive.get_ref());
    let codec = archive_codec(arguments, archive_config)?;
    let of_arguments = arguments.id.as_ref().map(|text| text.parse::<AuctionId>());
    let id = of_arguments.transpose().map_err(Failure::input("--id"))?;
    let id = id.or_else(|| config.id.clone());
    if sending.no_wait && sending.requests.is_empty() {
        return Err(Failure::usage("--no-wait: there is no solver to wait for"));
    }
    let name = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    };
    let (source, read_as) = (path.clone(), name.clone());
    let reading =
        async { tokio::task::spawn_blocking(move || read_auction(&source, &read_as)).await };
    let (auction, signal) = match unless_interrupted(reading).await {
        Ok(read) => (read.map_err(Failure::of(&name))??, None),
        Err(signal) => (RawAuction::empty(), Some(signal)),
    };
    let id = match id {
        None => auction.id().map_err(Failure::input(&name))?,
        id => id,
    };
    let mut builder = sending.pipeline();
    let of_config = archive_config.and_then(|archive| archive.limit);
    let limit = arguments.archive_limit.or(of_config);
    let limit = limit.unwrap_or(ARCHIVE_LIMIT);
    if let Some((archive, said_by)) = &archive {
        if id.is_none() && signal.is_none() {
            return Err(Failure::usage(format!(
                "{name}: the auction has no id to archive it by: neither a member `id` nor `metadata.auction_id`; give one with --id"
            )));
        }
        let sync = archive_config
            .and_then(|archive| archive.sync)
            .unwrap_or(true);
        let location = StoreLocation::for_writing(archive, limit, sync);
        let location = location.map_err(Failure::input(said_by))?;
        let archive = location.archive().codec(codec).build();
        builder = builder.archive(location.target(archive.map_err(Failure::input(said_by))?));
    }
    let builder = builder.archive_limit(limit);
    send(builder, &auction, id, signal, sending, export).await
}

/// Sends the auction through the pipeline that `builder` makes.
async fn send(
    builder: PipelineBuilder,
    auction: &RawAuction,
    id: Option<AuctionId>,
    signal: Option<u8>,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    let pipeline = export.attach(builder).build();
    let pipeline = pipeline.map_err(Failure::input("the run cannot be set up"))?;
    let length = auction.text_length() as u64;
    let dispatch = dispatch(id, &sending.requests, |edits| auction.document(edits));
    run_and_print(&pipeline, dispatch, Some(length), sending, signal).await
}

/// `solve` without arguments: all that is needed to see the program work. Generates an auction, and is three engines.
async fn demonstrate(sending: &Sending, export: &Export) -> Result<ExitCode, Failure> {
    const GENERATED: &str = "the auction cannot be generated";
    let mut text = Vec::new();
    AuctionShape::MAINNET
        .write_to(&mut text)
        .map_err(Failure::of(GENERATED))?;
    let auction = RawAuction::parse(text).map_err(Failure::of(GENERATED))?;
    let id = auction.id().map_err(Failure::of(GENERATED))?;
    let mut engines = JoinSet::new();
    let mut builder = Pipeline::builder();
    for name in ["alpha", "beta", "gamma"] {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = StandIn::builder()
            .bind(loopback)
            .await
            .map_err(Failure::of(format!("no engine can listen on {loopback}")))?;
        builder = builder.solver(Solver::new(name, &engine.url()).map_err(Failure::of(name))?);
        engines.spawn(engine.serve());
    }
    let location = StoreLocation::folder(FOLDER, ARCHIVE_LIMIT).map_err(Failure::of(FOLDER))?;
    // A newer version may generate another auction under the same id.
    let archive = location.archive().overwrite(Overwrite::Replace).build();
    let archive = archive.map_err(Failure::of(FOLDER))?;
    let builder = builder.archive(location.target(archive));
    send(builder, &auction, id, None, sending, export).await
}

/// Where to archive, and who says so: the option, or the key of the configuration file.
fn archive_location(
    arguments: &SolveArguments,
    sending: &Sending,
) -> Result<Option<(String, String)>, Failure> {
    if let Some(location) = &arguments.archive {
        return Ok(Some((location.clone(), "--archive".to_owned())));
    }
    let config = &sending.config;
    let Some(archive) = &config.archive else {
        return Ok(None);
    };
    match &archive.get_ref().location {
        Some(location) => Ok(Some((location.get_ref().clone(), config.place(location)))),
        // Who says how to archive wants an archive.
        None => Err(Failure::usage(format!(
            "{}: the key location is missing, and there is no --archive either",
            config.place(archive)
        ))),
    }
}

/// The option's codec, else that of the configuration file, else gzip; a level in the file belongs to its codec.
fn archive_codec(
    arguments: &SolveArguments,
    config: Option<&ArchiveConfig>,
) -> Result<Codec, Failure> {
    let (codec, level) = match (arguments.codec, config) {
        (None, Some(config)) => (config.codec, config.level.as_ref()),
        (codec, _) => (codec, None),
    };
    let level = arguments.level.or(level.map(|level| *level.get_ref()));
    codec_at(codec.unwrap_or(CodecKind::Gzip), level)
        .map_err(|why| Failure::usage(format!("--level: {why}")))
}

/// Reads an auction from a file, or from standard input for `-`. Blocks.
fn read_auction(path: &Path, name: &str) -> Result<RawAuction, Failure> {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut text);
        read.map(|_length| text)
    } else {
        fs::read(path)
    };
    let text = text.map_err(Failure::input(format!("{name}: cannot be read")))?;
    RawAuction::parse(text).map_err(Failure::input(name))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn levels_belong_to_a_codec_of_options() {
        let codec_of_options = |codec, level| {
            let arguments = SolveArguments {
                codec,
                level,
                ..SolveArguments::default()
            };
            archive_codec(&arguments, None)
        };
        for (kind, level, codec) in [
            (None, None, Codec::gzip(3)),
            (Some(CodecKind::Zstd), None, Codec::zstd(1)),
            (Some(CodecKind::Zstd), Some(19), Codec::zstd(19)),
        ] {
            assert_eq!(codec_of_options(kind, level).unwrap(), codec.unwrap());
        }
        for (kind, level) in [
            (CodecKind::Identity, 1),
            (CodecKind::Gzip, 10),
            (CodecKind::Gzip, -1),
            (CodecKind::Gzip, 259),
            (CodecKind::Zstd, 23),
            (CodecKind::Brotli, 12),
        ] {
            assert!(
                codec_of_options(Some(kind), Some(level)).is_err(),
                "{kind} {level}"
            );
        }
        for name in ["lzma", ""] {
            let words = ["driver-streaming", "solve", "--codec", name];
            assert!(Arguments::try_parse_from(words).is_err(), "{name}");
        }
    }
}
