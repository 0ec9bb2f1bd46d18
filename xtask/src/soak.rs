use crate::Result;
use crate::cargo::Shown;
use clap::Args;
use std::path::Path;

/// A soak as it is asked for: random auctions, solvers and faults, for so long.
#[derive(Clone, Debug, Args)]
pub(crate) struct Soak {
    /// For how long auctions are begun.
    #[arg(long, value_name = "N", default_value = "5")]
    minutes: String,
    /// What every choice is derived from. By default a new one, which is shown.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only this set of solvers, again and again, as a violation names it.
    #[arg(long, value_name = "LANE.SET")]
    only: Option<String>,
    /// Not optimised, with all assertions.
    #[arg(long)]
    debug: bool,
}

impl Soak {
    /// Part of `cargo xtask ci`: short, built as the tests are, and of the same plan each time. Other plans are for those
    /// who have the time to look into what they find.
    pub(crate) fn short() -> Self {
        Self {
            minutes: "2".to_owned(),
            seed: Some(7),
            only: None,
            debug: true,
        }
    }

    /// # Errors
    ///
    /// When it found something, or cannot be built.
    pub(crate) fn run(&self, root: &Path) -> Result {
        let mut soak = Shown::cargo(root).words("run --locked --package driver-streaming-soak");
        if !self.debug {
            soak = soak.words("--release");
        }
        // Without these, glibc keeps for each thread what others could use, and memory grows for an hour without a leak.
        soak = soak
            .variable("MALLOC_ARENA_MAX", "2")
            .variable("MALLOC_MMAP_THRESHOLD_", "131072")
            .variable("MALLOC_TRIM_THRESHOLD_", "131072")
            .words(&format!("-- --minutes {}", self.minutes));
        if let Some(seed) = self.seed {
            soak = soak.words(&format!("--seed {seed}"));
        }
        if let Some(set) = &self.only {
            soak = soak.words(&format!("--only {set}"));
        }
        soak.run()
    }
}
