/// Why an archived document cannot be an auction. The offset counts bytes of the archived document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// Something stands where the structure of the top level wants something else.
    #[error(
        "the archived document is no JSON object: {found:?} at byte {offset}, where {expected} must stand"
    )]
    Unexpected {
        /// What stands there.
        found: char,
        /// What should.
        expected: &'static str,
        /// Where.
        offset: u64,
    },
    /// The document ends within the object.
    #[error("the archived document is cut off after {length} bytes")]
    CutOff {
        /// Its length.
        length: u64,
    },
    /// The name of a top-level member is longer than 64 KiB.
    #[error("the archived document has a member name longer than {limit} bytes at byte {offset}")]
    LongName {
        /// The longest that is allowed.
        limit: usize,
        /// Where the name passes it.
        offset: u64,
    },
}
