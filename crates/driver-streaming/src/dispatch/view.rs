use bytes::Bytes;

/// What one solver is sent: the document of a key, and what comes after it for this solver alone.
///
/// Solvers whose keys are equal share one document: one serialisation and one window.
#[derive(Clone, Debug)]
pub struct View<K> {
    pub(super) key: Option<K>,
    pub(super) tail: Option<Bytes>,
}

impl<K> View<K> {
    /// The document of the auction itself, which the archive keeps too. Without a [tail](Self::tail) of its own, with
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

    /// Appends bytes for this solver alone: for a document that was left open, `,"deadline":…}`.
    #[must_use]
    pub fn tail(mut self, tail: impl Into<Bytes>) -> Self {
        self.tail = Some(tail.into());
        self
    }
}
