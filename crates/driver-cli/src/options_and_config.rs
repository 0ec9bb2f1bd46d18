//! What options and configuration file say together: an option counts before the file.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use driver_streaming::{Pipeline, PipelineBuilder};

use crate::arguments::{EngineArguments, Format, SendingArguments};
use crate::config::{Config, SolverConfig};
use crate::exit::Failure;
use crate::option_values::{Members, merged, parse_setting, parse_solver};
use crate::report::ReportFile;
use crate::sending::SolverRequest;

/// The deadline where nobody says one.
const DEADLINE: Duration = Duration::from_secs(15);

/// What options and configuration file say together; where both say something, the option counts.
pub(super) struct Sending {
    pub(super) requests: Vec<SolverRequest>,
    pub(super) format: Option<Format>,
    pub(super) report: Option<ReportFile>,
    pub(super) otlp: Option<String>,
    /// Whether the run ends when all solvers have.
    pub(super) no_wait: bool,
    /// How long after the start of the first request every solver must have answered.
    pub(super) deadline: Duration,
    /// The configuration file: without one, as if it said nothing.
    pub(super) config: Config,
}

impl Sending {
    /// Reads the configuration file, if one is named, and all that concerns sending.
    pub(super) fn read(sending: &SendingArguments) -> Result<Self, Failure> {
        let engines = &sending.engines;
        let config = engines.config()?;
        let requests = engines.requests(&config)?;
        let report = match (&sending.report, &config.report) {
            (Some(path), _) => Some(ReportFile::open(path, "--report".to_owned())?),
            (None, Some(path)) => Some(ReportFile::open(path.get_ref(), config.place(path))?),
            (None, None) => None,
        };
        if let (Some(report), Some(config)) = (&report, &engines.config) {
            report.spare(config)?;
        }
        Ok(Self {
            report,
            deadline: engines.deadline(&config),
            format: sending.format.or(config.format),
            otlp: engines.otlp(&config),
            requests,
            no_wait: sending.no_wait,
            config,
        })
    }

    /// Makes sure that no report takes the place of `input`, a file that the command reads.
    pub(super) fn spare(&self, input: &Path) -> Result<(), Failure> {
        let report = self.report.as_ref();
        report.map_or(Ok(()), |report| report.spare(input))
    }

    /// A pipeline to these solvers, to be completed.
    pub(super) fn pipeline(&self) -> PipelineBuilder {
        pipeline_to(&self.requests).deadline(self.deadline)
    }
}

/// A pipeline to these solvers, to be completed.
pub(super) fn pipeline_to(requests: &[SolverRequest]) -> PipelineBuilder {
    if requests.is_empty() {
        tracing::warn!("no solver is configured, so that nothing is sent to any");
    }
    let solvers = requests.iter().map(|request| request.solver.clone());
    Pipeline::builder().solvers(solvers)
}

impl EngineArguments {
    /// Reads the configuration file, if one is named.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        match &self.config {
            Some(path) => Config::load(path),
            None => Ok(Config::default()),
        }
    }

    /// The solvers of the file and of the options, and what each is sent.
    pub(super) fn requests(&self, config: &Config) -> Result<Vec<SolverRequest>, Failure> {
        let common = merged(&config.set, &parse_settings(&self.settings)?);
        let options = self.solvers.iter().map(|text| parse_solver(text));
        let options: Result<Vec<_>, _> = options.collect();
        let options = options.map_err(Failure::input("--solver"))?;
        // Said here, too, so that nothing has been set up by then.
        refuse_twice(options.iter().map(|(name, _)| *name), |name| {
            format!("--solver: two solvers are named {name:?}")
        })?;
        let mut solvers = config.solvers.clone();
        for (name, endpoint) in options {
            let of_file = solvers
                .iter_mut()
                .find(|solver| solver.name.get_ref() == name);
            match of_file {
                Some(of_file) => of_file.set_endpoint(endpoint),
                None => solvers.push(SolverConfig::new(name, endpoint)),
            }
        }
        self.flags.change(&mut solvers)?;
        let found = solvers.iter().map(|solver| config.solver(solver));
        let mut found = found.collect::<Result<Vec<_>, _>>()?;
        self.flags.add_headers(&mut found)?;
        let requests = solvers.iter().zip(found).map(|(solver, found)| {
            SolverRequest::new(found, merged(&common, &solver.set), solver.skip_liquidity)
        });
        Ok(requests.collect())
    }

    pub(super) fn deadline(&self, config: &Config) -> Duration {
        self.deadline.or(config.deadline).unwrap_or(DEADLINE)
    }

    pub(super) fn otlp(&self, config: &Config) -> Option<String> {
        let of_config = config.otlp.as_ref().map(|otlp| otlp.get_ref());
        self.otlp.as_ref().or(of_config).cloned()
    }
}

/// The members that `--set` names, each once.
fn parse_settings(texts: &[String]) -> Result<Members, Failure> {
    let settings = texts.iter().map(|text| parse_setting(text));
    let settings: Members = settings.collect::<Result<_, _>>()?;
    refuse_twice(settings.iter().map(|(name, _)| name.as_str()), |name| {
        format!("--set: the member {name:?} is set twice")
    })?;
    Ok(settings)
}

/// Refuses a name that was there before, in the words of `line`.
fn refuse_twice<'a>(
    mut names: impl Iterator<Item = &'a str>,
    line: impl FnOnce(&str) -> String,
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let twice = names.find(|name| !seen.insert(*name));
    twice.map_or(Ok(()), |name| Err(Failure::usage(line(name))))
}
