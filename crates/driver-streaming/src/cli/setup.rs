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
    texts.iter().map(parse).collect()
}

/// The pipeline, or why there is none.
pub(super) fn build(builder: PipelineBuilder) -> Result<Pipeline, Failure> {
    builder
        .build()
        .map_err(|error| Failure::usage(error_chain(&error)))
}
