//! What options and configuration file say together, and so what solvers are sent. Options override the file.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use driver_streaming::{AuctionId, Dispatch, Document, Pipeline, PipelineBuilder, Solver, View};
use jiff::Timestamp;

use crate::arguments::{EngineArguments, SendingArguments};
use crate::config::{Config, SolverConfig};
use crate::exit::Failure;
use crate::member_edits::{MemberEdits, closing_members};
use crate::option_values::{Format, MemberValue, Members, merged, parse_setting, parse_solver};
use crate::output_file::OutputFile;

/// The default deadline.
const DEADLINE: Duration = Duration::from_secs(15);

/// What `solve` and `replay` need to know.
pub(super) struct Sending {
    pub(super) requests: Vec<SolverRequest>,
    pub(super) format: Option<Format>,
    pub(super) report: Option<OutputFile>,
    pub(super) otlp: Option<String>,
    pub(super) no_wait: bool,
    pub(super) deadline: Duration,
    /// The configuration file, or an empty one.
    pub(super) config: Config,
}

impl Sending {
    pub(super) fn read(sending: &SendingArguments) -> Result<Self, Failure> {
        let engines = &sending.engines;
        let config = engines.config()?;
        let requests = engines.requests(&config)?;
        let report = match (&sending.report, &config.report) {
            (Some(path), _) => Some(OutputFile::open(path, "--report".to_owned())?),
            (None, Some(path)) => Some(OutputFile::open(path.get_ref(), config.place(path))?),
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

    /// Fails if the report would replace `input`, a file that the command reads.
    pub(super) fn spare(&self, input: &Path) -> Result<(), Failure> {
        let report = self.report.as_ref();
        report.map_or(Ok(()), |report| report.spare(input))
    }

    pub(super) fn pipeline(&self) -> PipelineBuilder {
        pipeline_to(&self.requests).deadline(self.deadline)
    }
}

/// A builder with these solvers.
pub(super) fn pipeline_to(requests: &[SolverRequest]) -> PipelineBuilder {
    if requests.is_empty() {
        tracing::warn!("no solver is configured, so nothing is sent");
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

    /// The solvers of file and options, and what each is sent.
    pub(super) fn requests(&self, config: &Config) -> Result<Vec<SolverRequest>, Failure> {
        let common = merged(&config.set, &parse_settings(&self.settings)?);
        let options = self.solvers.iter().map(|text| parse_solver(text));
        let options: Result<Vec<_>, _> = options.collect();
        let options = options.map_err(Failure::input("--solver"))?;
        // Before anything is set up.
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
        let requests = solvers.iter().map(|solver| {
            let members = merged(&common, &solver.set);
            Ok(SolverRequest::new(
                config.solver(solver)?,
                members,
                solver.skip_liquidity,
            ))
        });
        requests.collect()
    }

    pub(super) fn deadline(&self, config: &Config) -> Duration {
        self.deadline.or(config.deadline).unwrap_or(DEADLINE)
    }

    pub(super) fn otlp(&self, config: &Config) -> Option<String> {
        let of_config = config.otlp.as_ref().map(|otlp| otlp.get_ref());
        self.otlp.as_ref().or(of_config).cloned()
    }
}

/// A solver, and what it is sent.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    view: View<MemberEdits>,
    /// What completes the view.
    members: Members,
}

impl SolverRequest {
    fn new(solver: Solver, members: Members, skip_liquidity: bool) -> Self {
        let mut edits = MemberEdits::nothing().remove(members.iter().map(|(name, _)| name));
        if skip_liquidity {
            edits = edits.without_liquidity();
        }
        let view = match (members.is_empty(), edits.is_nothing()) {
            (true, true) => View::auction(),
            (true, false) => View::keyed(edits),
            (false, _) => View::keyed(edits.left_open()),
        };
        Self {
            solver,
            view,
            members,
        }
    }

    /// Its view of an auction that is sent `now`.
    fn view(&self, now: Timestamp) -> View<MemberEdits> {
        let at_now = |(name, value): &(String, MemberValue)| (name.clone(), value.at(now));
        match &self.members.iter().map(at_now).collect::<Vec<_>>()[..] {
            [] => self.view.clone(),
            members => self.view.clone().tail(closing_members(members)),
        }
    }
}

/// Sends each solver its view: `document` is the auction with these edits, and `id` its id in reports.
pub(super) fn dispatch<D: Document + 'static>(
    id: Option<AuctionId>,
    requests: &[SolverRequest],
    document: impl Fn(&MemberEdits) -> D,
) -> Dispatch {
    let solvers = requests.iter().map(|request| request.solver.clone());
    let solvers: Vec<_> = solvers.collect();
    // Asked for in the order of the solvers.
    let now = Timestamp::now();
    let mut views = requests.iter().map(|request| request.view(now));
    let view = |_: &Solver| views.next().unwrap_or_else(View::auction);
    let mut dispatch = Dispatch::new(document(&MemberEdits::nothing()));
    if let Some(id) = id {
        dispatch = dispatch.archive_as(id);
    }
    dispatch.views(&solvers, view, document)
}

fn parse_settings(texts: &[String]) -> Result<Members, Failure> {
    let settings = texts.iter().map(|text| parse_setting(text));
    let settings: Members = settings.collect::<Result<_, _>>()?;
    refuse_twice(settings.iter().map(|(name, _)| name.as_str()), |name| {
        format!("--set: the member {name:?} is set twice")
    })?;
    Ok(settings)
}

/// Fails with `line` at the first name that occurs twice.
fn refuse_twice<'a>(
    mut names: impl Iterator<Item = &'a str>,
    line: impl FnOnce(&str) -> String,
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    let twice = names.find(|name| !seen.insert(*name));
    twice.map_or(Ok(()), |name| Err(Failure::usage(line(name))))
}
