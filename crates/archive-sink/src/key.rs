use object_store::path::Path;
use thiserror::Error;

use crate::{
    codec::{Codec, CodecKind},
    digest_place,
    metadata::AttributeSupport,
    settings::Settings,
};

/// The longest key, in bytes of UTF-8, with prefix and extension.
///
/// S3 and Google Cloud Storage allow 1,024
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
const MAX_KEY_BYTES: usize = 1024;

/// The longest segment between two slashes, in bytes: the 255 of common file systems, less eight for a local store's
/// staging suffix.
const MAX_SEGMENT_BYTES: usize = 247;

/// Why a name cannot become an object's key. Each variant is one rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty.
    #[error("the name is empty")]
    Empty,
    /// The name has nothing between two slashes, before the first, or after the last.
    #[error("the name {0:?} has an empty segment: a slash at an end, or two in a row")]
    EmptySegment(String),
    /// The name has a segment `.` or `..`, which could lead out of the prefix.
    #[error("the name {0:?} has the segment {1:?}, which could lead out of the prefix")]
    Relative(String, String),
    /// The name has a control character, which logs, shells and XML listings cannot show.
    #[error("the name {0:?} has the control character {1:?}")]
    Control(String, char),
    /// The name has a backslash, which separates segments on some systems.
    #[error("the name {0:?} has a backslash, which separates segments on some systems")]
    Backslash(String),
    /// A segment of the name ends in `#` and digits, as the staging files of a local store do.
    #[error("the name {0:?} ends like a local store's staging file: # and digits")]
    Staging(String),
    /// A segment has this many bytes, the extension included, which is more than 247.
    #[error("the name has a segment of {0} bytes, but the most is {MAX_SEGMENT_BYTES}")]
    LongSegment(usize),
    /// Prefix, name and extension have this many bytes, which is more than 1,024.
    #[error("prefix and name are {0} bytes long, but the most is {MAX_KEY_BYTES}")]
    Long(usize),
    /// The name ends in a codec's extension although the codec is identity, or in `.sha256` as a digest beside an object
    /// does. Readers would be misled.
    #[error(
        "the name {0:?} ends in the extension of a codec or a digest, which would mislead readers"
    )]
    MisleadingExtension(String),
}

/// Where an archive creates the object of this name and codec.
pub(crate) fn created(settings: &Settings, codec: Codec, name: &str) -> Result<Path, KeyError> {
    if name.ends_with(digest_place::EXTENSION) {
        return Err(KeyError::MisleadingExtension(name.into()));
    }
    let extension = codec.extension().unwrap_or_default();
    match settings.attributes {
        AttributeSupport::Kept => key(&settings.prefix, name, ""),
        AttributeSupport::Absent
            if extension.is_empty() && CodecKind::of_extension(name).is_some() =>
        {
            Err(KeyError::MisleadingExtension(name.into()))
        }
        AttributeSupport::Absent => key(&settings.prefix, name, extension),
    }
}

/// Where an object of this name may be, best first: the places that the name says, and those that are guesses.
pub(crate) fn places(settings: &Settings, name: &str) -> Result<(Vec<Path>, Vec<Path>), KeyError> {
    let exact = key(&settings.prefix, name, "")?;
    let mut named: Vec<_> = created(settings, settings.codec, name)
        .ok()
        .into_iter()
        .collect();
    if !named.contains(&exact) {
        named.push(exact);
    }
    let guessed = CodecKind::ALL
        .into_iter()
        .filter_map(CodecKind::extension)
        .filter_map(|extension| key(&settings.prefix, name, extension).ok())
        .filter(|place| !named.contains(place))
        .collect();
    Ok((named, guessed))
}

/// Joins prefix, name and extension to a key, or says which rule forbids it.
pub(crate) fn key(prefix: &Path, name: &str, extension: &str) -> Result<Path, KeyError> {
    if name.is_empty() {
        return Err(KeyError::Empty);
    }
    if let Some(character) = name.chars().find(|character| character.is_control()) {
        return Err(KeyError::Control(name.into(), character));
    }
    if name.contains('\\') {
        return Err(KeyError::Backslash(name.into()));
    }
    // The name is also looked up without an extension, so its segments are checked without it.
    for segment in name.split('/') {
        check_segment(name, segment)?;
    }
    let full = format!("{name}{extension}");
    for length in full.split('/').map(str::len) {
        if length > MAX_SEGMENT_BYTES {
            return Err(KeyError::LongSegment(length));
        }
    }
    let prefix = prefix.as_ref();
    let separator = if prefix.is_empty() { "" } else { "/" };
    let key = format!("{prefix}{separator}{full}");
    let length = key.len();
    if length > MAX_KEY_BYTES {
        return Err(KeyError::Long(length));
    }
    // Every rule of `Path::parse` is one of those above.
    Path::parse(key).map_err(|_| KeyError::EmptySegment(name.into()))
}

fn check_segment(name: &str, segment: &str) -> Result<(), KeyError> {
    if segment.is_empty() {
        return Err(KeyError::EmptySegment(name.into()));
    }
    if segment == "." || segment == ".." {
        return Err(KeyError::Relative(name.into(), segment.into()));
    }
    if is_staged(segment) {
        return Err(KeyError::Staging(name.into()));
    }
    Ok(())
}

/// Whether a local store takes a file of this name for one that is being written: it ends in `#` and digits.
pub(crate) fn is_staged(name: &str) -> bool {
    let number = name.rsplit_once('#').map_or("", |(_, number)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
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
            assert!(matches!(rule(name), KeyError::EmptySegment(_)), "{name}");
        }
        for name in [".", "..", "../x", "a/../b", "a/."] {
            assert!(matches!(rule(name), KeyError::Relative(..)), "{name}");
        }
        for name in ["a\0", "a\nb", "\u{7f}", "\u{85}"] {
            assert!(matches!(rule(name), KeyError::Control(..)), "{name:?}");
        }
        assert!(matches!(rule("..\\x"), KeyError::Backslash(_)));
        assert!(matches!(rule("a#12"), KeyError::Staging(_)));
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
            Err(KeyError::LongSegment(MAX_SEGMENT_BYTES + 3))
        );
        let name = vec!["x".repeat(127); 8].join("/");
        assert_eq!(name.len(), MAX_KEY_BYTES - 1);
        assert!(key(&Path::ROOT, &format!("{name}x"), "").is_ok());
        assert_eq!(
            key(&Path::from("p"), &name, ""),
            Err(KeyError::Long(MAX_KEY_BYTES + 1))
        );
    }
}
