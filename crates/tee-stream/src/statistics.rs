/// What a tee has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeeStatistics {
    /// The bytes that all productions yielded together. What is thrown away to reach an offset, by a replay or
    /// by the tee (less than one block each time), is not counted.
    ///
    /// Divided by `document_length`, it says how often the document was produced.
    pub bytes_produced: u64,
    /// The productions that were begun, the first included.
    pub cursors_opened: u64,
    /// The cursors that are there now.
    pub cursors_open: usize,
    /// The bytes in all windows now.
    pub window_bytes: usize,
    /// The most bytes that were ever in all windows together.
    pub window_bytes_peak: usize,
    /// The branches that have not ended.
    pub branches_open: usize,
    /// The length of the document, once a production has ended, or as it was declared.
    pub document_length: Option<u64>,
}
