use std::fmt;
use std::str::FromStr;

/// The longest id, in bytes: with a prefix and extensions it fits any store's key and any file name.
const MAXIMUM_LENGTH: usize = 128;

/// The name of an auction, safe to use as the name of a file or an object: `[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}`.
///
/// ```
/// use driver_streaming::AuctionId;
///
/// let id: AuctionId = "8339027".parse()?;
/// assert_eq!(id.as_str(), "8339027");
/// assert!("../8339027".parse::<AuctionId>().is_err());
/// # Ok::<(), driver_streaming::AuctionIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuctionId(String);

impl AuctionId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuctionId {
    type Err = AuctionIdError;

    fn from_str(text: &str) -> Result<Self, AuctionIdError> {
        if text.is_empty() {
            return Err(AuctionIdError::Empty);
        }
        if text.len() > MAXIMUM_LENGTH {
            return Err(AuctionIdError::TooLong { length: text.len() });
        }
        let is_allowed = |position: usize, character: char| match character {
            // A leading dot would hide the file, and `..` would leave the folder.
            '.' => position > 0,
            _ => character.is_ascii_alphanumeric() || matches!(character, '_' | '-'),
        };
        let mut characters = text.char_indices();
        match characters.find(|(position, character)| !is_allowed(*position, *character)) {
            None => Ok(Self(text.to_owned())),
            Some((position, character)) => Err(AuctionIdError::Character {
                character,
                position,
            }),
        }
    }
}

impl fmt::Display for AuctionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no [`AuctionId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuctionIdError {
    /// There is no text.
    #[error("the auction's id is empty")]
    Empty,
    /// The text is longer than 128 bytes.
    #[error("the auction's id is {length} bytes long, and at most {MAXIMUM_LENGTH} are allowed")]
    TooLong {
        /// The length of the text, in bytes.
        length: usize,
    },
    /// A character that is not allowed where it stands.
    #[error(
        "the auction's id has {character:?} at byte {position}: only ASCII letters, digits, '_', '-' and, not first, '.' are allowed"
    )]
    Character {
        /// The character.
        character: char,
        /// Where it stands, in bytes from 0.
        position: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_pattern_takes() {
        for text in [
            "1",
            "-5",
            "_",
            "a.b",
            "8339027",
            "A-b_c.9",
            &"x".repeat(128),
        ] {
            assert_eq!(
                text.parse::<AuctionId>().map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn refuses_all_else() {
        for text in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a b",
            "ä",
            ".x",
            "a\0",
            "a\\b",
            "a\n",
            &"x".repeat(129),
        ] {
            assert!(text.parse::<AuctionId>().is_err(), "{text:?}");
        }
    }
}
