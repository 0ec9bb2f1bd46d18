//! Text that is JSON already.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The name by which `serde_json` knows its `RawValue`, both of the struct and of its one field.
pub(crate) const RAW_TOKEN: &str = "$serde_json::private::RawValue";
/// The name by which `serde_json` knows a number of arbitrary precision.
pub(crate) const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// Text that is one JSON value already and is written as it is, byte for byte.
///
/// Inside a sequence it may be several values separated by commas, which saves a call for each. Writing it is a copy
/// of memory, whatever its length: it may span many chunks, and none of it is held twice.
///
/// To the serializer it looks like `serde_json`'s `RawValue`, so `serde_json` with its feature `raw_value` writes the
/// same bytes. Any other serializer gets a struct with one field and a strange name.
///
/// **The text is not validated.** What is no JSON makes the whole document no JSON: so does empty text, except as the only
/// element of a sequence, and as the root it makes an empty document, whose stream ends without a chunk. In a document
/// that is [left open](crate::JsonDocument::left_open), text that is the root must end with its brace or bracket:
/// with white space after it the stream fails with [`JsonError::NotOpen`](crate::JsonError::NotOpen).
///
/// ```
/// use chunked_writer::{JsonDocument, RawJson};
///
/// let values = [RawJson::from_trusted(r#"{"a": 1}"#), RawJson::from_trusted("2,3")];
/// let mut stream = JsonDocument::new(values).stream();
/// assert_eq!(stream.next_chunk().unwrap()?, r#"[{"a": 1},2,3]"#);
/// # Ok::<(), chunked_writer::JsonError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// Takes the text at its word.
    #[must_use]
    pub const fn from_trusted(text: &'a str) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub const fn get(&self) -> &'a str {
        self.0
    }
}

impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut raw = serializer.serialize_struct(RAW_TOKEN, 1)?;
        raw.serialize_field(RAW_TOKEN, self.0)?;
        raw.end()
    }
}
