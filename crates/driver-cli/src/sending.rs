//! What each solver is sent, as options and configuration file ask for it.

use driver_streaming::{AuctionId, Dispatch, Document, Solver, View};

use jiff::Timestamp;

use crate::member_edits::{MemberEdits, closing_members};
use crate::option_values::{MemberValue, Members};

/// One solver: where it is, and what it is sent.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    view: View<MemberEdits>,
    /// What the view is completed with.
    members: Members,
}

impl SolverRequest {
    /// `solver`, for which `members` are replaced or appended.
    pub(super) fn new(solver: Solver, members: Members, skip_liquidity: bool) -> Self {
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

/// To solvers, each as it wants it from now on: `document` is the auction with such edits, known by `id` in reports.
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
