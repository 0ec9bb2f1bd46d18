use bytes::Bytes;

use super::config::SolverConfig;
use super::exit::Failure;
use crate::auction::Omission;
use url::Url;

use driver_streaming::error_chain;
use driver_streaming::{Solver, SolverError};

/// Members to replace or append, and the JSON texts of their values.
pub(super) type Members = Vec<(String, Bytes)>;

/// One solver as options and configuration file ask for it: where it is, and what its requests have of their own.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    /// What it is not sent by what it shares with others.
    pub(super) omission: Omission,
    /// What is appended for it.
    pub(super) members: Members,
}

impl SolverRequest {
    /// `solver`, which is sent `members` as all are.
    pub(super) fn new(solver: Solver, members: Members) -> Self {
        let omission = Omission::nothing().members(members.iter().map(|(name, _)| name));
        Self {
            solver,
            omission,
            members,
        }
    }

    /// The solver of a configuration file, which is sent `common` members, unless it has others of the same name.
    pub(super) fn from_config(config: &SolverConfig, common: &Members) -> Result<Self, Failure> {
        let solver = solver(config).map_err(|error| {
            Failure::usage(format!("solver {:?}: {}", config.name, error_chain(&error)))
        })?;
        let mut request = Self::new(solver, merged(common, &config.set));
        if config.skip_liquidity {
            request.omission = request.omission.liquidity();
        }
        Ok(request)
    }
}

/// A solver by its option, `NAME=URL`.
pub(super) fn parse_solver(text: &str) -> Result<Solver, SolverError> {
    match text.split_once('=') {
        Some((name, endpoint)) if !name.contains("://") => Solver::new(name, &as_url(endpoint)),
        _ => text.parse(),
    }
}

/// `endpoint` as a request has it, with names of hosts and paths in ASCII; as it is when it is no URL.
pub(super) fn as_url(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| endpoint.to_owned(), String::from)
}

fn solver(config: &SolverConfig) -> Result<Solver, SolverError> {
    let mut solver = Solver::new(&*config.name, &config.endpoint)?;
    for (name, value) in &config.headers {
        solver = solver.with_header(name.clone(), value.clone())?;
    }
    if let Some(timeout) = config.timeout {
        solver = solver.with_timeout(timeout);
    }
    if let Some(codec) = config.encoding {
        solver = solver.with_encoding(codec);
    }
    if let Some(retries) = config.retries {
        solver = solver.with_retries(retries);
    }
    if config.length {
        solver = solver.with_content_length();
    }
    if config.http2 {
        solver = solver.with_http2();
    }
    if let Some(policy) = config.lag {
        solver = solver.with_lag_policy(policy);
    }
    Ok(solver)
}

/// `common`, with the values that `own` has for the same names, and what `own` has besides.
pub(super) fn merged(common: &Members, own: &Members) -> Members {
    let mut members = common.clone();
    for (name, value) in own {
        match members.iter_mut().find(|(other, _)| other == name) {
            Some((_, replaced)) => *replaced = value.clone(),
            None => members.push((name.clone(), value.clone())),
        }
    }
    members
}
