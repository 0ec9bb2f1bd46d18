use super::span::Span;

/// A top-level member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The value of a top-level member, by where its parts stand in the text.
#[derive(Debug)]
pub(super) enum Value {
    /// A number, a string, a literal.
    Scalar(Span),
    /// Runs of elements: each one or more elements, with the commas between them.
    Array(Vec<Span>),
    /// Runs of entries.
    Object(Vec<EntryRun>),
}

/// One or more entries of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryRun {
    /// The first entry's key, with its quotes.
    pub(super) key: Span,
    /// From the first entry's value to the end of the last entry.
    pub(super) rest: Span,
}
