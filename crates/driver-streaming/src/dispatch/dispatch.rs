use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;

use super::view::View;
use crate::auction_id::AuctionId;
use crate::document::Document;
use crate::solver::Solver;

/// What one run sends: the auction, the id it is archived under, and, for solvers that are sent something else, which
/// view of it.
///
/// ```
/// use driver_streaming::{Dispatch, JsonDocument, Solver, View};
///
/// #[derive(serde::Serialize)]
/// struct Auction {
///     id: u64,
///     liquidity: Vec<String>,
/// }
/// let auction = || Auction { id: 1, liquidity: vec!["pool".to_owned()] };
/// # let solvers = [Solver::new("lean", "http://localhost:1")?, Solver::new("full", "http://localhost:2")?];
///
/// // Archived as it is. Solvers get one of two documents, and each its own deadline, written last.
/// let dispatch = Dispatch::new(JsonDocument::new(auction()))
///     .archive_as("1".parse()?)
///     .views(
///         &solvers,
///         |solver| {
///             let deadline = if solver.name() == "full" { 17 } else { 18 };
///             View::keyed(solver.name() == "lean").tail(format!(r#","deadline":{deadline}}}"#))
///         },
///         |lean| {
///             let mut auction = auction();
///             if *lean {
///                 auction.liquidity.clear();
///             }
///             JsonDocument::new(auction).left_open()
///         },
///     );
/// # let _ = dispatch;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Dispatch {
    id: Option<AuctionId>,
    /// The auction itself comes first.
    documents: Vec<Arc<dyn Document>>,
    archive_tail: Bytes,
    /// By the solver's name: the document, and the tail, if it is not that of the auction.
    shares: HashMap<String, (usize, Option<Bytes>)>,
}

/// Which document a reader gets, and what comes after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Share {
    pub(crate) document: usize,
    pub(crate) tail: Bytes,
}

impl Dispatch {
    /// The same document to every solver, and no archive.
    pub fn new(auction: impl Document + 'static) -> Self {
        Self {
            id: None,
            documents: vec![Arc::new(auction)],
            archive_tail: Bytes::new(),
            shares: HashMap::new(),
        }
    }

    /// Archives the auction under this id, if the pipeline has an archive. Quotes, for one, have no id and are not archived.
    ///
    /// Outcomes and `X-REQUEST-ID` name it, too. It is not written into the document, nor compared with an id that stands
    /// there: to keep the two equal is the caller's to see to.
    #[must_use]
    pub fn archive_as(mut self, id: AuctionId) -> Self {
        self.id = Some(id);
        self
    }

    /// What the archive appends to the auction: the closing brace, for a document that was left open so that solvers can
    /// share it and append members of their own. Solvers that are sent the auction and append nothing get it too.
    #[must_use]
    pub fn archive_tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.archive_tail = tail.into();
        self
    }

    /// Asks for each of `solvers` which view it is sent, and once for each key for its document.
    ///
    /// Solvers of the pipeline that are not among these are sent what the archive keeps. Of these, one that is not the
    /// pipeline's is asked about like the others, by its name, and is sent nothing; a document that nobody is sent is made,
    /// and not produced.
    ///
    /// Called once more, it counts for the solvers that are named then, and what was said of others before stays. Keys
    /// are compared within one call: two calls share no document but the auction.
    #[must_use]
    pub fn views<K, D>(
        mut self,
        solvers: &[Solver],
        mut view: impl FnMut(&Solver) -> View<K>,
        mut document: impl FnMut(&K) -> D,
    ) -> Self
    where
        K: Eq + Hash,
        D: Document + 'static,
    {
        let mut known: HashMap<K, usize> = HashMap::new();
        for solver in solvers {
            let View { key, tail } = view(solver);
            let document = match key {
                None => 0,
                Some(key) => *known.entry(key).or_insert_with_key(|key| {
                    self.documents.push(Arc::new(document(key)));
                    self.documents.len() - 1
                }),
            };
            self.shares
                .insert(solver.name().to_owned(), (document, tail));
        }
        self
    }

    pub(crate) fn id(&self) -> Option<&AuctionId> {
        self.id.as_ref()
    }

    pub(crate) fn documents(&self) -> &[Arc<dyn Document>] {
        &self.documents
    }

    pub(crate) fn share_of(&self, solver: &Solver) -> Share {
        let (document, tail) = match self.shares.get(solver.name()) {
            Some((document, tail)) => (*document, tail.clone()),
            None => (0, None),
        };
        let tail = match tail {
            Some(tail) => tail,
            None if document == 0 => self.archive_tail.clone(),
            None => Bytes::new(),
        };
        Share { document, tail }
    }

    pub(crate) fn share_of_archive(&self) -> Share {
        Share {
            document: 0,
            tail: self.archive_tail.clone(),
        }
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dispatch")
            .field("id", &self.id)
            .field("documents", &self.documents.len())
            .field("shares", &self.shares.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chunked_writer::JsonDocument;

    use super::*;

    #[test]
    fn equal_keys_share_one_document() {
        let solvers: Vec<Solver> = ["a", "b", "c", "d"]
            .map(|name| Solver::new(name, "http://h").unwrap())
            .to_vec();
        let mut made = Vec::new();
        let dispatch = Dispatch::new(JsonDocument::new(0)).views(
            &solvers,
            |solver| match solver.name() {
                "a" => View::auction(),
                "b" => View::keyed(1).tail("b"),
                _ => View::keyed(solver.name().len() as u32),
            },
            |key| {
                made.push(*key);
                JsonDocument::new(*key)
            },
        );
        assert_eq!(made, [1]);
        let documents = solvers
            .iter()
            .map(|solver| dispatch.share_of(solver).document);
        assert_eq!(documents.collect::<Vec<_>>(), [0, 1, 1, 1]);
        assert_eq!(dispatch.share_of(&solvers[1]).tail, "b");
        let other = Solver::new("other", "http://h").unwrap();
        assert_eq!(dispatch.share_of(&other), Share::default());
    }

    #[test]
    fn an_auction_that_was_left_open_is_closed_for_all_who_append_nothing() {
        let solvers: Vec<Solver> = ["plain", "own", "none", "view"]
            .map(|name| Solver::new(name, "http://h").unwrap())
            .to_vec();
        let dispatch = Dispatch::new(JsonDocument::new([0]).left_open())
            .views(
                &solvers,
                |solver| match solver.name() {
                    "own" => View::auction().tail(",1]"),
                    "none" => View::auction().tail(""),
                    "view" => View::keyed(()),
                    _ => View::auction(),
                },
                |()| JsonDocument::new([1]),
            )
            .archive_tail("]");
        let tails = solvers
            .iter()
            .map(|solver| dispatch.share_of(solver).tail)
            .collect::<Vec<_>>();
        assert_eq!(tails, ["]", ",1]", "", ""]);
        assert_eq!(dispatch.share_of(&solvers[0]), dispatch.share_of_archive());
    }
}
