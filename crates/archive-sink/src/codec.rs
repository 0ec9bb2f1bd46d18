use std::{fmt, ops::RangeInclusive, str::FromStr};

use thiserror::Error;

/// A way of storing a document: as it is, or compressed at a level.
///
/// Every codec can be named, whatever features are on. [`ArchiveBuilder::build`](crate::ArchiveBuilder::build) refuses one
/// whose feature is off or that does not have the level, and [`Archive::open`](crate::Archive::open) an object that needs
/// a codec whose feature is off.
///
/// | codec | levels | default | name's extension | `Content-Encoding` | its own checksum |
/// |---|---|---|---|---|---|
/// | identity | none | | | | |
/// | gzip | 1 to 9 | 3 | `.gz` | `gzip` | CRC-32 and length |
/// | zstd | 1 to 22 | 1 | `.zst` | `zstd` | XXH64 (switched on) |
/// | brotli | 0 to 11 | 1 | `.br` | `br` | none |
///
/// ```
/// use archive_sink::{Codec, CodecKind};
///
/// let codec = Codec::gzip(9)?;
/// assert_eq!(codec.kind(), CodecKind::Gzip);
/// assert_eq!(codec.content_encoding(), Some("gzip"));
/// assert!(Codec::gzip(10).is_err());
/// assert_eq!("zstd".parse(), Ok(Codec::default_for(CodecKind::Zstd)));
/// # Ok::<(), archive_sink::CodecError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// The document's own bytes.
    Identity,
    /// gzip (RFC 1952), at this level.
    Gzip(u8),
    /// Zstandard (RFC 8878) with its checksum switched on, at this level.
    Zstd(u8),
    /// Brotli (RFC 7932), at this quality.
    Brotli(u8),
}

impl Codec {
    /// gzip at `level`, 1 (fast) to 9 (small).
    ///
    /// # Errors
    ///
    /// If the level is outside 1 to 9.
    pub fn gzip(level: u8) -> Result<Self, CodecError> {
        Self::with_level(CodecKind::Gzip, level)
    }

    /// Zstandard at `level`, 1 (fast) to 22 (small).
    ///
    /// At every level, windows have at most 8 MiB, which every HTTP decoder accepts (RFC 9659). Levels above 19 need hundreds
    /// of megabytes to encode.
    ///
    /// # Errors
    ///
    /// If the level is outside 1 to 22.
    pub fn zstd(level: u8) -> Result<Self, CodecError> {
        Self::with_level(CodecKind::Zstd, level)
    }

    /// Brotli at `quality`, 0 (fast) to 11 (small).
    ///
    /// # Errors
    ///
    /// If the quality is outside 0 to 11.
    pub fn brotli(quality: u8) -> Result<Self, CodecError> {
        Self::with_level(CodecKind::Brotli, quality)
    }

    /// A codec at a level, both of which may come from a command line.
    ///
    /// # Errors
    ///
    /// If the codec does not have this level. Identity has none.
    pub fn with_level(kind: CodecKind, level: u8) -> Result<Self, CodecError> {
        if !kind.levels().is_some_and(|levels| levels.contains(&level)) {
            return Err(CodecError::NoLevel { kind, level });
        }
        Ok(Self::at(kind, level))
    }

    /// The codec at its default level, a fast one.
    pub fn default_for(kind: CodecKind) -> Self {
        Self::at(kind, if kind == CodecKind::Gzip { 3 } else { 1 })
    }

    fn at(kind: CodecKind, level: u8) -> Self {
        match kind {
            CodecKind::Identity => Self::Identity,
            CodecKind::Gzip => Self::Gzip(level),
            CodecKind::Zstd => Self::Zstd(level),
            CodecKind::Brotli => Self::Brotli(level),
        }
    }

    /// The codec without its level.
    pub fn kind(self) -> CodecKind {
        match self {
            Self::Identity => CodecKind::Identity,
            Self::Gzip(_) => CodecKind::Gzip,
            Self::Zstd(_) => CodecKind::Zstd,
            Self::Brotli(_) => CodecKind::Brotli,
        }
    }

    /// The level; `None` for identity.
    pub fn level(self) -> Option<u8> {
        match self {
            Self::Identity => None,
            Self::Gzip(level) | Self::Zstd(level) | Self::Brotli(level) => Some(level),
        }
    }

    /// Whether this build can encode with it.
    pub(crate) fn check(self) -> Result<(), CodecError> {
        let kind = self.kind();
        if !kind.is_compiled() {
            return Err(CodecError::NotCompiled(kind));
        }
        if let Some(level) = self.level() {
            Self::with_level(kind, level)?;
        }
        Ok(())
    }

