use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
#[cfg(feature = "archive")]
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use measured_body::ProductionMeter;
use tee_stream::{Branch, BranchEnd, BranchOptions, LagPolicy, Tee, TokioTimer};
use tokio::sync::OnceCell;

use crate::builder::Setup;
use crate::digest::{DocumentDigest, SharedDigest};
use crate::document::{Document, DocumentError, count_length, produce, skip_bytes};
use crate::encoding::{Codec, encode};
use crate::outcome::{CompressOutcome, SerializeOutcome, milliseconds};
use crate::views::{Dispatch, Representation};
use crate::window_budget::WindowLease;

/// How many productions of one document may be under way at once, each with a chunk beyond the window.
pub(crate) const PRODUCTIONS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// How long an archive waits for the solvers to have the whole document before it begins to read: delivery comes first.
#[cfg(feature = "archive")]
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

/// Creates a tee of the document that `produce` yields from an offset on.
pub(crate) fn tee<S>(
    window_bytes: usize,
    produce: impl Fn(u64) -> S + Send + Sync + 'static,
) -> Tee<DocumentError>
where
    S: Stream<Item = Result<Bytes, DocumentError>> + Send + 'static,
{
    Tee::builder()
        .window(window_bytes)
        .max_productions(PRODUCTIONS_AT_ONCE)
        .timer(TokioTimer::new())
        .build_replayable(produce)
}

/// The documents of one run. All readers of a document are branches of one tee. So are all readers of one compression of it:
/// the source of that tee is a branch of the raw document.
pub(crate) struct SharedDocuments {
    documents: HashMap<usize, Arc<SharedDocument>>,
    encoded: HashMap<Representation, Tee<DocumentError>>,
    /// Measures all productions.
    pub(crate) meter: ProductionMeter,
    /// Measures all compressions.
    compression: ProductionMeter,
    /// The budget of all windows.
    pub(crate) lease: WindowLease,
}

/// One document of a run.
struct SharedDocument {
    document: Arc<dyn Document>,
    tee: Tee<DocumentError>,
    /// If documents are digested.
    digest: Option<SharedDigest>,
    /// Counted once for all who ask.
    length: OnceCell<u64>,
}

impl SharedDocuments {
    /// Creates all tees, and polls none. Also returns the source of each reader: the solvers in their order, then the archive,
    /// if there is one that compresses with `archive_codec`.
    pub(crate) fn new(
        dispatch: &Dispatch,
        setup: &Setup,
        archive_codec: Option<Codec>,
    ) -> (Self, Vec<DocumentSource>) {
        let readers = representations(dispatch, setup, archive_codec);
        let documents: HashSet<_> = readers.iter().map(|reader| reader.document).collect();
        let encoded = readers.iter().filter(|reader| reader.codec.is_some());
        let tees = documents.len() + encoded.collect::<HashSet<_>>().len();
        let mut shared = Self {
            documents: HashMap::new(),
            encoded: HashMap::new(),
            meter: ProductionMeter::new(),
            compression: ProductionMeter::new(),
            lease: setup.budget.lease(tees, setup.settings.window_bytes),
        };
        for index in documents {
            let document = Arc::clone(&dispatch.documents[index]);
            let document = shared.share(document, setup.settings.digest);
            shared.documents.insert(index, document);
        }
        let sources = readers.into_iter().map(|reader| DocumentSource {
            shared: Arc::clone(&shared.documents[&reader.document]),
            tail: reader.tail.clone(),
            encoded: reader
                .codec
                .map(|codec| (codec, shared.encode(reader, codec))),
        });
        let sources = sources.collect();
        (shared, sources)
    }

    fn share(&self, document: Arc<dyn Document>, digest: bool) -> Arc<SharedDocument> {
        let digest = SharedDigest::if_enabled(digest);
        let tee = {
            let (document, digest) = (Arc::clone(&document), digest.clone());
            let meter = self.meter.clone();
            tee(self.lease.window_bytes, move |offset| {
                let production = produce(&*document, offset, &meter);
                match &digest {
                    Some(digest) => digest.follow(production, offset).left_stream(),
                    None => production.right_stream(),
                }
            })
        };
        Arc::new(SharedDocument {
            document,
            tee,
            digest,
            length: OnceCell::new(),
        })
    }

    /// Returns the tee of what `reader` is sent, compressed by `codec`. If a branch of it falls too far behind, the document is
    /// compressed again from byte 0, and what the branch has read is skipped: the same bytes give the same compressed bytes.
    fn encode(&mut self, reader: Representation, codec: Codec) -> Tee<DocumentError> {
        let (document, tail) = (&self.documents[&reader.document], reader.tail.clone());
        let raw = document.tee.clone();
        let (compression, window_bytes) = (self.compression.clone(), self.lease.window_bytes);
        let encoded = self.encoded.entry(reader).or_insert_with(|| {
            tee(window_bytes, move |offset| {
                let options = BranchOptions::new().name(codec.to_string());
                let raw = raw.branch_with(options.tail(tail.clone()));
                skip_bytes(compression.measure(encode(raw, codec)), offset)
            })
        });
        encoded.clone()
    }

    /// Returns the auction without a tail, if any reader is sent it.
    pub(crate) fn auction(&self) -> Option<DocumentSource> {
        Some(DocumentSource {
            shared: Arc::clone(self.documents.get(&0)?),
            tail: Bytes::new(),
            encoded: None,
        })
    }

