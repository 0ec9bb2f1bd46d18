//! This project: its pipeline, with one document and one archive for all solvers, and its parts.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use auction_fixtures::Auction;
use driver_streaming::{
    ArchiveTarget, AuctionId, Dispatch, JsonDocument, Outcome, Pipeline, Solver,
    stream_body_and_archive,
};
use futures_util::future::{try_join, try_join_all};
use scripted_store::ScriptedStore;
use url::Url;

use crate::endpoints::{Endpoints, archive};
use crate::program::{ARCHIVE_KEY, Arguments, Design, WARM_UP};

/// One pipeline, with an archive or without.
#[derive(Debug)]
pub(crate) struct Ours {
    pipeline: Pipeline,
    id: AuctionId,
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
        if let Some(archive) = archive(arguments, store)? {
            let target = ArchiveTarget::new(archive, Url::parse("memory:///")?);
            pipeline = pipeline.archive(target);
        }
        Ok(Self {
            pipeline: pipeline.build()?,
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
        let document = JsonDocument::from_arc(auction);
        let dispatch = Dispatch::new(document).archive_as(self.id.clone());
        let outcome = checked(self.pipeline.run(dispatch).await)?;
        let passes = outcome.serialize.passes;
        passes.context("nobody took the document to its end")
    }
}

/// A document and an archive for each solver, and reqwest: the function that takes the place of production's.
pub(crate) async fn streamed(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let archive = endpoints.archive.as_ref().context("no archive")?;
    let sends = endpoints.engines().map(|engine| {
        let name = format!("{}/{ARCHIVE_KEY}", engine.port());
        let auction = Arc::clone(&auction);
        let (body, _sent, archived) = stream_body_and_archive(auction, archive, &name);
        let archived = async { Ok(archived.ended().await?) };
        try_join(endpoints.post(engine, body), archived)
    });
    Ok(try_join_all(sends).await?.len() as f64)
}

/// One archive, and no solvers.
pub(crate) async fn archive_alone(endpoints: Endpoints, auction: Arc<Auction>) -> Result<f64> {
    let archive = endpoints.archive.context("no archive")?;
    let document = JsonDocument::from_arc(auction).stream();
    archive.store(ARCHIVE_KEY, document).await?;
    Ok(1.0)
}

fn checked(outcome: Outcome) -> Result<Outcome> {
    ensure!(outcome.is_ok(), "{outcome:?}");
    Ok(outcome)
}
