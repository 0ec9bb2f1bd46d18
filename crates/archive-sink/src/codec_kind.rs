use std::{fmt, ops::RangeInclusive, str::FromStr};

use thiserror::Error;

/// A codec without its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodecKind {
    /// No compression.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
    /// Brotli, RFC 7932.
    Brotli,
}

impl CodecKind {
    /// Every kind, in the order in which extensions are tried when a name is looked up.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Brotli];

    /// The name that [`FromStr`] reads: `identity`, `gzip`, `zstd` or `brotli`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "brotli",
        }
    }

    /// What is appended to names on stores without attributes, dot included; `None` for identity.
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(".gz"),
            Self::Zstd => Some(".zst"),
            Self::Brotli => Some(".br"),
        }
    }

    /// The registered HTTP content coding; `None` for identity.
    ///
    /// From the [IANA registry](https://www.iana.org/assignments/http-parameters/http-parameters.xhtml).
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Brotli => Some("br"),
        }
    }

    /// Whether this build can encode and decode it: the feature of the same name is on.
    pub fn is_compiled(self) -> bool {
        match self {
            Self::Identity => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Brotli => cfg!(feature = "brotli"),
        }
    }

    /// The levels that the codec has; `None` for identity, which has none.
    pub fn levels(self) -> Option<RangeInclusive<u8>> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some(1..=9),
            Self::Zstd => Some(1..=22),
            Self::Brotli => Some(0..=11),
        }
    }

    /// The kind whose extension `name` ends in, if any.
    pub(crate) fn of_extension(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.extension().is_some_and(|end| name.ends_with(end)))
    }

    /// The kind of one content coding, with the aliases that RFC 9110, section 8.4.1.3, lists.
    pub(crate) fn of_content_coding(coding: &str) -> Option<Self> {
        Some(match coding.to_ascii_lowercase().as_str() {
            "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "br" => Self::Brotli,
            _ => return None,
        })
    }
}

impl fmt::Display for CodecKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for CodecKind {
    type Err = ParseCodecError;

    fn from_str(name: &str) -> Result<Self, ParseCodecError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| ParseCodecError { name: name.into() })
    }
}

/// A name that is no codec's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no codec is called {name:?}, only identity, gzip, zstd and brotli")]
#[non_exhaustive]
pub struct ParseCodecError {
    /// The name.
    pub name: String,
}
