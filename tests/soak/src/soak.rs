use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Arguments;
use crate::chance::Place;
use crate::documents::Source;
use crate::plan::SetPlan;
use crate::resources::{Memory, resources};
use crate::running_set::Set;
use crate::violation::{Verdict, Violation};
use crate::world::{Statistics, World};

/// How many sets of solvers there are at a time.
const LANES: u64 = 8;

/// How long connections and tasks that nobody needs any more may take to go: only a leak takes so long.
const SETTLED: Duration = Duration::from_secs(30);

/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// Threads of each of the two runtimes.
const THREADS: usize = 2;

/// Runs lanes until the time is over or something is wrong, and says what happened.
pub(crate) fn soak(
    arguments: &Arguments,
    seed: u64,
    verdict: &Arc<Verdict>,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let pipelines = runtime("pipelines")?;
    let engines = runtime("engines")?;
    let folder = TempDir::new()?;
    let statistics = Arc::new(Statistics::default());
    let source = Arc::new(pipelines.block_on(Source::new())?);
    let count = || resources(pipelines.handle(), engines.handle(), folder.path());
    let before = count();
    let is_within = |now: &[usize; 4]| now.iter().zip(before).all(|(now, before)| *now <= before);
    let world = Arc::new(World {
        seed,
        until: Instant::now() + arguments.duration(),
        source,
        verdict: Arc::clone(verdict),
        statistics: Arc::clone(&statistics),
        memory: Memory::new(),
        engines: engines.handle().clone(),
        folder: folder.path().to_owned(),
        progress: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(2)),
    });
    let after = pipelines.block_on(async {
        let mut lanes = JoinSet::new();
        match arguments.only {
            Some(place) => {
                lanes.spawn(lane(Arc::clone(&world), std::iter::repeat(place)));
            }
            None => (0..LANES).for_each(|number| {
                let sets = (0..).map(move |set| Place::of_set(number, set));
                lanes.spawn(lane(Arc::clone(&world), sets));
            }),
        }
        tokio::select! {
            _ended = lanes.join_all() => {}
            () = verdict.failed() => {}
        }
        world.progress.finish_and_clear();
        let end = Instant::now() + SETTLED;
        let mut after = count();
        while !is_within(&after) && !verdict.is_failed() && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
            after = count();
        }
        after
    });
    let marks = world.memory.marks();
    if !verdict.is_failed() {
        if !is_within(&after) {
            let leak = Violation::new("something is left when all is over");
            verdict.fail(leak.with("before", before).with("after", after));
        } else if let Err(growth) = marks.check() {
            verdict.fail(growth);
        }
    }
    // After a violation much may still be under way, and need not be waited for.
    pipelines.shutdown_background();
    engines.shutdown_background();
    Ok(format!(
        "{statistics}\n{marks}\nleft: {after:?} tasks, tasks of engines, descriptors and folders; before: {before:?}"
    ))
}

/// Sets of solvers, one after the other.
async fn lane(world: Arc<World>, sets: impl Iterator<Item = Place>) {
    for place in sets {
        if world.is_over() {
            return;
        }
        run_set(&world, place).await;
    }
}

async fn run_set(world: &Arc<World>, place: Place) {
    let plan = SetPlan::any(world.seed, place);
    let found = match Set::start(plan, Arc::clone(world)).await {
        Ok(set) => set.run().await,
        Err(error) => Err(Violation::new("a set cannot be started").with("error", error)),
    };
    if let Err(violation) = found {
        world.verdict.fail(violation.at(place));
    }
}

fn runtime(name: &str) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name(name)
        .enable_all()
        .build()
}
