use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use driver_streaming::Pipeline;
use object_store::path::Path;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::archive::Shop;
use crate::auction::Auction;
use crate::check::{ArchiveEnd, check_archive};
use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::material::Expectation;
use crate::plan::{AuctionPlan, SetPlan};
use crate::violation::Violation;
use crate::world::World;

/// How long what goes on after runs may take to end: only a defect takes so long.
const DRAINED: Duration = Duration::from_secs(240);

/// One pipeline with its engines and its archive, for some auctions.
pub(crate) struct Set {
    pub(crate) plan: SetPlan,
    pub(crate) pipeline: Pipeline,
    pub(crate) ledgers: Vec<Arc<Ledger>>,
    pub(crate) shop: Option<Shop>,
    pub(crate) world: Arc<World>,
    engines: Vec<Engine>,
    /// Archives of which the end is checked when nothing goes on any more.
    unchecked: Mutex<Vec<(Path, ArchiveEnd, Expectation)>>,
}

impl Set {
    /// Starts engines and a pipeline to them.
    ///
    /// # Errors
    /// When that fails, which would be a defect.
    pub(crate) async fn start(
        plan: SetPlan,
        world: Arc<World>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut builder = Pipeline::builder()
            .deadline(plan.deadline)
            .archive_limit(plan.archive_limit)
            .answer_limit(plan.answer_bytes)
            .window(plan.window_bytes)
            .window_budget(plan.window_budget_bytes)
            .digest(plan.digest);
        let mut engines = Vec::new();
        let mut ledgers = Vec::new();
        for solver in &plan.solvers {
            let ledger = Arc::new(Ledger::new(
                plan.place,
                solver.name.clone(),
                Arc::clone(&world.verdict),
                Arc::clone(&world.statistics),
            ));
            let engine =
                Engine::start(solver.behaviour, Arc::clone(&ledger), &world.engines).await?;
            builder = builder.solver(solver.solver(engine.url())?);
            engines.push(engine);
            ledgers.push(ledger);
        }
        let shop = match &plan.archive {
            None => None,
            Some(archive) => {
                let statistics = Arc::clone(&world.statistics);
                Some(Shop::new(archive, &world.folder, statistics)?)
            }
        };
        if let Some(shop) = &shop {
            builder = builder.archive(shop.target());
        }
        let pipeline = builder.build()?;
        world.statistics.count_set();
        Ok(Self {
            plan,
            pipeline,
            ledgers,
            shop,
            world,
            engines,
            unchecked: Mutex::default(),
        })
    }

    /// Runs all auctions, so many at a time, and then ends.
    ///
    /// # Errors
    /// The first violation.
    pub(crate) async fn run(self) -> Result<(), Violation> {
        let this = Arc::new(self);
        let mut running = JoinSet::new();
        let mut result = Ok(());
        for index in 0..this.plan.auctions {
            if this.world.is_over() || result.is_err() {
                break;
            }
            while running.len() >= this.plan.overlap {
                result = result.and(ended(running.join_next().await));
            }
            let place = this.plan.place.with_auction(index);
            let sizes = this.world.corpus.sizes();
            let plan = AuctionPlan::any(this.world.seed, place, &this.plan, sizes);
            let auction = Auction::new(Arc::clone(&this), plan);
            running.spawn(async move { auction.run().await });
        }
        while let Some(next) = running.join_next().await {
            result = result.and(ended(Some(next)));
        }
        result?;
        match Arc::into_inner(this) {
            Some(set) => set.end().await,
            None => Err(Violation::new(
                "a set is still in use after its last auction",
            )),
        }
    }

    /// The end of an archive at `location` is to be checked later.
    pub(crate) fn check_later(&self, location: Path, end: ArchiveEnd, expected: Expectation) {
        let mut unchecked = self
            .unchecked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unchecked.push((location, end, expected));
    }

    async fn end(self) -> Result<(), Violation> {
        let Self {
            plan,
            pipeline,
            shop,
            engines,
            unchecked,
            ..
        } = self;
        if timeout(DRAINED, pipeline.drain()).await.is_err() {
            let what = "what went on after runs does not end";
            return Err(Violation::new(what));
        }
        let unchecked = unchecked
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let (Some(shop), Some(archive)) = (&shop, &plan.archive) {
            let checked = async {
                for (location, end, expected) in &unchecked {
                    check_archive(&plan, archive, shop, location, end, expected).await?;
                }
                shop.check_empty().await
            };
            checked.await?;
        }
        drop(pipeline);
        for engine in engines {
            engine.stop().await;
        }
        Ok(())
    }
}

/// What came of an auction's task.
fn ended(
    task: Option<Result<Result<(), Violation>, tokio::task::JoinError>>,
) -> Result<(), Violation> {
    match task {
        None => Ok(()),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Violation::new("running an auction panicked").with("error", error)),
    }
}
