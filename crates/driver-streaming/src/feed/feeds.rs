use std::collections::HashMap;
use std::sync::Arc;

use archive_sink::Codec;
use bytes::Bytes;
use measured_body::ProductionMeter;

use super::encoded_feed::EncodedFeed;
use super::feed::Feed;
use super::shared_document::SharedDocument;
use super::tee_settings::TeeSettings;
use crate::dispatch::{Dispatch, Share};
use crate::document::DocumentDigest;

/// What one reader wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) share: Share,
    pub(crate) codec: Option<Codec>,
}

/// The feeds of one run: one tee for each document that somebody is sent, and one for each way in which somebody is
/// sent it compressed.
pub(crate) struct Feeds {
    documents: HashMap<usize, Arc<SharedDocument>>,
    encoded: HashMap<Reader, Arc<EncodedFeed>>,
}

impl Feeds {
    /// How many tees `readers` take.
    pub(crate) fn count(readers: &[Reader]) -> usize {
        let documents: std::collections::HashSet<_> =
            readers.iter().map(|reader| reader.share.document).collect();
        let encoded: std::collections::HashSet<_> = readers
            .iter()
            .filter(|reader| reader.codec.is_some())
            .collect();
        documents.len() + encoded.len()
    }

    /// Makes all tees, and polls none.
    pub(crate) fn new(
        dispatch: &Dispatch,
        readers: &[Reader],
        meter: &ProductionMeter,
        settings: TeeSettings,
    ) -> Self {
        let mut feeds = Self {
            documents: HashMap::new(),
            encoded: HashMap::new(),
        };
        for reader in readers {
            let index = reader.share.document;
            let shared = feeds.documents.entry(index).or_insert_with(|| {
                let document = Arc::clone(&dispatch.documents()[index]);
                Arc::new(SharedDocument::new(document, meter, settings))
            });
            if let Some(codec) = reader.codec
                && !feeds.encoded.contains_key(reader)
            {
                let encoded = EncodedFeed::new(shared, &reader.share.tail, codec, settings);
                feeds.encoded.insert(reader.clone(), Arc::new(encoded));
            }
        }
        feeds
    }

    /// The feed of one of the readers that this was made for.
    pub(crate) fn feed(&self, reader: &Reader) -> Option<Feed> {
        let shared = Arc::clone(self.documents.get(&reader.share.document)?);
        let tail = reader.share.tail.clone();
        match reader.codec {
            None => Some(Feed::raw(shared, tail)),
            Some(_) => {
                let encoded = Arc::clone(self.encoded.get(reader)?);
                Some(Feed::encoded(shared, tail, encoded))
            }
        }
    }

    /// The auction as it is, if any reader is sent it.
    pub(crate) fn auction(&self) -> Option<Feed> {
        let shared = Arc::clone(self.documents.get(&0)?);
        Some(Feed::raw(shared, Bytes::new()))
    }

    /// The digest of what documents were made from, where that is another document: the same for all of them.
    pub(crate) fn origin(&self) -> Option<DocumentDigest> {
        self.documents
            .values()
            .find_map(|document| document.origin())
    }

    /// Bytes produced over the bytes of all documents, once the length of each is known: 1 when one production of each
    /// served all.
    pub(crate) fn passes(&self) -> Option<f64> {
        ratio(
            self.documents
                .values()
                .map(|document| (document.bytes_produced(), document.known_length())),
        )
    }

    /// The same of the compressed documents; `None` if there are none.
    pub(crate) fn encoding_passes(&self) -> Option<f64> {
        ratio(self.encoded.values().map(|encoded| {
            let length = encoded.tee().statistics().document_length;
            (encoded.bytes_compressed(), length)
        }))
    }

    pub(crate) fn documents(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn encodings(&self) -> usize {
        self.encoded.len()
    }
}

fn ratio(parts: impl Iterator<Item = (u64, Option<u64>)>) -> Option<f64> {
    let (mut produced, mut whole) = (0, 0);
    for (bytes, length) in parts {
        produced += bytes;
        whole += length?;
    }
    (whole > 0).then(|| produced as f64 / whole as f64)
}
