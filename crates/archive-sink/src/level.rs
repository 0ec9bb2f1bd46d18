use std::fmt;

use crate::CodecKind;

/// A compression level that was checked against its codec's range.
///
/// Made by [`Codec::gzip`](crate::Codec::gzip), [`zstd`](crate::Codec::zstd),
/// [`brotli`](crate::Codec::brotli) and [`with_level`](crate::Codec::with_level).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// For levels that are known to be in range.
    pub(crate) const fn unchecked(level: u8) -> Self {
        Self(level)
    }

    /// The level as a number.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// A level that its codec does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LevelError {
    /// The codec.
    pub kind: CodecKind,
    /// The level that it does not have.
    pub level: u8,
}

impl fmt::Display for LevelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, level } = self;
        match kind.levels() {
            Some(levels) => {
                let (first, last) = (levels.start(), levels.end());
                write!(
                    formatter,
                    "{kind} has no level {level}, only {first} to {last}"
                )
            }
            None => write!(formatter, "{kind} has no levels, so none of {level}"),
        }
    }
}

impl std::error::Error for LevelError {}
