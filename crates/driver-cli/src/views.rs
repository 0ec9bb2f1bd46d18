//! What each solver is sent: the auction, or a view of it that it shares with others and members of its own.

use std::sync::Arc;

use bytes::Bytes;
use chunked_writer::JsonDocument;
use driver_streaming::{Dispatch, Document, Solver, View};

use crate::archived_document::ArchivedDocument;
use crate::auction::{AuctionId, AuctionView, Omission, RawAuction, closing_members};
use crate::values::Members;

/// One solver as options and configuration file ask for it: where it is, and what its requests have of their own.
#[derive(Debug)]
pub(super) struct SolverRequest {
    pub(super) solver: Solver,
    /// What it is not sent by what it shares with others.
    omission: Omission,
    /// What is appended for it.
    members: Members,
}

/// The part of an auction that solvers share: what is left out of it, and whether members of their own follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    omission: Omission,
    left_open: bool,
}

impl SolverRequest {
    /// `solver`, for which `members` are replaced or appended.
    pub(super) fn new(solver: Solver, members: Members, skip_liquidity: bool) -> Self {
        let omission = Omission::nothing().members(members.iter().map(|(name, _)| name));
        let omission = if skip_liquidity {
            omission.liquidity()
        } else {
            omission
        };
        Self {
            solver,
            omission,
            members,
        }
    }
}

/// An auction from a file to solvers, each as it wants it; archived under `id`, as it is.
pub(super) fn of_auction(
    auction: RawAuction,
    id: Option<AuctionId>,
    requests: &[SolverRequest],
) -> Dispatch {
    let auction = Arc::new(auction);
    let view = |omission: &Omission| AuctionView::new(Arc::clone(&auction), omission.clone());
    let dispatch = with_views(
        Dispatch::new(JsonDocument::from_arc(Arc::clone(&auction))),
        requests,
        |request| closing_members(&request.members, view(&request.omission).has_members()),
        |part| {
            let document = JsonDocument::new(view(&part.omission));
            if part.left_open {
                document.left_open()
            } else {
                document
            }
        },
    );
    match id {
        Some(id) => dispatch.archive_as(id),
        None => dispatch,
    }
}

/// An archived auction to solvers, each as it wants it.
pub(super) fn of_archived(archived: &ArchivedDocument, requests: &[SolverRequest]) -> Dispatch {
    with_views(
        Dispatch::new(archived.apart()),
        requests,
        // The document that is left open has the comma already.
        |request| closing_members(&request.members, false),
        |part| {
            let document = archived.apart().without(&part.omission);
            if part.left_open {
                document.left_open()
            } else {
                document
            }
        },
    )
}

fn with_views<D: Document + 'static>(
    dispatch: Dispatch,
    requests: &[SolverRequest],
    tail: impl Fn(&SolverRequest) -> Bytes,
    document: impl FnMut(&Part) -> D,
) -> Dispatch {
    let solvers: Vec<_> = requests
        .iter()
        .map(|request| request.solver.clone())
        .collect();
    let request_of = |solver: &Solver| {
        let mut requests = requests.iter();
        requests.find(|request| request.solver.name() == solver.name())
    };
    dispatch.views(
        &solvers,
        |solver| match request_of(solver) {
            Some(request) if !request.omission.is_nothing() => {
                let left_open = !request.members.is_empty();
                let view = View::keyed(Part {
                    omission: request.omission.clone(),
                    left_open,
                });
                if left_open {
                    view.tail(tail(request))
                } else {
                    view
                }
            }
            _ => View::auction(),
        },
        document,
    )
}
