//! This project, by its pipeline: one document and one archive for all solvers.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archive_sink::{Archive, CodecKind};
use auction_fixtures::Auction;
use driver_streaming::{
    ArchiveTarget, AuctionId, Dispatch, JsonDocument, Outcome, Pipeline, Solver,
};
use scripted_store::ScriptedStore;
use url::Url;

use crate::program::{ARCHIVE_KEY, Arguments, Codec, Design, WARM_UP};

const KIB: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// One pipeline, with an archive or without.
#[derive(Debug)]
pub(crate) struct Ours {
    pipeline: Pipeline,
    id: AuctionId,
    chunk_size: NonZeroUsize,
}

impl Ours {
    pub(crate) fn new(arguments: &Arguments, store: ScriptedStore) -> Result<Self> {
        let engines = arguments.engines.iter().enumerate();
        let solvers = engines
            .map(|(index, engine)| Solver::new(format!("solver-{index}"), &arguments.url(*engine)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pipeline = Pipeline::builder()
            .solvers(solvers)
            .deadline(arguments.deadline())
            .digest(false);
        if arguments.codec != Codec::None {
            let target =
                ArchiveTarget::new(archive(arguments.codec, store)?, Url::parse("memory:///")?);
            pipeline = pipeline.archive(target);
        }
        Ok(Self {
            pipeline: pipeline.build()?,
            chunk_size: arguments.chunk_kib.saturating_mul(KIB),
            id: ARCHIVE_KEY.trim_end_matches(".json").parse()?,
        })
    }
}

impl Design for Ours {
    async fn warm_up(&self) -> Result<()> {
        let dispatch = Dispatch::new(JsonDocument::new(WARM_UP));
        checked(self.pipeline.run(dispatch).await)?;
        Ok(())
    }

    async fn run(&self, auction: Arc<Auction>) -> Result<f64> {
        let document = JsonDocument::from_arc(auction).with_chunk_size(self.chunk_size);
        let dispatch = Dispatch::new(document).archive_as(self.id.clone());
        let outcome = checked(self.pipeline.run(dispatch).await)?;
        let passes = outcome.serialize.passes;
        passes.context("nobody took the document to its end")
    }
}

/// This project's archive, without a digest, which no other design computes.
pub(crate) fn archive(codec: Codec, store: ScriptedStore) -> Result<Archive> {
    let kind = match codec {
        Codec::Zstd => CodecKind::Zstd,
        Codec::Gzip | Codec::None => CodecKind::Gzip,
    };
    let codec = archive_sink::Codec::default_for(kind);
    let archive = Archive::builder(Arc::new(store)).codec(codec);
    Ok(archive.digest(false).build()?)
}

fn checked(outcome: Outcome) -> Result<Outcome> {
    if outcome.is_ok() {
        return Ok(outcome);
    }
    let solvers = outcome
        .solvers
        .iter()
        .filter_map(|solver| solver.error.as_deref());
    let errors: Vec<&str> = solvers.chain(outcome.archive.error.as_deref()).collect();
    bail!(errors.join("; "))
}
