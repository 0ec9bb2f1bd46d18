use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use chunked_writer::JsonDocument;

use super::solver_request::SolverRequest;
use crate::auction::{AuctionId, AuctionView, Omission, RawAuction, closing_members};
use crate::replay::ArchivedDocument;
use driver_streaming::Document;
use driver_streaming::{Dispatch, View};

/// The part of an auction that solvers share: what is left out of it, and whether members of their own follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    omission: Omission,
    left_open: bool,
}

/// An auction from a file to solvers, each as it wants it; archived under `id`, as it is.
pub(super) fn of_auction(
    auction: RawAuction,
    id: Option<AuctionId>,
    requests: &[SolverRequest],
) -> Dispatch {
    let auction = Arc::new(auction);
    let view = |omission: &Omission| AuctionView::new(Arc::clone(&auction), omission.clone());
    let dispatch = Dispatch::new(JsonDocument::from_arc(Arc::clone(&auction)));
    let dispatch = with_views(
        dispatch,
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
    let by_name: HashMap<&str, &SolverRequest> = requests
        .iter()
        .map(|request| (request.solver.name(), request))
        .collect();
    dispatch.views(
        &solvers,
        |solver| match by_name.get(solver.name()) {
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