    /// Returns the digest of the document that all documents were made from, if there is one.
    pub(crate) fn origin(&self) -> Option<DocumentDigest> {
        let mut all = self.documents.values();
        all.find_map(|shared| shared.document.origin())
    }

    fn raw_tees(&self) -> impl Iterator<Item = &Tee<DocumentError>> {
        self.documents.values().map(|shared| &shared.tee)
    }

    /// What producing the documents took.
    pub(crate) fn serialized(&self) -> SerializeOutcome {
        let tees = self.raw_tees().chain(self.encoded.values());
        let waited = tees.map(|tee| tee.statistics().waited);
        SerializeOutcome {
            busy_ms: milliseconds(self.meter.busy()),
            passes: passes(&self.meter, self.raw_tees()),
            documents: self.documents.len(),
            waited_ms: milliseconds(waited.sum()),
        }
    }

    /// What compressing them took.
    pub(crate) fn compressed(&self) -> CompressOutcome {
        CompressOutcome {
            passes: passes(&self.compression, self.encoded.values()),
            documents: self.encoded.len(),
        }
    }
}

/// Returns the bytes that were produced over those of all documents. `None` if a length is unknown, or there are no bytes.
fn passes<'a>(
    meter: &ProductionMeter,
    documents: impl Iterator<Item = &'a Tee<DocumentError>>,
) -> Option<f64> {
    let lengths = documents.map(|tee| tee.statistics().document_length);
    let whole = lengths.sum::<Option<u64>>()?;
    (whole > 0).then(|| meter.bytes() as f64 / whole as f64)
}

/// Returns what each reader is sent: the solvers in their order, then the archive, if there is one.
fn representations(
    dispatch: &Dispatch,
    setup: &Setup,
    archive_codec: Option<Codec>,
) -> Vec<Representation> {
    let solvers = setup.settings.solvers.iter().map(|solver| {
        let learned = &setup.learned_encodings;
        let codec = if solver.learns_encoding {
            learned.choose(&solver.endpoint.uri, archive_codec)
        } else {
            solver.encoding
        };
        dispatch.for_solver(solver, codec)
    });
    let mut readers: Vec<_> = solvers.collect();
    if archive_codec.is_some() {
        // Compressed once for both, if a solver is sent what the archive keeps.
        let encoded = dispatch.for_archive(archive_codec);
        let is_shared = readers.contains(&encoded);
        readers.push(dispatch.for_archive(archive_codec.filter(|_| is_shared)));
    }
    readers
}

/// Where a reader gets its document from, a branch at a time, each from byte 0.
#[derive(Clone)]
pub(crate) struct DocumentSource {
    shared: Arc<SharedDocument>,
    tail: Bytes,
    pub(crate) encoded: Option<(Codec, Tee<DocumentError>)>,
}

impl DocumentSource {
    /// Adds a branch. Those that exist before the first is polled share one production.
    pub(crate) fn branch(
        &self,
        name: &str,
        policy: Option<LagPolicy>,
        on_end: impl FnOnce(BranchEnd) + Send + 'static,
    ) -> Branch<DocumentError> {
        let mut options = BranchOptions::new().name(name).on_end(on_end);
        if let Some(policy) = policy {
            options = options.lag_policy(policy);
        }
        match &self.encoded {
            Some((_codec, tee)) => tee.branch_with(options),
            None => self.shared.tee.branch_with(options.tail(self.tail.clone())),
        }
    }

    /// Returns how its bytes are compressed already.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.encoded.as_ref().map(|(codec, _tee)| *codec)
    }

    /// Whether it will have a digest.
    pub(crate) fn is_digested(&self) -> bool {
        self.shared.digest.is_some()
    }

    /// Returns the digest of the raw document, with the tail, once it is known.
    pub(crate) fn digest(&self) -> Option<DocumentDigest> {
        self.shared.digest.as_ref()?.with_tail(&self.tail)
    }

    /// Returns the length of the raw document, with the tail, once it is known.
    pub(crate) fn known_length(&self) -> Option<u64> {
        let length = self.shared.tee.statistics().document_length?;
        Some(length + self.tail.len() as u64)
    }

    /// Counts the length of the raw document, with the tail.
    pub(crate) async fn count_length(&self) -> Result<u64, DocumentError> {
        let shared = &self.shared;
        let count = || count_length(&*shared.document);
        let length = shared.length.get_or_try_init(count).await?;
        Ok(length + self.tail.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use chunked_writer::JsonDocument;

    use super::*;

    #[tokio::test]
    async fn passes_are_the_bytes_produced_over_those_of_documents() {
        let (document, meter) = (JsonDocument::new([1, 2]), ProductionMeter::new());
        let (produced, measured) = (document.clone(), meter.clone());
        let tee = tee(1, move |offset| produce(&produced, offset, &measured));
        assert_eq!(passes(&meter, [&tee].into_iter()), None);
        let read = tee.branch().collect::<Vec<_>>().await;
        assert_eq!(read.len(), 1);
        assert_eq!(passes(&meter, [&tee].into_iter()), Some(1.0));
        let _again: Vec<_> = produce(&document, 0, &meter).collect().await;
        assert_eq!(passes(&meter, [&tee].into_iter()), Some(2.0));
        assert_eq!(passes(&meter, std::iter::empty()), None);
    }
}
