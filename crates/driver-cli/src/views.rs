//! What each solver is sent: the auction, or a view of it that it shares with others and members of its own.

use driver_streaming::{AuctionId, Dispatch, Document, Solver, SolverError, View};
use url::Url;

use crate::archived_document::ArchivedDocument;
use crate::auction::RawAuction;
use crate::member_edits::{MemberEdits, closing_members};
use crate::values::Members;

/// One solver as options and configuration file ask for it: where it is, and what its requests have of their own.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    /// What it shares with others.
    edits: MemberEdits,
    /// What is appended for it.
    members: Members,
}

impl SolverRequest {
    /// `solver`, for which `members` are replaced or appended.
    pub(super) fn new(solver: Solver, members: Members, skip_liquidity: bool) -> Self {
        let mut edits = MemberEdits::nothing().remove(members.iter().map(|(name, _)| name));
        if skip_liquidity {
            edits = edits.without_liquidity();
        }
        if !members.is_empty() {
            edits = edits.left_open();
        }
        Self {
            solver,
            edits,
            members,
        }
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

/// An auction from a file to solvers, each as it wants it; archived under `id`, as it is.
pub(super) fn of_auction(
    auction: &RawAuction,
    id: Option<AuctionId>,
    requests: &[SolverRequest],
) -> Dispatch {
    let document = |edits: &MemberEdits| auction.document(edits);
    let dispatch = with_views(document(&MemberEdits::nothing()), requests, document);
    match id {
        Some(id) => dispatch.archive_as(id),
        None => dispatch,
    }
}

/// An archived auction to solvers, each as it wants it.
pub(super) fn of_archived(archived: &ArchivedDocument, requests: &[SolverRequest]) -> Dispatch {
    with_views(archived.apart(), requests, |edits| {
        archived.apart().with_edits(edits.clone())
    })
}

fn with_views<D: Document + 'static>(
    whole: D,
    requests: &[SolverRequest],
    document: impl Fn(&MemberEdits) -> D,
) -> Dispatch {
    let solvers: Vec<_> = requests
        .iter()
        .map(|request| request.solver.clone())
        .collect();
    let request_of = |solver: &Solver| {
        let mut requests = requests.iter();
        requests.find(|request| request.solver.name() == solver.name())
    };
    Dispatch::new(whole).views(
        &solvers,
        |solver| match request_of(solver) {
            Some(request) if !request.edits.is_nothing() => {
                let view = View::keyed(request.edits.clone());
                match &request.members[..] {
                    [] => view,
                    members => view.tail(closing_members(members)),
                }
            }
            _ => View::auction(),
        },
        document,
    )
}
