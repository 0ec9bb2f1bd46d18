//! What each solver is sent: the auction, or a view of it that it shares with others and members of its own.

use driver_streaming::{AuctionId, Dispatch, Document, Solver, View};

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

/// An auction to solvers, each as it wants it: `document` is the auction with such edits. It is known by `id` in archive
/// and reports.
pub(super) fn dispatch<D: Document + 'static>(
    id: Option<AuctionId>,
    requests: &[SolverRequest],
    document: impl Fn(&MemberEdits) -> D,
) -> Dispatch {
    let solvers = requests.iter().map(|request| request.solver.clone());
    let solvers: Vec<_> = solvers.collect();
    let request_of = |solver: &Solver| {
        let mut requests = requests.iter();
        requests.find(|request| request.solver.name() == solver.name())
    };
    let whole = Dispatch::new(document(&MemberEdits::nothing()));
    let dispatch = match id {
        Some(id) => whole.archive_as(id),
        None => whole,
    };
    dispatch.views(
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
