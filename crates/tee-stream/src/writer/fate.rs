use std::{io, sync::Arc};

/// What a sink of a [`TeeWriter`](super::TeeWriter) means to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkRole {
    /// It sets the pace, and its failure is the failure of the writer.
    Required,
    /// Its failure is its own. It keeps up with the required ones within the buffer, or it is given up.
    BestEffort,
}

/// What became of a sink.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SinkFate {
    /// It takes part.
    Live,
    /// It was shut down with all bytes.
    ShutDown,
    /// It failed, with this error: its own, [`WriteZero`](io::ErrorKind::WriteZero) if it accepted nothing, or
    /// [`Other`](io::ErrorKind::Other) if it panicked.
    Failed(Arc<io::Error>),
    /// A best-effort sink that was a whole buffer behind the required ones, or that was not shut down yet when they were.
    Lagged,
}

/// One sink with what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct SinkReport<W> {
    /// The sink itself.
    pub writer: W,
    /// What it meant.
    pub role: SinkRole,
    /// The bytes that it accepted.
    pub written: u64,
    /// What became of it.
    pub fate: SinkFate,
}
