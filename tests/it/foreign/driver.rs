use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, Size, generated, program};

/// The program as it is run with a configuration file, and an auction for it.
pub(super) struct Driver {
    home: TempDir,
    deadline: &'static str,
}

impl Driver {
    /// With a generated auction, and more time than any test takes.
    pub(super) fn with(size: Size) -> Self {
        let home = tempfile::tempdir().unwrap();
        generated(home.path(), size);
        Self {
            home,
            deadline: "2m",
        }
    }

    pub(super) fn deadline(self, deadline: &'static str) -> Self {
        Self { deadline, ..self }
    }

    /// Sends the auction to solvers, each an endpoint and more lines of its table: what became of each.
    pub(super) fn solve(&self, solvers: &[(&str, &str)], code: i32) -> Vec<Value> {
        let mut configuration = format!(
            "auction = \"auction.json\"\nformat = \"json\"\ndeadline = \"{}\"\n",
            self.deadline
        );
        for (index, (endpoint, settings)) in solvers.iter().enumerate() {
            configuration += &format!(
                "[[solver]]\nname = \"solver-{index}\"\nendpoint = \"{endpoint}\"\n{settings}\n"
            );
        }
        let path = self.home.path().join("driver.toml");
        fs::write(&path, configuration).unwrap();
        let path = path.to_str().unwrap();
        let finished = Finished::run(&mut program(&["solve", "--config", path]));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        match finished.outcome()["solvers"].take() {
            Value::Array(outcomes) => outcomes,
            other => panic!("these are no solvers: {other}"),
        }
    }

    /// Sends the auction to one solver.
    pub(super) fn solve_one(&self, endpoint: &str, settings: &str, code: i32) -> Value {
        self.solve(&[(endpoint, settings)], code).remove(0)
    }
}
