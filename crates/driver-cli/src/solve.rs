//! `solve`: an auction from a file, or a generated one, to solvers and to an archive.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use archive_sink::{Codec, CodecKind, Overwrite};
use auction_fixtures::AuctionShape;
use driver_streaming::{AuctionId, Pipeline, PipelineBuilder, Solver, error_chain};
use solver_stand_in::StandIn;
use tokio::task::JoinSet;

use crate::arguments::SolveArguments;
use crate::auction::RawAuction;
use crate::exit::{Exit, Failure};
use crate::export::Export;
use crate::location::StoreLocation;
use crate::run::run_and_print;
use crate::sending::{Sending, build};
use crate::values::codec_at;
use crate::views;

/// Where the demonstration archives.
const FOLDER: &str = "archive";

pub(super) async fn run(
    arguments: &SolveArguments,
    sending: &Sending,
    export: &Export,
) -> Result<Exit, Failure> {
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
    let codec = archive_codec(arguments, sending)?;
    let auction = read_auction(path)?;
    let id = match (&arguments.id, &config.id) {
        (None, Some(id)) => Some(id.clone()),
        (option, _) => choose_id(option.as_deref(), &auction, path)?,
    };
    let mut builder = sending.pipeline();
    if let Some((archive, said_by)) = &archive {
        if id.is_none() {
            return Err(Failure::usage(format!(
                "{}: the auction has no id to archive it by: neither a member `id` nor `metadata.auction_id`; give one with --id",
                name_of(path)
            )));
        }
        builder = archived(builder, archive, said_by, codec)?;
    }
    let of_config = config.archive.as_ref();
    let of_config = of_config.and_then(|archive| archive.get_ref().limit);
    if let Some(limit) = arguments.archive_limit.or(of_config) {
        builder = builder.archive_limit(limit);
    }
    let pipeline = build(export.attach(builder))?;
    let length = auction.text_length() as u64;
    let dispatch = views::of_auction(&auction, id, &sending.requests);
    let report = sending.report.as_ref();
    run_and_print(&pipeline, dispatch, Some(length), sending.format, report).await
}

/// `solve` without arguments: all that is needed to see the program work. Generates an auction, and is three engines.
async fn demonstrate(sending: &Sending, export: &Export) -> Result<Exit, Failure> {
    let failed =
        |what: &str, error: &dyn std::fmt::Display| Failure::failed(format!("{what}: {error}"));
    let mut text = Vec::new();
    AuctionShape::MAINNET
        .write_to(&mut text)
        .map_err(|error| failed("the auction cannot be generated", &error))?;
    let chained = |error: &(dyn std::error::Error + 'static)| Failure::failed(error_chain(error));
    let auction = RawAuction::parse(text).map_err(|error| chained(&error))?;
    let id = choose_id(None, &auction, Path::new("the generated auction"))?;
    let mut engines = JoinSet::new();
    let mut builder = Pipeline::builder();
    for name in ["alpha", "beta", "gamma"] {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = StandIn::builder()
            .bind(loopback)
            .await
            .map_err(|error| failed(&format!("no engine can listen on {loopback}"), &error))?;
        let solver = Solver::new(name, &engine.url()).map_err(|error| chained(&error))?;
        builder = builder.solver(solver);
        engines.spawn(engine.serve());
    }
    let location = StoreLocation::folder(FOLDER).map_err(|error| chained(&error))?;
    // A newer version may generate another auction under the same id.
    let archive = location.archive().overwrite(Overwrite::Replace).build();
    let archive = archive.map_err(|error| chained(&error))?;
    let pipeline = build(export.attach(builder.archive(location.target(archive))))?;
    let length = auction.text_length() as u64;
    let dispatch = views::of_auction(&auction, id, &[]);
    let report = sending.report.as_ref();
    run_and_print(&pipeline, dispatch, Some(length), None, report).await
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

/// The codec that the options name, else that of the configuration file: a level belongs to the codec beside it.
fn archive_codec(arguments: &SolveArguments, sending: &Sending) -> Result<Codec, Failure> {
    let of_config = match &sending.config.archive {
        Some(archive) if arguments.codec.is_none() => {
            Some(archive.get_ref().codec().map_err(Failure::usage)?)
        }
        _ => None,
    };
    match of_config {
        Some(codec) if arguments.level.is_none() => Ok(codec),
        Some(codec) => codec_of_options(Some(codec.kind().name()), arguments.level),
        None => codec_of_options(arguments.codec.as_deref(), arguments.level),
    }
}

/// The codec that the options name: gzip at its default level if they name none.
fn codec_of_options(name: Option<&str>, level: Option<i64>) -> Result<Codec, Failure> {
    let refuse = |option: &str, why: String| Failure::usage(format!("{option}: {why}"));
    let kind: CodecKind = name
        .unwrap_or(CodecKind::Gzip.name())
        .parse()
        .map_err(|error| refuse("--codec", error_chain(&error)))?;
    codec_at(kind, level).map_err(|why| refuse("--level", why))
}

fn archived(
    builder: PipelineBuilder,
    archive: &str,
    said_by: &str,
    codec: Codec,
) -> Result<PipelineBuilder, Failure> {
    let refuse = |error: String| Failure::usage(format!("{said_by}: {error}"));
    let location = StoreLocation::folder(archive).map_err(|error| refuse(error_chain(&error)))?;
    let kept = location.archive().codec(codec).build();
    let kept = kept.map_err(|error| refuse(error_chain(&error)))?;
    Ok(builder.archive(location.target(kept)))
}

/// What messages call an auction's source.
fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads an auction from a file, or from standard input for `-`.
fn read_auction(path: &Path) -> Result<RawAuction, Failure> {
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
fn choose_id(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_belong_to_a_codec_of_options() {
        assert_eq!(
            codec_of_options(None, None).unwrap(),
            Codec::gzip(3).unwrap()
        );
        assert_eq!(
            codec_of_options(Some("zstd"), None).unwrap(),
            Codec::zstd(1).unwrap()
        );
        assert_eq!(
            codec_of_options(Some("zstd"), Some(19)).unwrap(),
            Codec::zstd(19).unwrap()
        );
        for (name, level) in [
            (Some("identity"), Some(1)),
            (Some("gzip"), Some(10)),
            (Some("gzip"), Some(-1)),
            (Some("gzip"), Some(259)),
            (Some("zstd"), Some(23)),
            (Some("brotli"), Some(12)),
            (Some("lzma"), None),
            (Some(""), None),
        ] {
            assert!(codec_of_options(name, level).is_err(), "{name:?} {level:?}");
        }
    }
}
