//! What options and configuration file say together about sending, and what each solver is sent.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use driver_streaming::{
    AuctionId, Dispatch, Document, Pipeline, PipelineBuilder, Solver, SolverError, View,
};
use jiff::Timestamp;
use url::Url;

use crate::arguments::{Format, SendingArguments};
use crate::config::Config;
use crate::exit::Failure;
use crate::member_edits::{MemberEdits, closing_members};
use crate::report::ReportFile;
use crate::values::{Members, merged, parse_setting};

/// What options and configuration file say together; where both say something, the option counts.
pub(super) struct Sending {
    pub(super) requests: Vec<SolverRequest>,
    pub(super) format: Option<Format>,
    pub(super) report: Option<ReportFile>,
    pub(super) otlp: Option<String>,
    deadline: Option<Duration>,
    /// The configuration file: without one, as if it said nothing.
    pub(super) config: Config,
}

impl Sending {
    /// Reads the configuration file, if one is named, and all that concerns sending.
    pub(super) fn read(sending: &SendingArguments) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let config = match &sending.config {
            Some(path) => Config::load(path, now)?,
            None => Config::default(),
        };
        let common = merged(&config.set, &parse_settings(&sending.settings, now)?);
        let mut requests = Vec::new();
        for solver in &config.solvers {
            let members = merged(&common, &solver.set);
            let found = config.solver(solver)?;
            requests.push(SolverRequest::new(found, &members, solver.skip_liquidity));
        }
        for text in &sending.solvers {
            let solver = parse_solver(text).map_err(Failure::input("--solver"))?;
            requests.push(SolverRequest::new(solver, &common, false));
        }
        // Said here, too, so that nothing has been set up by then.
        if let Some(twice) = twice(requests.iter().map(|request| request.solver.name())) {
            let line = format!("--solver: two solvers are named {twice:?}");
            return Err(Failure::usage(line));
        }
        let report = match (&sending.report, &config.report) {
            (Some(path), _) => Some(ReportFile::open(path, "--report".to_owned())?),
            (None, Some(path)) => Some(ReportFile::open(path.get_ref(), config.place(path))?),
            (None, None) => None,
        };
        if let (Some(report), Some(config)) = (&report, &sending.config) {
            report.spare(config)?;
        }
        let of_config = config.otlp.as_ref().map(|otlp| otlp.get_ref());
        Ok(Self {
            report,
            deadline: sending.deadline.or(config.deadline),
            format: sending.format.or(config.format),
            otlp: sending.otlp.as_ref().or(of_config).cloned(),
            requests,
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
    let settings = texts.iter().map(|text| parse_setting(text, now));
    let settings: Members = settings.collect::<Result<_, _>>()?;
    match twice(settings.iter().map(|(name, _)| name.as_str())) {
        Some(twice) => {
            let line = format!("--set: the member {twice:?} is set twice");
            Err(Failure::usage(line))
        }
        None => Ok(settings),
    }
}

/// The first name that was there before.
fn twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}

/// One solver as options and configuration file ask for it: where it is, and what it is sent.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    view: View<MemberEdits>,
}

impl SolverRequest {
    /// `solver`, for which `members` are replaced or appended.
    pub(super) fn new(solver: Solver, members: &Members, skip_liquidity: bool) -> Self {
        let mut edits = MemberEdits::nothing().remove(members.iter().map(|(name, _)| name));
        if skip_liquidity {
            edits = edits.without_liquidity();
        }
        let view = match &members[..] {
            [] if edits.is_nothing() => View::auction(),
            [] => View::keyed(edits),
            members => View::keyed(edits.left_open()).tail(closing_members(members)),
        };
        Self { solver, view }
    }
}

/// To solvers, each as it wants it: `document` is the auction with such edits, known by `id` in reports.
pub(super) fn dispatch<D: Document + 'static>(
    id: Option<AuctionId>,
    requests: &[SolverRequest],
    document: impl Fn(&MemberEdits) -> D,
) -> Dispatch {
    let solvers = requests.iter().map(|request| request.solver.clone());
    let solvers: Vec<_> = solvers.collect();
    // Asked for in the order of the solvers.
    let mut views = requests.iter().map(|request| request.view.clone());
    let view = |_: &Solver| views.next().unwrap_or_else(View::auction);
    let whole = Dispatch::new(document(&MemberEdits::nothing()));
    let dispatch = match id {
        Some(id) => whole.archive_as(id),
        None => whole,
    };
    dispatch.views(&solvers, view, document)
}
/// A solver by its option, `NAME=URL`.
fn parse_solver(text: &str) -> Result<Solver, SolverError> {
    match text.split_once('=') {
        Some((name, endpoint)) if !name.contains("://") => Solver::new(name, &as_url(endpoint)),
        _ => text.parse(),
    }
}

/// `endpoint` as a request has it, with names of hosts and paths in ASCII; as it is when it is no URL.
pub(super) fn as_url(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| endpoint.to_owned(), String::from)
}
