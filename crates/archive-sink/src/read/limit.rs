/// A document that has no more raw bytes than this may have any ratio: 1 MiB.
const BYTES_OF_ANY_RATIO: u64 = 1 << 20;

/// How many raw bytes a document that is read may have, against decompression bombs: by itself, and for
/// each stored byte.
///
/// Reading takes constant memory whatever the length; the limit protects those who keep or work on
/// what they read.
///
/// ```
/// use archive_sink::ReadLimit;
///
/// assert_eq!(ReadLimit::bytes(5).for_stored(1), 5);
/// assert_eq!(ReadLimit::default().for_stored(10), 1 << 20);
/// assert_eq!(ReadLimit::default().for_stored(1_000_000), 200_000_000);
/// assert_eq!(ReadLimit::default().for_stored(1 << 30), 1 << 30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadLimit {
    bytes: u64,
    ratio: u64,
}

impl ReadLimit {
    /// At most this many bytes, at any ratio; `u64::MAX` is no limit.
    pub fn bytes(bytes: u64) -> Self {
        let ratio = u64::MAX;
        Self { bytes, ratio }
    }

    /// At most this many times the stored length as well, once a document has more than 1 MiB.
    #[must_use]
    pub fn with_ratio(self, ratio: u64) -> Self {
        Self { ratio, ..self }
    }

    /// The limit in raw bytes for an object of this stored length.
    pub fn for_stored(self, stored_bytes: u64) -> u64 {
        let by_ratio = self.ratio.saturating_mul(stored_bytes);
        self.bytes.min(by_ratio.max(BYTES_OF_ANY_RATIO))
    }
}

/// 1 GiB, and 200 times the stored length. gzip reaches 1,032 times (<https://zlib.net/zlib_tech.html>),
/// zstd and brotli many thousand; auctions stay below 10.
impl Default for ReadLimit {
    fn default() -> Self {
        Self::bytes(1 << 30).with_ratio(200)
    }
}
