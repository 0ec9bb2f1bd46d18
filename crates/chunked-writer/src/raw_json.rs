//! Text that is already JSON, and how `serde_json` passes it.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::error::Unwind;
use crate::map_key::{RAW_TOKEN, Rule, TextSerializer};
use crate::walker::{Mode, Walker, Written};

/// Text that is already one JSON value. It is written unchanged, byte for byte.
///
/// Inside a sequence, the text may be several values separated by commas, which saves a call for each. Writing it only
/// copies memory. The text may span many chunks; no part of it is held twice.
///
/// It serializes like `RawValue` of `serde_json`, so `serde_json` with its feature `raw_value` writes the same bytes. Any
/// other serializer gets a struct with one field and an internal name.
///
/// **The text is not validated.** Invalid text makes the whole document invalid. So does empty text, except as the only
/// element of a sequence. As the root, empty text makes an empty document, whose stream ends without a chunk. In a document
/// that is [left open](crate::JsonDocument::left_open), text at the root must end with its brace or bracket: if white space
/// follows, the stream fails with [`JsonError::NotOpen`](crate::JsonError::NotOpen).
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
    /// Wraps text that is known to be valid JSON.
    #[must_use]
    pub const fn from_trusted(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the text.
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

/// A struct that `serde_json` uses to pass text, in its only field.
#[derive(Debug)]
pub(crate) struct TextField<'a> {
    walker: &'a mut Walker,
    rule: Rule,
    written: bool,
}

impl<'a> TextField<'a> {
    pub(crate) fn new(walker: &'a mut Walker, rule: Rule) -> Self {
        Self {
            walker,
            rule,
            written: false,
        }
    }

    /// Writes the field that has the name of the struct. An adaptor may add other fields, as an internally tagged enum adds
    /// its tag; these are refused.
    pub(crate) fn field<T: ?Sized + Serialize>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), Unwind> {
        if self.written || self.rule.token() != Some(name) {
            return Err(self.refuse());
        }
        match value.serialize(TextSerializer {
            walker: self.walker,
            rule: self.rule,
        }) {
            Ok(_) => {
                self.written = true;
                Ok(())
            }
            Err(unwind) if self.walker.mode() == Mode::Suspended => Err(unwind),
            Err(unwind) => Err(self.walker.fail_value(unwind)),
        }
    }

    pub(crate) fn end(mut self) -> Result<Written, Unwind> {
        if self.written {
            self.walker.close(b"")
        } else {
            Err(self.refuse())
        }
    }

    #[cold]
    fn refuse(&mut self) -> Unwind {
        if self.walker.mode() == Mode::Suspended {
            return Unwind::STOPPED;
        }
        self.walker
            .fail_value(serde::ser::Error::custom(match self.rule {
                Rule::Number => "invalid number",
                Rule::Raw | Rule::Key => "expected value",
            }))
    }
}
