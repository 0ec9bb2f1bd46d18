use object_store::path::Path;
use thiserror::Error;

/// The longest key that may be created, in bytes of UTF-8, prefix and extension included.
///
/// S3 and Google Cloud Storage allow 1,024
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest segment between two slashes, in bytes: what common file systems allow for a file
/// name (255), less the eight that a local store's staging suffix may take.
pub const MAX_SEGMENT_BYTES: usize = 247;

/// Why a name cannot become an object's key. Each variant is one rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty.
    #[error("the name is empty")]
    Empty,
    /// There is nothing between two slashes, or before the first, or after the last.
    #[error("the name {name:?} has an empty segment: a slash at an end, or two in a row")]
    EmptySegment {
        /// The name.
        name: String,
    },
    /// A segment is `.` or `..`, which could lead out of the prefix.
    #[error("the name {name:?} has the segment {segment:?}, which could lead out of the prefix")]
    Relative {
        /// The name.
        name: String,
        /// `.` or `..`.
        segment: String,
    },
    /// A control character, which logs, shells and XML listings do not bear.
    #[error("the name {name:?} has the control character {character:?}")]
    Control {
        /// The name.
        name: String,
        /// The character.
        character: char,
    },
    /// A backslash, which separates segments on some systems.
    #[error("the name {name:?} has a backslash, which separates segments on some systems")]
    Backslash {
        /// The name.
        name: String,
    },
    /// A segment ends in `#` and digits, as the staging files of a local store do.
    #[error("the name {name:?} ends like a local store's staging file: # and digits")]
    Staging {
        /// The name.
        name: String,
    },
    /// One segment is longer than [`MAX_SEGMENT_BYTES`].
    #[error("the name has a segment of {length} bytes, but the most is {MAX_SEGMENT_BYTES}")]
    LongSegment {
        /// Its length in bytes, the extension included.
        length: usize,
    },
    /// The key is longer than [`MAX_KEY_BYTES`].
    #[error("prefix and name are {length} bytes long, but the most is {MAX_KEY_BYTES}")]
    Long {
        /// Its length in bytes, prefix and extension included.
        length: usize,
    },
    /// The name ends in a codec's extension, but the codec is identity, so readers would be misled.
    #[error("the name {name:?} ends in the extension of a codec, but the codec is identity")]
    MisleadingExtension {
        /// The name.
        name: String,
    },
}

/// Joins prefix, name and extension to a key, or says which rule forbids it.
pub(crate) fn key(prefix: &Path, name: &str, extension: &str) -> Result<Path, KeyError> {
    if name.is_empty() {
        return Err(KeyError::Empty);
    }
    if let Some(character) = name.chars().find(|character| character.is_control()) {
        let name = name.into();
        return Err(KeyError::Control { name, character });
    }
    if name.contains('\\') {
        return Err(KeyError::Backslash { name: name.into() });
    }
    // The name itself is looked up, too, so what it may not be it may not be without its extension.
    for segment in name.split('/') {
        check_segment(name, segment)?;
    }
    let full = format!("{name}{extension}");
    for length in full.split('/').map(str::len) {
        if length > MAX_SEGMENT_BYTES {
            return Err(KeyError::LongSegment { length });
        }
    }
    let prefix = prefix.as_ref();
    let separator = if prefix.is_empty() { "" } else { "/" };
    let key = format!("{prefix}{separator}{full}");
    let length = key.len();
    if length > MAX_KEY_BYTES {
        return Err(KeyError::Long { length });
    }
    // Every rule of `Path::parse` is one of those above.
    Path::parse(key).map_err(|_| KeyError::EmptySegment { name: name.into() })
}

fn check_segment(name: &str, segment: &str) -> Result<(), KeyError> {
    if segment.is_empty() {
        return Err(KeyError::EmptySegment { name: name.into() });
    }
    if segment == "." || segment == ".." {
        let (name, segment) = (name.into(), segment.into());
        return Err(KeyError::Relative { name, segment });
    }
    if let Some((_, end)) = segment.rsplit_once('#')
        && !end.is_empty()
        && end.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(KeyError::Staging { name: name.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> KeyError {
        key(&Path::from("a"), name, "").unwrap_err()
    }

    #[test]
    fn joins_prefix_name_and_extension() {
        let joined = key(&Path::from("a/b"), "c/d.json", ".gz").unwrap();
        assert_eq!(joined.as_ref(), "a/b/c/d.json.gz");
        assert_eq!(key(&Path::ROOT, "é %41", "").unwrap().as_ref(), "é %41");
    }

    #[test]
    fn each_rule_is_named_by_its_error() {
        assert_eq!(rule(""), KeyError::Empty);
        for name in ["/", "/a", "a/", "a//b"] {
            assert!(
                matches!(rule(name), KeyError::EmptySegment { .. }),
                "{name}"
            );
        }
        for name in [".", "..", "../x", "a/../b", "a/."] {
            assert!(matches!(rule(name), KeyError::Relative { .. }), "{name}");
        }
        for name in ["a\0", "a\nb", "\u{7f}", "\u{85}"] {
            assert!(matches!(rule(name), KeyError::Control { .. }), "{name:?}");
        }
        assert!(matches!(rule("..\\x"), KeyError::Backslash { .. }));
        assert!(matches!(rule("a#12"), KeyError::Staging { .. }));
        assert!(key(&Path::ROOT, "a#1b", "").is_ok());
    }

    #[test]
    fn an_extension_does_not_hide_what_the_name_is() {
        for name in ["order#12", "..", ".", "a/.", "a/"] {
            assert_eq!(key(&Path::ROOT, name, ".gz"), key(&Path::ROOT, name, ""));
            assert!(key(&Path::ROOT, name, ".gz").is_err());
        }
    }

    #[test]
    fn lengths_are_limited_with_prefix_and_extension() {
        let longest = "x".repeat(MAX_SEGMENT_BYTES);
        assert!(key(&Path::ROOT, &longest, "").is_ok());
        assert_eq!(
            key(&Path::ROOT, &longest, ".gz"),
            Err(KeyError::LongSegment {
                length: MAX_SEGMENT_BYTES + 3
            })
        );
        let name = vec!["x".repeat(127); 8].join("/");
        assert_eq!(name.len(), MAX_KEY_BYTES - 1);
        assert!(key(&Path::ROOT, &format!("{name}x"), "").is_ok());
        assert_eq!(
            key(&Path::from("p"), &name, ""),
            Err(KeyError::Long {
                length: MAX_KEY_BYTES + 1
            })
        );
    }
}
