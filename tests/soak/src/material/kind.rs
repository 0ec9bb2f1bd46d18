/// How a document is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a typed value.
    Typed,
    /// Of the text that it came in.
    Raw,
    /// Of parts that are made while they are sent.
    Lazy,
    /// Of an archived object.
    Replay,
}
