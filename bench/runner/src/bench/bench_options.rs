use std::path::PathBuf;

use clap::Args;

/// Measures everything, and writes `report.json` and `report.html` below `bench` in the target folder.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// Fewer scenarios and fewer runs: at most five minutes on two cores.
    #[arg(long)]
    pub quick: bool,
    /// Fail when a target is missed or was not measured. The missed ones are printed last.
    #[arg(long)]
    pub check: bool,
    /// Also draw memory over time as `memory.svg` into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub figures: Option<PathBuf>,
    /// What auctions are generated from.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl BenchOptions {
    /// The command as it is given in the root of the repository.
    pub(crate) fn command(&self) -> String {
        let mut command = "cargo xtask bench".to_owned();
        for (is_given, word) in [(self.quick, " --quick"), (self.check, " --check")] {
            if is_given {
                command.push_str(word);
            }
        }
        if let Some(folder) = &self.figures {
            command.push_str(&format!(" --figures {}", folder.display()));
        }
        if self.seed != 0 {
            command.push_str(&format!(" --seed {}", self.seed));
        }
        command
    }
}
