use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use measured_body::ProductionMeter;
use tee_stream::{Branch, BranchEnd, BranchOptions, LagPolicy};

use crate::digest::DocumentDigest;
use crate::document::DocumentError;
use crate::encoding::Codec;
use crate::outcome::{CompressOutcome, SerializeOutcome, milliseconds};
use crate::settings::Setup;
use crate::shared_document::{EncodedDocument, SharedDocument};
use crate::views::{Dispatch, Representation};

/// What each reader of a run is sent.
pub(crate) struct Representations {
    /// By the solver's index.
    pub(crate) solvers: Vec<Representation>,
    /// If there is an archive.
    pub(crate) archive: Option<Representation>,
}

impl Representations {
    /// Of `dispatch` to the solvers, and to an archive that compresses by `archive_codec`.
    pub(crate) fn new(dispatch: &Dispatch, setup: &Setup, archive_codec: Option<Codec>) -> Self {
        let solvers = setup.solvers.iter().map(|solver| {
            let learned = &setup.learned_encodings;
            let codec = if solver.learns_encoding {
                learned.choose(&solver.endpoint.uri, archive_codec)
            } else {
                solver.encoding
            };
            dispatch.for_solver(solver, codec)
        });
        let solvers: Vec<_> = solvers.collect();
        let archive = archive_codec.map(|codec| {
            let encoded = dispatch.for_archive(Some(codec));
            // Compressed once for both, if there is a solver that is sent what the archive keeps.
            if solvers.contains(&encoded) {
                encoded
            } else {
                dispatch.for_archive(None)
            }
        });
        Self { solvers, archive }
    }

    fn all(&self) -> impl Iterator<Item = &Representation> {
        self.solvers.iter().chain(&self.archive)
    }

    /// How many tees they take: one for each document, and one for each way in which it is compressed.
    pub(crate) fn tees(&self) -> usize {
        let documents: HashSet<_> = self.all().map(|reader| reader.document).collect();
        let encoded: HashSet<_> = self.all().filter(|reader| reader.codec.is_some()).collect();
        documents.len() + encoded.len()
    }
}

/// The documents of one run, each shared by all who are sent it: one tee for each, and one for each way in which somebody
/// is sent it compressed.
pub(crate) struct SharedDocuments {
    documents: HashMap<usize, Arc<SharedDocument>>,
    encoded: HashMap<Representation, Arc<EncodedDocument>>,
}

impl SharedDocuments {
    /// Makes all tees, with windows of so many bytes, and polls none.
    pub(crate) fn new(
        dispatch: &Dispatch,
        readers: &Representations,
        meter: &ProductionMeter,
        window_bytes: usize,
        digest: bool,
    ) -> Self {
        let (mut documents, mut encoded) = (HashMap::new(), HashMap::new());
        for reader in readers.all() {
            let document = documents.entry(reader.document).or_insert_with(|| {
                let document = Arc::clone(&dispatch.documents[reader.document]);
                Arc::new(SharedDocument::new(document, meter, window_bytes, digest))
            });
            if let Some(codec) = reader.codec {
                encoded.entry(reader.clone()).or_insert_with(|| {
                    let tail = reader.tail.clone();
                    Arc::new(EncodedDocument::new(document, tail, codec, window_bytes))
                });
            }
        }
        Self { documents, encoded }
    }

    /// Where one of the readers that this was made for takes its document from.
    pub(crate) fn source(&self, reader: &Representation) -> DocumentSource {
        DocumentSource {
            shared: Arc::clone(&self.documents[&reader.document]),
            tail: reader.tail.clone(),
            encoded: reader.codec.zip(self.encoded.get(reader).cloned()),
        }
    }

    /// The auction as it is, if any reader is sent it.
    pub(crate) fn auction(&self) -> Option<DocumentSource> {
        Some(DocumentSource {
            shared: Arc::clone(self.documents.get(&0)?),
            tail: Bytes::new(),
            encoded: None,
        })
    }

    /// The digest of what documents were made from, where that is another document: the same for all of them.
    pub(crate) fn origin(&self) -> Option<DocumentDigest> {
        let mut all = self.documents.values();
        all.find_map(|shared| shared.document.origin())
    }

    /// What producing the documents took.
    pub(crate) fn serialized(&self, meter: &ProductionMeter) -> SerializeOutcome {
        let all = self.documents.values();
        let passes = all.map(|shared| (shared.bytes_produced(), shared.known_length()));
        let raw = self.documents.values().map(|shared| &shared.tee);
        let encoded = self.encoded.values().map(|encoded| &encoded.tee);
        let waited = raw.chain(encoded).map(|tee| tee.statistics().waited);
        SerializeOutcome {
            busy_ms: milliseconds(meter.busy()),
            passes: ratio(passes),
            documents: self.documents.len(),
            waited_ms: milliseconds(waited.sum()),
        }
    }

    /// What compressing them took.
    pub(crate) fn compressed(&self) -> CompressOutcome {
        let all = self.encoded.values();
        let passes = all.map(|encoded| {
            let length = encoded.tee.statistics().document_length;
            (encoded.bytes_compressed(), length)
        });
        CompressOutcome {
            passes: ratio(passes),
            documents: self.encoded.len(),
        }
    }
}

/// The bytes that were produced over those of all documents, once the length of each is known; `None` if there are none.
fn ratio(parts: impl Iterator<Item = (u64, Option<u64>)>) -> Option<f64> {
    let (mut produced, mut whole) = (0, 0);
    for (bytes, length) in parts {
        produced += bytes;
        whole += length?;
    }
    (whole > 0).then(|| produced as f64 / whole as f64)
}

/// Where a reader takes its document from: a branch at a time, each from byte 0.
#[derive(Clone)]
pub(crate) struct DocumentSource {
    shared: Arc<SharedDocument>,
    tail: Bytes,
    pub(crate) encoded: Option<(Codec, Arc<EncodedDocument>)>,
}

impl DocumentSource {
    /// One more branch. Those that are there before the first is polled share one production.
    pub(crate) fn branch(
        &self,
        name: &str,
        policy: Option<LagPolicy>,
        on_end: impl FnOnce(BranchEnd) + Send + 'static,
    ) -> Branch<DocumentError> {
        let options = BranchOptions::new().name(name).on_end(on_end);
        let options = match policy {
            Some(policy) => options.lag_policy(policy),
            None => options,
        };
        match &self.encoded {
            Some((_codec, encoded)) => encoded.tee.branch_with(options),
            None => {
                let options = options.tail(self.tail.clone());
                self.shared.tee.branch_with(options)
            }
        }
    }

    /// How its bytes are compressed already.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.encoded.as_ref().map(|(codec, _encoded)| *codec)
    }

    /// Whether its bytes are compressed already.
    pub(crate) fn is_encoded(&self) -> bool {
        self.encoded.is_some()
    }

    /// Whether there will be a digest.
    pub(crate) fn is_digested(&self) -> bool {
        self.shared.digest.is_some()
    }

    /// The digest of the raw document that its readers are sent, the tail included, once it is known.
    pub(crate) fn digest(&self) -> Option<DocumentDigest> {
        self.shared.digest.as_ref()?.with_tail(&self.tail)
    }

    /// The length of the raw document, the tail included, once it is known.
    pub(crate) fn known_length(&self) -> Option<u64> {
        Some(self.shared.known_length()? + self.tail.len() as u64)
    }

    /// Finds out the length of the raw document, the tail included. Counted once for all who ask.
    pub(crate) async fn count_length(&self) -> Result<u64, DocumentError> {
        Ok(self.shared.length().await? + self.tail.len() as u64)
    }
}