    /// See [`CodecKind::extension`].
    pub fn extension(self) -> Option<&'static str> {
        self.kind().extension()
    }

    /// See [`CodecKind::content_encoding`].
    pub fn content_encoding(self) -> Option<&'static str> {
        self.kind().content_encoding()
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level() {
            Some(level) => write!(formatter, "{} level {level}", self.kind()),
            None => self.kind().fmt(formatter),
        }
    }
}

/// Reads a name as [`CodecKind`] does and takes the default level.
impl FromStr for Codec {
    type Err = CodecError;

    fn from_str(name: &str) -> Result<Self, CodecError> {
        name.parse().map(Self::default_for)
    }
}

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

    /// The extension of names on stores without attributes, with its dot; `None` for identity.
    pub fn extension(self) -> Option<&'static str> {
        self.facts().map(|(extension, ..)| extension)
    }

    /// The registered HTTP content coding; `None` for identity.
    ///
    /// From the [IANA registry](https://www.iana.org/assignments/http-parameters/http-parameters.xhtml).
    pub fn content_encoding(self) -> Option<&'static str> {
        self.facts().map(|(_, coding, ..)| coding)
    }

    /// The levels that the codec has; `None` for identity, which has none.
    pub fn levels(self) -> Option<RangeInclusive<u8>> {
        self.facts().map(|(_, _, levels, _)| levels)
    }

    /// Whether this build can encode and decode it: the feature of the same name is on.
    pub fn is_compiled(self) -> bool {
        self.facts().is_none_or(|(.., compiled)| compiled)
    }

    /// Extension, content coding, levels, and whether it is compiled; identity has none of them.
    fn facts(self) -> Option<(&'static str, &'static str, RangeInclusive<u8>, bool)> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some((".gz", "gzip", 1..=9, cfg!(feature = "gzip"))),
            Self::Zstd => Some((".zst", "zstd", 1..=22, cfg!(feature = "zstd"))),
            Self::Brotli => Some((".br", "br", 0..=11, cfg!(feature = "brotli"))),
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
    type Err = CodecError;

    fn from_str(name: &str) -> Result<Self, CodecError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| CodecError::Unknown(name.into()))
    }
}

/// Why a codec cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// No codec has this name.
    #[error("no codec is called {0:?}, only identity, gzip, zstd and brotli")]
    Unknown(String),
    /// The codec's feature is off in this build.
    #[error("this build has no {0}: its feature is off")]
    NotCompiled(CodecKind),
    /// The codec does not have this level.
    #[error("{}", no_level(*.kind, *.level))]
    NoLevel {
        /// The codec.
        kind: CodecKind,
        /// The level.
        level: u8,
    },
}

fn no_level(kind: CodecKind, level: u8) -> String {
    match kind.levels() {
        Some(levels) => {
            let (first, last) = (levels.start(), levels.end());
            format!("{kind} has no level {level}, only {first} to {last}")
        }
        None => format!("{kind} has no levels, so none of {level}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked_at_both_ends_of_their_range() {
        for kind in [CodecKind::Gzip, CodecKind::Zstd, CodecKind::Brotli] {
            let levels = kind.levels().unwrap();
            let (first, last) = (*levels.start(), *levels.end());
            assert_eq!(Codec::with_level(kind, first).unwrap().level(), Some(first));
            assert_eq!(Codec::with_level(kind, last).unwrap().level(), Some(last));
            assert!(Codec::with_level(kind, last + 1).is_err());
            if let Some(below) = first.checked_sub(1) {
                assert!(Codec::with_level(kind, below).is_err());
            }
        }
        assert!(Codec::with_level(CodecKind::Identity, 1).is_err());
    }

    #[test]
    fn default_levels_are_fast_ones() {
        let levels = CodecKind::ALL.map(|kind| Codec::default_for(kind).level());
        assert_eq!(levels, [None, Some(3), Some(1), Some(1)]);
    }

    #[test]
    fn names_codings_and_extensions_lead_back_to_their_kind() {
        for kind in CodecKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            let coding = kind.content_encoding().unwrap_or("identity");
            assert_eq!(CodecKind::of_content_coding(coding), Some(kind));
            if let Some(extension) = kind.extension() {
                assert_eq!(
                    CodecKind::of_extension(&format!("a.json{extension}")),
                    Some(kind)
                );
            }
            assert_eq!(Codec::default_for(kind).kind(), kind);
        }
        assert_eq!(CodecKind::of_extension("a.json"), None);
        assert_eq!(CodecKind::of_content_coding("compress"), None);
    }

    #[test]
    fn errors_say_what_would_have_been_right() {
        assert_eq!(
            Codec::gzip(0).unwrap_err().to_string(),
            "gzip has no level 0, only 1 to 9"
        );
        assert_eq!(
            "lz4".parse::<Codec>().unwrap_err().to_string(),
            "no codec is called \"lz4\", only identity, gzip, zstd and brotli"
        );
    }
}
