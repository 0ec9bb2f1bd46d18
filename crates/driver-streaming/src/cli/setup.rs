use std::collections::HashSet;

use super::exit::Failure;
use crate::error_chain;
use crate::pipeline::{Pipeline, PipelineBuilder};
use crate::solver::Solver;

/// The solvers that `--solver` names.
pub(super) fn parse_solvers(texts: &[String]) -> Result<Vec<Solver>, Failure> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|error| Failure::usage(format!("--solver: {}", error_chain(&error))))
    };
    let solvers: Vec<Solver> = texts.iter().map(parse).collect::<Result<_, _>>()?;
    // Said here, too, so that nothing has been set up by then.
    let mut names = HashSet::new();
    match solvers.iter().find(|solver| !names.insert(solver.name())) {
        Some(twice) => Err(Failure::usage(format!(
            "--solver: two solvers are named {:?}",
            twice.name()
        ))),
        None => Ok(solvers),
    }
}

/// The pipeline, or why there is none.
pub(super) fn build(builder: PipelineBuilder) -> Result<Pipeline, Failure> {
    builder
        .build()
        .map_err(|error| Failure::usage(error_chain(&error)))
}
