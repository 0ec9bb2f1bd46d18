use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use clap::Parser;

use crate::place::Place;

/// Random auctions, solvers and faults against the whole pipeline, for as long as is wanted.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
pub(crate) struct Arguments {
    /// For how long auctions are begun.
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    minutes: f64,
    /// What every choice is derived from. By default a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this set of solvers, again and again, as LANE.SET.
    #[arg(long, value_name = "LANE.SET")]
    pub(crate) only: Option<Place>,
}

impl Arguments {
    pub(crate) fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.minutes * 60.0).unwrap_or_default()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish())
    }

    /// The command that makes the same choices again.
    pub(crate) fn repeated(&self, seed: u64, only: Option<Place>) -> String {
        let mut command = format!("cargo xtask soak --minutes {} --seed {seed}", self.minutes);
        if let Some(place) = only.or(self.only) {
            command += &format!(" --only {}.{}", place.lane, place.set);
        }
        if cfg!(debug_assertions) {
            command += " --debug";
        }
        command
    }
}
