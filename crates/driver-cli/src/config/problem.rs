use std::io;

use archive_sink::CodecError;

use crate::auction::AuctionIdError;
use crate::location::LocationError;
use driver_streaming::SolverError;

/// What is wrong in a configuration file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Problem {
    /// The file cannot be opened or read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The file is larger than any configuration.
    #[error("is larger than 1 MiB")]
    TooLarge,
    /// A byte that is not of UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// The text is no TOML, or has a key twice. What the library says quotes nothing of the file; its error type would.
    #[error("{message}")]
    Syntax {
        /// What the library says.
        message: String,
    },
    /// A key that nobody knows.
    #[error("there is no such key{}", nearest.map(|key| format!(": is it {key}?")).unwrap_or_default())]
    UnknownKey {
        /// The known key that is most like it, if one is.
        nearest: Option<&'static str>,
    },
    /// A table lacks a key.
    #[error("the key {key} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value of another type.
    #[error("must be {expected}, and is {found}")]
    Type {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An integer that does not fit 64 bits.
    #[error("the integer is out of range")]
    IntegerRange,
    /// A text of no characters.
    #[error("is empty")]
    Empty,
    /// A duration that cannot be read, or out of range.
    #[error("{message}")]
    Duration {
        /// Why.
        message: String,
    },
    /// A format that nobody knows.
    #[error("there is no format {name:?}, only text and json")]
    Format {
        /// Its name.
        name: String,
    },
    /// A text that is no auction's id.
    #[error(transparent)]
    AuctionId(#[from] AuctionIdError),
    /// An endpoint that is no URL, or one of another scheme. The scheme of what lacks one may be a user's name.
    #[error("is no http or https URL")]
    Endpoint,
    /// A location that cannot be one.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A folder's name that cannot be appended to.
    #[error("the folder of the configuration file has a name that is not UTF-8")]
    Folder,
    /// A codec that nobody knows.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A content coding that nobody knows, or that is none.
    #[error("no encoding is called {name:?}, only gzip, zstd and br")]
    Encoding {
        /// Its name.
        name: String,
    },
    /// A level that the codec does not have.
    #[error("{message}")]
    Level {
        /// Why.
        message: String,
    },
    /// A key that means nothing without another.
    #[error("means nothing without the key {other}")]
    Alone {
        /// The other key.
        other: &'static str,
    },
    /// A solver that cannot be addressed.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// Two solvers of one name.
    #[error("the name {name:?} is already that of solver[{index}], on line {line}")]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        index: usize,
        /// Where that is said, from 1.
        line: usize,
    },
    /// A member that has no name.
    #[error("the member's name is empty")]
    MemberName,
    /// A text that begins like an instant, and is none.
    #[error("is no instant: {message}")]
    Instant {
        /// Why.
        message: String,
    },
    /// A number that JSON does not have.
    #[error("JSON has no such number")]
    Number,
    /// A header's name that is none.
    #[error("a header's name, which is not shown, has a character that it must not have, or none")]
    HeaderName,
    /// A header's value with a character that it must not have.
    #[error(
        "the header's value, which is not shown, has a character that is neither visible ASCII nor a space"
    )]
    HeaderValue,
    /// A header that describes the body, the connection or how the answer may be encoded.
    #[error(
        "the header is the program's to set: it is about the body, the connection or how the answer is encoded"
    )]
    ReservedHeader,
    /// A header whose name differs from another's in case only.
    #[error("the header is already set, on line {line}")]
    HeaderTwice {
        /// Where, from 1.
        line: usize,
    },
    /// More headers than a request should have.
    #[error("there are {count} headers, more than {limit}")]
    TooManyHeaders {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A number of retries out of range.
    #[error("must be 0 to {limit}, and is {found}")]
    Retries {
        /// What it is.
        found: i64,
        /// What it may be.
        limit: u32,
    },
    /// A length that would have to be known before compressing.
    #[error(
        "length and encoding exclude each other: the length of a compressed body is not known before it is sent"
    )]
    LengthWithEncoding,
    /// A lag policy that nobody knows.
    #[error("no policy is called {name:?}, only {known}")]
    Policy {
        /// Its name.
        name: String,
        /// Those that there are.
        known: &'static str,
    },
}
