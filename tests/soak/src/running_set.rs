use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Outcome, Pipeline};
use object_store::path::Path;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::archive::{ArchiveEnd, ArchiveStore, check_archive};
use crate::bodies::ExpectedBodies;
use crate::documents::{Expectation, Prepared};
use crate::engine::Engine;
use crate::lock;
use crate::plan::{AuctionPlan, SetPlan, Way};
use crate::solver_check::SolverCheck;
use crate::violation::Violation;
use crate::world::World;

/// How long what goes on after runs may take to end: only a defect takes so long.
const DRAINED: Duration = Duration::from_secs(240);

/// One pipeline with its engines and its archive, for some auctions.
pub(crate) struct Set {
    plan: SetPlan,
    pipeline: Pipeline,
    bodies: Vec<Arc<ExpectedBodies>>,
    store: Option<ArchiveStore>,
    world: Arc<World>,
    engines: Vec<Engine>,
    /// Archives of which the end is checked when nothing goes on any more.
    unchecked: Mutex<Vec<(Path, ArchiveEnd, Expectation)>>,
}

impl Set {
    /// Starts engines and a pipeline to them.
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
        let mut bodies = Vec::new();
        for solver in &plan.solvers {
            let expected = Arc::new(ExpectedBodies::new(
                plan.place,
                solver.name.clone(),
                Arc::clone(&world.verdict),
                Arc::clone(&world.statistics),
            ));
            let engine =
                Engine::start(solver.behaviour, Arc::clone(&expected), &world.engines).await?;
            builder = builder.solver(solver.solver(engine.url())?);
            engines.push(engine);
            bodies.push(expected);
        }
        let store = match &plan.archive {
            None => None,
            Some(archive) => Some(ArchiveStore::new(archive, &world.folder)?),
        };
        if let Some(store) = &store {
            builder = builder.archive(store.target());
        }
        let pipeline = builder.build()?;
        world.statistics.count("pipelines", 1);
        Ok(Self {
            plan,
            pipeline,
            bodies,
            store,
            world,
            engines,
            unchecked: Mutex::default(),
        })
    }

    /// Runs all auctions, so many at a time, and then ends.
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
            let sizes = this.world.source.sizes();
            let plan = AuctionPlan::any(this.world.seed, place, &this.plan, sizes);
            let set = Arc::clone(&this);
            running.spawn(async move { Auction { set, plan }.run().await });
        }
        while let Some(next) = running.join_next().await {
            result = result.and(ended(Some(next)));
        }
        result?;
        let in_use = || Violation::new("a set is still in use after its last auction");
        Arc::into_inner(this).ok_or_else(in_use)?.end().await
    }

    /// The end of an archive at `location` is to be checked later.
    fn check_later(&self, location: Path, end: ArchiveEnd, expected: Expectation) {
        lock(&self.unchecked).push((location, end, expected));
    }

    async fn end(self) -> Result<(), Violation> {
        let Self {
            plan,
            pipeline,
            store,
            world,
            engines,
            unchecked,
            ..
        } = self;
        let drained = timeout(DRAINED, pipeline.drain()).await;
        drained.map_err(Violation::by("what went on after runs does not end"))?;
        let unchecked = std::mem::take(&mut *lock(&unchecked));
        if let (Some(store), Some(archive)) = (&store, &plan.archive) {
            for (location, end, expected) in &unchecked {
                check_archive(&plan, archive, store, location, end, expected).await?;
            }
            let faults = store.faults() as u64;
            world.statistics.count("faults: store", faults);
            store.check_empty().await?;
        }
        drop(pipeline);
        for engine in engines {
            engine.stop().await;
        }
        Ok(())
    }
}

/// What came of an auction's task.
fn ended(task: Option<Result<Result<(), Violation>, JoinError>>) -> Result<(), Violation> {
    task.map_or(Ok(()), |ended| {
        ended.map_err(Violation::by("running an auction panicked"))?
    })
}

/// One auction of a set, from its documents to the checks of what came of it.
struct Auction {
    set: Arc<Set>,
    plan: AuctionPlan,
}

impl Auction {
    async fn run(&self) -> Result<(), Violation> {
        let result = self
            .run_and_check()
            .await
            .map_err(|found| found.at(self.plan.place).with("auction", &self.plan));
        self.set.world.auction_ended();
        result
    }

