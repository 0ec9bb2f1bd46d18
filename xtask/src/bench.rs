use crate::Result;
use crate::cargo::{self, Shown};
use clap::Args;
use std::path::{Path, PathBuf};

/// Everything that the project claims of itself, as it is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// Fewer scenarios and fewer runs: at most five minutes on two cores, once built.
    #[arg(long)]
    quick: bool,
    /// Fail when a target is missed. The missed ones are printed last.
    #[arg(long)]
    check: bool,
    /// Also draw memory over time as `memory.svg` into this folder, for the README.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// What auctions are generated from.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

impl Bench {
    /// Whether it succeeded. If not, the last that it printed says why: something does not build, delivers or archives wrong
    /// bytes, or misses a target that was to be checked.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn run(&self, root: &Path) -> Result<bool> {
        // A workspace of its own, since features unify: what it builds is kept apart, too.
        let target = cargo::target(root);
        let mut bench = Shown::cargo(root)
            .words("run --locked --release --package bench-runner")
            .words("--manifest-path bench/runner/Cargo.toml --target-dir")
            .path(&target.join("bench"))
            .words("--");
        for (is_given, flag) in [(self.quick, "--quick"), (self.check, "--check")] {
            if is_given {
                bench = bench.words(flag);
            }
        }
        if let Some(folder) = &self.figures {
            bench = bench.words("--figures").path(folder);
        }
        if let Some(seed) = self.seed {
            bench = bench.words(&format!("--seed {seed}"));
        }
        bench.succeeds()
    }
}
