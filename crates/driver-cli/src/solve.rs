use std::path::{Path, PathBuf};

use archive_sink::Codec;

use super::arguments::SolveArguments;
use super::codec_choice::codec;
use super::demonstration::Demonstration;
use super::dispatches;
use super::exit::{Exit, Failure};
use super::input::{choose_id, name_of, read_auction};
use super::run::run_and_print;
use super::setup::{Setup, build};
use crate::auction::{AuctionId, RawAuction};
use crate::export::Export;
use crate::location::StoreLocation;
use driver_streaming::PipelineBuilder;
use driver_streaming::error_chain;

pub(super) async fn run(
    arguments: &SolveArguments,
    setup: &Setup,
    export: &Export,
) -> Result<Exit, Failure> {
    if arguments.is_bare() {
        return Demonstration::start(export).await?.run(setup).await;
    }
    let Some(path) = auction_path(arguments, setup) else {
        return Err(Failure::usage(
            "--auction is missing: the file to send, or - for standard input",
        ));
    };
    setup.spare(&path)?;
    let archive = archive_location(arguments, setup)?;
    if setup.requests.is_empty() && archive.is_none() {
        return Err(Failure::usage(
            "nothing to do: neither --solver nor --archive is given",
        ));
    }
    let codec = archive_codec(arguments, setup)?;
    let auction = read_auction(&path)?;
    let id = auction_id(arguments, setup, &auction, &path)?;
    let mut builder = setup.pipeline();
    if let Some((archive, said_by)) = &archive {
        if id.is_none() {
            return Err(Failure::usage(no_id(&path)));
        }
        builder = archived(builder, archive, said_by, codec)?;
    }
    let of_config = setup
        .config
        .as_ref()
        .and_then(|config| config.archive.as_ref());
    if let Some(limit) = arguments
        .archive_limit
        .or(of_config.and_then(|archive| archive.value.limit))
    {
        builder = builder.archive_limit(limit);
    }
    let pipeline = build(export.attach(builder))?;
    let length = auction.text_length() as u64;
    let dispatch = dispatches::of_auction(auction, id, &setup.requests);
    let report = setup.report.as_ref();
    run_and_print(&pipeline, dispatch, Some(length), setup.format, report).await
}

fn auction_path(arguments: &SolveArguments, setup: &Setup) -> Option<PathBuf> {
    let of_config = || setup.config.as_ref()?.auction.clone();
    arguments.auction.clone().or_else(of_config)
}

/// Where to archive, and who says so: the option, or the key of the configuration file.
fn archive_location(
    arguments: &SolveArguments,
    setup: &Setup,
) -> Result<Option<(String, String)>, Failure> {
    if let Some(location) = &arguments.archive {
        return Ok(Some((location.clone(), "--archive".to_owned())));
    }
    let of_config = setup.config.as_ref();
    let Some(archive) = of_config.and_then(|config| config.archive.as_ref()) else {
        return Ok(None);
    };
    match &archive.value.location {
        Some(location) => Ok(Some((location.value.clone(), location.place.to_string()))),
        // Who says how to archive wants an archive.
        None => Err(Failure::usage(format!(
            "{}: the key location is missing, and there is no --archive either",
            archive.place
        ))),
    }
}

/// The codec that the options name, else that of the configuration file: a level belongs to the codec beside it.
fn archive_codec(arguments: &SolveArguments, setup: &Setup) -> Result<Codec, Failure> {
    let of_config = setup
        .config
        .as_ref()
        .and_then(|config| config.archive.as_ref())
        .map(|archive| archive.value.codec);
    match of_config {
        Some(of_config) if arguments.codec.is_none() => match arguments.level {
            None => Ok(of_config),
            level => codec(Some(of_config.kind().name()), level),
        },
        _ => codec(arguments.codec.as_deref(), arguments.level),
    }
}

fn auction_id(
    arguments: &SolveArguments,
    setup: &Setup,
    auction: &RawAuction,
    path: &Path,
) -> Result<Option<AuctionId>, Failure> {
    match setup.config.as_ref().and_then(|config| config.id.clone()) {
        Some(id) if arguments.id.is_none() => Ok(Some(id)),
        _ => choose_id(arguments.id.as_deref(), auction, path),
    }
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

fn no_id(path: &Path) -> String {
    format!(
        "{}: the auction has no id to archive it by: neither a member `id` nor `metadata.auction_id`; give one with --id",
        name_of(path)
    )
}
