use clap::ValueEnum;
use serde::Serialize;

/// A design, with the codec of its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// In production: a thread, a serialisation and a gzip for each solver.
    Threaded,
    /// The same where only one solver has an archive configured.
    ThreadedOneArchive,
    /// The pull request's first revision, whose gzip is fed piece by piece. Not run unless it is asked for.
    ThreadedFirstRevision,
    /// All in memory, and a copy for each solver; gzip.
    PerSolverGzip,
    /// All in memory, and the same bytes for each solver; gzip.
    SharedGzip,
    /// The same with zstd.
    SharedZstd,
    /// This project with gzip.
    OursGzip,
    /// This project with zstd.
    OursZstd,
}

impl Design {
    /// The program that has it.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Threaded | Self::ThreadedOneArchive | Self::ThreadedFirstRevision => "threaded",
            Self::PerSolverGzip | Self::SharedGzip | Self::SharedZstd => "eager",
            Self::OursGzip | Self::OursZstd => "ours",
        }
    }

    /// What its program calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threaded => "threaded",
            Self::ThreadedOneArchive => "threaded-one-archive",
            Self::ThreadedFirstRevision => "threaded-first-revision",
            Self::PerSolverGzip => "per-solver",
            Self::SharedGzip | Self::SharedZstd => "shared",
            Self::OursGzip | Self::OursZstd => "ours",
        }
    }

    /// How its archive is compressed.
    pub fn codec(self) -> &'static str {
        match self {
            Self::SharedZstd | Self::OursZstd => "zstd",
            _ => "gzip",
        }
    }
}
