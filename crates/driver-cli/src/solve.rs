//! `solve`: sends an auction from a file, or a generated one, to solvers and archives it.

use std::io::{self, Cursor};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use archive_sink::{Codec, Overwrite};
use auction_fixtures::AuctionShape;
use driver_streaming::{AuctionId, Document, Pipeline, PipelineBuilder, Solver};
use futures_util::future::OptionFuture;
use solver_stand_in::StandIn;
use tokio::task::JoinSet;

use crate::archived_document::archived_document;
use crate::archiving::ARCHIVE_LIMIT;
use crate::arguments::SolveArguments;
use crate::disk_document::DiskDocument;
use crate::disk_file::Broken;
use crate::exit::Failure;
use crate::interruptible_run::run_and_print;
use crate::options_and_config::{Sending, dispatch};
use crate::otlp_export::Export;
use crate::signals::unless_interrupted;
use crate::spooling::Uploading;
use crate::store_location::StoreLocation;

/// The archive of the demonstration.
const FOLDER: &str = "archive";

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
    let Some(path) = arguments.auction().or(of_config) else {
        return Err(Failure::usage(
            "FILE (or --auction) is missing: the auction to send, or - for standard input",
        ));
    };
    sending.spare(path)?;
    let placement = arguments.archiving.placement(config)?;
    if sending.requests.is_empty() && placement.is_none() {
        return Err(Failure::usage(
            "nothing to do: neither --solver nor --archive is given",
        ));
    }
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
    let (read, signal) = match unless_interrupted(read_auction(path)).await {
        Ok(read) => (read, None),
        // The interrupted run has an outcome, too.
        Err(signal) => (DiskDocument::read(&b"{}"[..], 2).await, Some(signal)),
    };
    let auction = read.map_err(|broken| match broken {
        Broken::File(error) => Failure::input(format!("{name}: cannot be read"))(error),
        broken => Failure::input(&name)(broken),
    })?;
    let id = match id {
        None => auction.id_so_far().map_err(Failure::input(&name))?,
        id => id,
    };
    if placement.is_some() && id.is_none() && signal.is_none() {
        return Err(Failure::usage(format!(
            "{name}: the auction has no id to archive it by, neither as `id` nor as `metadata.auction_id`: give one with --id"
        )));
    }
    let mut builder = sending.pipeline();
    let mut uploading = None;
    if let Some(placement) = &placement {
        let archiving = arguments.archiving.open(placement, config).await?;
        if let Some(spool) = &archiving.spool {
            export.observe(spool);
        }
        uploading = archiving.upload().await?;
        builder = archiving.add_to(builder);
    }
    let sent = send(builder, &auction, id, signal, sending, export).await;
    OptionFuture::from(uploading.map(Uploading::stop)).await;
    sent
}

async fn send(
    builder: PipelineBuilder,
    auction: &DiskDocument,
    id: Option<AuctionId>,
    signal: Option<u8>,
    sending: &Sending,
    export: &Export,
) -> Result<ExitCode, Failure> {
    let pipeline = export.attach(builder).build();
    let pipeline = pipeline.map_err(Failure::input("the run cannot be set up"))?;
    let length = auction.length().await.ok();
    let dispatch = dispatch(id, &sending.requests, |edits| {
        auction.with_edits(edits.clone())
    });
    run_and_print(&pipeline, dispatch, length, sending, signal).await
}

/// `solve` without arguments: generates an auction and starts three engines, to show the program at work.
async fn demonstrate(sending: &Sending, export: &Export) -> Result<ExitCode, Failure> {
    const GENERATED: &str = "the auction cannot be generated";
    let mut text = Vec::new();
    AuctionShape::MAINNET
        .write_to(&mut text)
        .map_err(Failure::of(GENERATED))?;
    let auction = DiskDocument::read(Cursor::new(text), u64::MAX).await;
    let auction = auction.map_err(Failure::of(GENERATED))?;
    let id = auction.id_so_far().map_err(Failure::of(GENERATED))?;
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
    // Another version may generate another auction with the same id.
    let archive = location.archive().overwrite(Overwrite::Replace).build();
    let archive = archive.map_err(Failure::of(FOLDER))?;
    let builder = builder.archive(location.target(archive));
    send(builder, &auction, id, None, sending, export).await
}

/// Reads and checks an auction: from standard input for `-`, or from a file, which may be compressed.
async fn read_auction(path: &Path) -> Result<DiskDocument, Broken> {
    if path == Path::new("-") {
        return DiskDocument::read(io::stdin(), u64::MAX).await;
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    if let (Some("gz" | "zst" | "br"), Some(name)) = (extension, path.to_str()) {
        let (location, name) = StoreLocation::object(name).map_err(Broken::of_source)?;
        let archive = location.archive().codec(Codec::Identity).build();
        let archive = archive.map_err(Broken::of_source)?;
        let (auction, rest) = archived_document(&archive, &name).await?;
        rest.await?;
        return Ok(auction);
    }
    DiskDocument::open(path.to_owned(), u64::MAX).await
}