    async fn run_and_check(&self) -> Result<(), Violation> {
        let Prepared {
            dispatch,
            solvers,
            archive,
            auction_sha256,
        } = self.prepare().await?;
        let set = &self.set;
        for ((expected_bodies, expected), solver) in
            set.bodies.iter().zip(&solvers).zip(&set.plan.solvers)
        {
            if expected.is_sound && (!solver.content_length || expected.is_counted) {
                expected_bodies.expect(&expected.sha256);
            }
            let met = format!("engines: {}", solver.behaviour.name());
            set.world.statistics.count(met, 1);
        }
        if self.plan.breakage.is_some() {
            set.world.statistics.count("faults: document", 1);
        }
        let location = match &set.store {
            Some(store) if self.plan.archived => Some(store.expect(&self.plan.name())?),
            _ => None,
        };

        let pipeline = &set.pipeline;
        let dropped_after = match self.plan.way {
            Way::Dropped(after) | Way::AheadDropped(after) => after,
            Way::Run | Way::Ahead | Way::AheadAndForgotten => Duration::MAX,
        };
        let (outcome, end) = if let Way::Run | Way::Dropped(_) = self.plan.way {
            let run = timeout(dropped_after, pipeline.run(dispatch));
            (self.in_time(run).await?.ok(), None)
        } else {
            let (run, pending) = pipeline.run_ahead_of_archive(dispatch, std::future::pending());
            match self.in_time(timeout(dropped_after, run)).await? {
                Ok(outcome) => {
                    self.check_ahead(&outcome)?;
                    let end = if self.plan.way == Way::AheadAndForgotten {
                        ArchiveEnd::Unheard
                    } else {
                        ArchiveEnd::Known(self.in_time(pending.ended()).await?)
                    };
                    (Some(outcome), Some(end))
                }
                // Its archive goes on.
                Err(_elapsed) => (None, None),
            }
        };
        let Some(outcome) = outcome else {
            set.world.statistics.count("auctions given up half-way", 1);
            if let Some(location) = location {
                set.check_later(location, ArchiveEnd::GivenUp, archive);
            }
            return Ok(());
        };
        set.world.statistics.count_outcome(&outcome);

        if outcome.solvers.len() != set.plan.solvers.len() {
            return Err(Violation::new("there are not as many outcomes as solvers"));
        }
        for (index, solver) in set.plan.solvers.iter().enumerate() {
            SolverCheck {
                set: &set.plan,
                solver,
                outcome: &outcome.solvers[index],
                expected: &solvers[index],
                bodies: &set.bodies[index],
            }
            .check()?;
        }
        if let Some(sha256) = &outcome.auction.sha256
            && *sha256 != auction_sha256
        {
            return Err(Violation::new("the auction's digest is wrong")
                .with("outcome", &outcome.auction)
                .with("expected", &auction_sha256));
        }
        let end = end.unwrap_or(ArchiveEnd::Known(outcome.archive));
        self.check_end(location, end, archive).await
    }

    async fn check_end(
        &self,
        location: Option<Path>,
        end: ArchiveEnd,
        expected: Expectation,
    ) -> Result<(), Violation> {
        let set = &self.set;
        let (Some(location), Some(store), Some(archive)) =
            (location, &set.store, &set.plan.archive)
        else {
            return match &end {
                ArchiveEnd::Known(outcome) if outcome.status != ArchiveStatus::Skipped => {
                    Err(Violation::new("something was archived that was not to be")
                        .with("outcome", outcome))
                }
                _ => Ok(()),
            };
        };
        match &end {
            ArchiveEnd::Known(outcome) => {
                let status = outcome.status;
                if !status.is_ok() && !set.plan.is_ample_for_archive() {
                    // It may still be being completed.
                    set.check_later(location, end, expected);
                } else {
                    let stored =
                        check_archive(&set.plan, archive, store, &location, &end, &expected)
                            .await?;
                    let statistics = &set.world.statistics;
                    statistics.count(format!("archives: {status:?}"), 1);
                    statistics.count("bytes archived", stored);
                }
            }
            _ => set.check_later(location, end, expected),
        }
        store.check_visible().await
    }

    fn check_ahead(&self, outcome: &Outcome) -> Result<(), Violation> {
        let expected = match self.plan.archived {
            true => ArchiveStatus::Running,
            false => ArchiveStatus::Skipped,
        };
        if outcome.archive.status == expected {
            return Ok(());
        }
        let what = "a run ahead of its archive says something odd of it";
        Err(Violation::new(what).with("archive", &outcome.archive))
    }

    async fn prepare(&self) -> Result<Prepared, Violation> {
        let (plan, source) = (self.plan.clone(), Arc::clone(&self.set.world.source));
        let solvers = self.set.pipeline.solvers().to_vec();
        let prepare = move || Prepared::new(&plan, &source, &solvers);
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let prepared = prepared.map_err(Violation::by("making documents panicked"))?;
        prepared.map_err(Violation::by("a document cannot be made"))
    }

    async fn in_time<T>(&self, run: impl Future<Output = T>) -> Result<T, Violation> {
        let longest: Duration = self.set.plan.longest_run();
        timeout(longest, run)
            .await
            .map_err(|_elapsed| Violation::new(format!("not ended within {longest:?}")))
    }
}
