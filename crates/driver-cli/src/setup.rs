use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::arguments::{Format, SendingArguments};
use super::config::Config;
use super::exit::Failure;
use super::member_setting::parse_setting;
use super::report::ReportFile;
use super::solver_request::{Members, SolverRequest, merged, parse_solver};
use driver_streaming::error_chain;
use driver_streaming::{Pipeline, PipelineBuilder};

/// What options and configuration file say together; where both say something, the option counts.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) requests: Vec<SolverRequest>,
    pub(super) deadline: Option<Duration>,
    pub(super) format: Option<Format>,
    pub(super) report: Option<ReportFile>,
    pub(super) otlp: Option<String>,
    /// The rest of the configuration file.
    pub(super) config: Option<Config>,
}

impl Setup {
    /// Reads the configuration file, if one is named, and all that concerns sending.
    pub(super) fn read(sending: &SendingArguments) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let config = sending
            .config
            .as_ref()
            .map(|path| Config::load(path, now))
            .transpose()
            .map_err(|error| Failure::usage(error.to_string()))?;
        let of_options = parse_settings(&sending.settings, now)?;
        let of_config = config.as_ref();
        let common = match of_config {
            Some(config) => merged(&config.set, &of_options),
            None => of_options,
        };
        let mut requests = Vec::new();
        for solver in of_config.map_or(&[][..], |config| &config.solvers) {
            requests.push(SolverRequest::from_config(solver, &common)?);
        }
        for text in &sending.solvers {
            let solver = parse_solver(text)
                .map_err(|error| Failure::usage(format!("--solver: {}", error_chain(&error))))?;
            requests.push(SolverRequest::new(solver, common.clone()));
        }
        // Said here, too, so that nothing has been set up by then.
        let mut names = HashSet::new();
        let twice = requests
            .iter()
            .find(|request| !names.insert(request.solver.name()));
        if let Some(twice) = twice {
            let name = twice.solver.name();
            return Err(Failure::usage(format!(
                "--solver: two solvers are named {name:?}"
            )));
        }
        let report = match &sending.report {
            Some(path) => Some(ReportFile::open(path, "--report".to_owned())?),
            None => of_config
                .and_then(|config| config.report.as_ref())
                .map(|report| ReportFile::open(&report.value, report.place.to_string()))
                .transpose()?,
        };
        if let (Some(report), Some(config)) = (&report, &sending.config) {
            report.spare(config)?;
        }
        Ok(Self {
            report,
            deadline: sending
                .deadline
                .or(of_config.and_then(|config| config.deadline)),
            format: sending
                .format
                .or(of_config.and_then(|config| config.format)),
            otlp: sending
                .otlp
                .clone()
                .or(of_config.and_then(|config| config.otlp.clone())),
            requests,
            config,
        })
    }

    /// Makes sure that no report takes the place of `input`, a file that the command reads.
    pub(super) fn spare(&self, input: &Path) -> Result<(), Failure> {
        self.report
            .as_ref()
            .map_or(Ok(()), |report| report.spare(input))
    }

    /// A pipeline to these solvers, to be completed.
    pub(super) fn pipeline(&self) -> PipelineBuilder {
        if self.requests.is_empty() {
            tracing::warn!("no solver is configured, so that nothing is sent to any");
        }
        let solvers = self.requests.iter().map(|request| request.solver.clone());
        let builder = Pipeline::builder().solvers(solvers);
        match self.deadline {
            Some(deadline) => builder.deadline(deadline),
            None => builder,
        }
    }
}

/// The members that `--set` names, each once.
fn parse_settings(texts: &[String], now: Timestamp) -> Result<Members, Failure> {
    let settings: Members = texts
        .iter()
        .map(|text| parse_setting(text, now))
        .collect::<Result<_, _>>()?;
    let mut names = HashSet::new();
    match settings.iter().find(|(name, _)| !names.insert(name)) {
        Some((twice, _)) => Err(Failure::usage(format!(
            "--set: the member {twice:?} is set twice"
        ))),
        None => Ok(settings),
    }
}

/// The pipeline, or why there is none.
pub(super) fn build(builder: PipelineBuilder) -> Result<Pipeline, Failure> {
    builder
        .build()
        .map_err(|error| Failure::usage(error_chain(&error)))
}
