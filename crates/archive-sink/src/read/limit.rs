/// How many raw bytes a document that is read may have, against decompression bombs.
///
/// Reading takes constant memory whatever the length; the limit protects those who keep or work on
/// what they read.
///
/// ```
/// use archive_sink::ReadLimit;
///
/// assert_eq!(ReadLimit::bytes(5).for_stored(1), 5);
/// assert_eq!(ReadLimit::default().for_stored(10), 1 << 30);
/// assert_eq!(ReadLimit::default().for_stored(1 << 30), 1_000 << 30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadLimit {
    bytes: u64,
    times_stored: u64,
}

impl ReadLimit {
    /// At most this many bytes; `u64::MAX` is no limit.
    pub fn bytes(bytes: u64) -> Self {
        Self::ratio(0, bytes)
    }

    /// This many times the stored length, or `bytes`, whichever is more.
    pub fn ratio(times_stored: u64, bytes: u64) -> Self {
        Self {
            bytes,
            times_stored,
        }
    }

    /// The limit in raw bytes for an object of this stored length.
    pub fn for_stored(self, stored_bytes: u64) -> u64 {
        self.bytes
            .max(self.times_stored.saturating_mul(stored_bytes))
    }
}

/// 1 GiB, or 1,000 times the stored length when that is more. gzip reaches at most 1,032 times
/// (<https://zlib.net/zlib_tech.html>); JSON reaches 10 to 50.
impl Default for ReadLimit {
    fn default() -> Self {
        Self::ratio(1_000, 1 << 30)
    }
}
