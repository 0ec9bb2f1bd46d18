use std::fmt;
use std::str::FromStr;

/// The longest id in bytes. With a prefix and extensions, it fits into any store's key and any file name.
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
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuctionId {
    type Err = AuctionIdError;

    fn from_str(text: &str) -> Result<Self, AuctionIdError> {
        let is_refused = |&(position, character): &(usize, char)| match character {
            // A leading dot would hide the file, and `..` would leave the folder.
            '.' => position == 0,
            _ => !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-'),
        };
        let mistake = match (text.len(), text.char_indices().find(is_refused)) {
            (0, _) => "is empty".to_owned(),
            (length, _) if length > MAXIMUM_LENGTH => {
                format!("is {length} bytes long, and at most {MAXIMUM_LENGTH} are allowed")
            }
            (_, Some((position, character))) => format!(
                "has {character:?} at byte {position}: only ASCII letters, digits, '_', '-' and, not first, '.' are allowed"
            ),
            (_, None) => return Ok(Self(text.to_owned())),
        };
        Err(AuctionIdError(mistake))
    }
}

impl fmt::Display for AuctionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is not an [`AuctionId`], in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the auction's id {0}")]
pub struct AuctionIdError(String);

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
