use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::HeaderMap;

use crate::auction_id::AuctionId;
use crate::document::Document;
use crate::encoding::Codec;
use crate::observer::Observer;
use crate::solver::Solver;

/// What one run sends: the auction, its id in the archive, and the views of solvers that are sent something else.
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
/// // The archive keeps the auction. Each solver gets one of two documents, and its own deadline, written last.
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
    pub(crate) id: Option<AuctionId>,
    /// The auction itself comes first.
    pub(crate) documents: Vec<Arc<dyn Document>>,
    archive_tail: Bytes,
    /// By the solver's name: the document, and the tail, unless it is the archive's.
    views: HashMap<String, (usize, Option<Bytes>)>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) deadline: Option<Instant>,
    /// An id that becomes known later.
    pub(crate) name: Option<Later<AuctionId>>,
    /// A deadline that becomes known later.
    pub(crate) earlier_deadline: Option<Later<Instant>>,
    pub(crate) headers: HeaderMap,
}

/// A value that becomes known during a run, or never does.
pub(crate) type Later<T> = Shared<BoxFuture<'static, Option<T>>>;

/// What one reader is sent: a document, its tail, and how both are compressed. Readers with equal representations are sent the
/// same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Representation {
    pub(crate) document: usize,
    pub(crate) tail: Bytes,
    pub(crate) codec: Option<Codec>,
}

impl Dispatch {
    /// Sends the same document to every solver, without an archive.
    pub fn new(auction: impl Document + 'static) -> Self {
        Self {
            id: None,
            documents: vec![Arc::new(auction)],
            archive_tail: Bytes::new(),
            views: HashMap::new(),
            observers: Vec::new(),
            deadline: None,
            name: None,
            earlier_deadline: None,
            headers: HeaderMap::new(),
        }
    }

    /// Sets when every solver must have answered, in place of the pipeline's
    /// [deadline](crate::PipelineBuilder::deadline). A solver's [timeout](Solver::with_timeout) may end earlier. If the
    /// deadline has passed when the run begins, nothing is sent and every solver is `timed_out`. The auction is archived all
    /// the same.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Brings the deadline forward to the instant that `known` yields, if it yields one: for a deadline inside a document that
    /// is still arriving. An instant after the deadline changes nothing.
    #[must_use]
    pub fn deadline_from(
        mut self,
        known: impl Future<Output = Option<Instant>> + Send + 'static,
    ) -> Self {
        self.earlier_deadline = Some(known.boxed().shared());
        self
    }

    /// Sends these headers to every solver. A [solver's own header](Solver::with_header) of the same name takes precedence.
    /// Headers that [`Solver::with_header`] refuses are not sent. Values appear in no report and no log.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Archives the auction under this id, if the pipeline has an archive. Without an id, as for quotes, nothing is archived.
    ///
    /// The id also appears in outcomes and as `X-REQUEST-ID`. It is neither written into the document nor compared with an id
    /// there: keep the two equal.
    #[must_use]
    pub fn archive_as(mut self, id: AuctionId) -> Self {
        self.id = Some(id);
        self
    }

    /// Archives the auction under the id that `name` yields: for a document that is still arriving, with its id anywhere in it.
    /// If `name` yields none, the archive is [skipped](crate::ArchiveStatus::Skipped).
    ///
    /// The archive never holds up a solver: once it is a window behind, it reads its own production. `X-REQUEST-ID` is a UUID,
    /// as for an auction without an id.
    #[must_use]
    pub fn archive_when_named(
        mut self,
        name: impl Future<Output = Option<AuctionId>> + Send + 'static,
    ) -> Self {
        self.name = Some(name.boxed().shared());
        self
    }

    /// Sets what the archive appends to the auction: the closing brace, for a document that is left open so that solvers can
    /// share it and append their own members. Solvers that are sent the auction without a tail of their own get it too.
    #[must_use]
    pub fn archive_tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.archive_tail = tail.into();
        self
    }

    /// Calls `view` for each of `solvers`, and `document` once for each key.
    ///
    /// The pipeline's other solvers are sent what the archive keeps. Solvers that are not the pipeline's are sent nothing. A
    /// document that nobody is sent is not produced.
    ///
    /// Another call replaces the views of the solvers that it names and keeps the others. Keys are compared within one call: two
    /// calls share no document but the auction.
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
            self.views
                .insert(solver.name().to_owned(), (document, tail));
        }
        self
    }

    /// Adds an observer of this run.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    pub(crate) fn for_solver(&self, solver: &Solver, codec: Option<Codec>) -> Representation {
        let (document, tail) = match self.views.get(solver.name()) {
            Some((document, Some(tail))) => (*document, tail.clone()),
            None | Some((0, None)) => return self.for_archive(codec),
            Some((document, None)) => (*document, Bytes::new()),
        };
        Representation {
            document,
            tail,
            codec,
        }
    }

    pub(crate) fn for_archive(&self, codec: Option<Codec>) -> Representation {
        Representation {
            document: 0,
            tail: self.archive_tail.clone(),
            codec,
        }
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dispatch")
            .field("id", &self.id)
            .field("documents", &self.documents.len())
            .field("views", &self.views.len())
            .finish_non_exhaustive()
    }
}

/// What one solver is sent: the document of a key, and a tail for this solver alone.
///
/// Solvers with equal keys share one document: one serialisation and one window.
#[derive(Clone, Debug)]
pub struct View<K> {
    key: Option<K>,
    tail: Option<Bytes>,
}

impl<K> View<K> {
    /// The auction itself, which the archive keeps too. Without its own [tail](Self::tail), it has
    /// [the archive's](crate::Dispatch::archive_tail).
    pub fn auction() -> Self {
        Self {
            key: None,
            tail: None,
        }
    }

    /// The document of `key`.
    pub fn keyed(key: K) -> Self {
        Self {
            key: Some(key),
            tail: None,
        }
    }

    /// Appends bytes for this solver alone: for a document that is left open, `,"deadline":…}`.
    #[must_use]
    pub fn tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.tail = Some(tail.into());
        self
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
            .map(|solver| dispatch.for_solver(solver, None).document);
        assert_eq!(documents.collect::<Vec<_>>(), [0, 1, 1, 1]);
        assert_eq!(dispatch.for_solver(&solvers[1], None).tail, "b");
        let other = Solver::new("other", "http://h").unwrap();
        assert_eq!(
            dispatch.for_solver(&other, None),
            dispatch.for_archive(None)
        );
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
            .map(|solver| dispatch.for_solver(solver, None).tail)
            .collect::<Vec<_>>();
        assert_eq!(tails, ["]", ",1]", "", ""]);
        assert_eq!(
            dispatch.for_solver(&solvers[0], None),
            dispatch.for_archive(None)
        );
    }
}
