use std::sync::Arc;
use std::time::Duration;

use driver_streaming::{ArchiveStatus, Outcome};
use object_store::path::Path;
use tokio::time::timeout;

use crate::check::{ArchiveEnd, SolverCheck, check_archive};
use crate::material::Prepared;
use crate::plan::{AuctionPlan, Way};
use crate::set::Set;
use crate::violation::Violation;

/// One auction of a set, from its documents to the checks of what came of it.
pub(crate) struct Auction {
    set: Arc<Set>,
    plan: AuctionPlan,
}

impl Auction {
    pub(crate) fn new(set: Arc<Set>, plan: AuctionPlan) -> Self {
        Self { set, plan }
    }

    /// # Errors
    /// The first violation.
    pub(crate) async fn run(&self) -> Result<(), Violation> {
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
        for ((ledger, expected), solver) in set.ledgers.iter().zip(&solvers).zip(&set.plan.solvers)
        {
            if expected.is_sound && (!solver.content_length || expected.is_counted) {
                ledger.expect(&expected.sha256);
            }
            set.world.statistics.count_fault(solver.behaviour.name());
        }
        if self.plan.breakage.is_some() {
            set.world.statistics.count_fault("document");
        }
        let location = match &set.shop {
            Some(shop) if self.plan.archived => Some(shop.expect(&self.plan.name())?),
            _ => None,
        };

        let pipeline = &set.pipeline;
        let (outcome, end) = match self.plan.way {
            Way::Run => {
                let outcome = self.in_time(pipeline.run(dispatch)).await?;
                (Some(outcome), None)
            }
            Way::Dropped(after) => {
                let run = timeout(after, pipeline.run(dispatch));
                (self.in_time(run).await?.ok(), None)
            }
            Way::Ahead | Way::AheadAndForgotten => {
                let run = pipeline.run_ahead_of_archive(dispatch);
                let (outcome, pending) = self.in_time(run).await?;
                self.check_ahead(&outcome)?;
                let end = if self.plan.way == Way::Ahead {
                    ArchiveEnd::Known(self.in_time(pending.ended()).await?)
                } else {
                    ArchiveEnd::Unheard
                };
                (Some(outcome), Some(end))
            }
            Way::AheadDropped(after) => {
                let run = timeout(after, pipeline.run_ahead_of_archive(dispatch));
                match self.in_time(run).await? {
                    Ok((outcome, pending)) => {
                        self.check_ahead(&outcome)?;
                        let end = ArchiveEnd::Known(self.in_time(pending.ended()).await?);
                        (Some(outcome), Some(end))
                    }
                    // It may have been dropped before it began.
                    Err(_elapsed) => (None, None),
                }
            }
        };
        let Some(outcome) = outcome else {
            set.world.statistics.count_dropped();
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
                ledger: &set.ledgers[index],
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
        expected: crate::material::Expectation,
    ) -> Result<(), Violation> {
        let set = &self.set;
        let (Some(location), Some(shop), Some(archive)) = (location, &set.shop, &set.plan.archive)
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
                let failed_late =
                    status == ArchiveStatus::Failed && !set.plan.is_ample_for_archive();
                if failed_late {
                    // It may still be being completed.
                    set.check_later(location, end, expected);
                } else {
                    let stored =
                        check_archive(&set.plan, archive, shop, &location, &end, &expected).await?;
                    set.world.statistics.count_archive(status, stored);
                }
            }
            _ => set.check_later(location, end, expected),
        }
        shop.check_visible().await
    }

    fn check_ahead(&self, outcome: &Outcome) -> Result<(), Violation> {
        let expected = if self.plan.archived {
            ArchiveStatus::Running
        } else {
            ArchiveStatus::Skipped
        };
        if outcome.archive.status == expected {
            Ok(())
        } else {
            Err(
                Violation::new("a run ahead of its archive says something odd of it")
                    .with("archive", &outcome.archive),
            )
        }
    }

    async fn prepare(&self) -> Result<Prepared, Violation> {
        let (plan, corpus) = (self.plan.clone(), Arc::clone(&self.set.world.corpus));
        let solvers = self.set.pipeline.solvers().to_vec();
        let prepared =
            tokio::task::spawn_blocking(move || Prepared::new(&plan, &corpus, &solvers)).await;
        match prepared {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(error)) => Err(Violation::new("a document cannot be made").with("error", error)),
            Err(error) => Err(Violation::new("making documents panicked").with("error", error)),
        }
    }

    async fn in_time<T>(&self, run: impl Future<Output = T>) -> Result<T, Violation> {
        let longest: Duration = self.set.plan.longest_run();
        timeout(longest, run)
            .await
            .map_err(|_elapsed| Violation::new(format!("not ended within {longest:?}")))
    }
}
