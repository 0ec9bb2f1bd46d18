use std::path::Path;

use chunked_writer::JsonDocument;

use super::arguments::SolveArguments;
use super::codec_choice::codec;
use super::demonstration::Demonstration;
use super::exit::{Exit, Failure};
use super::input::{choose_id, name_of, read_auction};
use super::run::run_and_print;
use super::setup::{build, parse_solvers};
use crate::archive::StoreLocation;
use crate::error_chain;
use crate::pipeline::Pipeline;
use crate::telemetry::export::Export;

pub(super) async fn run(arguments: &SolveArguments, export: &Export) -> Result<Exit, Failure> {
    if arguments.is_bare() {
        return Demonstration::start(export).await?.run().await;
    }
    let Some(path) = &arguments.auction else {
        return Err(Failure::usage(
            "--auction is missing: the file to send, or - for standard input",
        ));
    };
    if arguments.solvers.is_empty() && arguments.archive.is_none() {
        return Err(Failure::usage(
            "nothing to do: neither --solver nor --archive is given",
        ));
    }
    let solvers = parse_solvers(&arguments.solvers)?;
    let codec = codec(arguments.codec.as_deref(), arguments.level)?;
    let auction = read_auction(path)?;
    let id = choose_id(arguments.id.as_deref(), &auction, path)?;
    let mut builder = Pipeline::builder().solvers(solvers);
    if let Some(deadline) = arguments.sending.deadline {
        builder = builder.deadline(deadline);
    }
    if let Some(limit) = arguments.archive_limit {
        builder = builder.archive_limit(limit);
    }
    if let Some(archive) = &arguments.archive {
        if id.is_none() {
            return Err(Failure::usage(no_id(path)));
        }
        let location = StoreLocation::folder(archive)
            .map_err(|error| Failure::usage(format!("--archive: {}", error_chain(&error))))?;
        let kept = location.archive().codec(codec).build();
        let kept =
            kept.map_err(|error| Failure::usage(format!("--archive: {}", error_chain(&error))))?;
        builder = builder.archive(location.target(kept));
    }
    let pipeline = build(export.attach(builder))?;
    let length = auction.text_length() as u64;
    run_and_print(
        &pipeline,
        JsonDocument::new(auction),
        id.as_ref(),
        Some(length),
        arguments.sending.format,
    )
    .await
}

fn no_id(path: &Path) -> String {
    format!(
        "{}: the auction has no id to archive it by: neither a member `id` nor `metadata.auction_id`; give one with --id",
        name_of(path)
    )
}
