//! Why a document could not be produced, and how the serializer leaves a value.

use std::fmt;

/// Why a document could not be produced, or could not be produced again.
///
/// A stream that has yielded an error has ended. The chunks before the error are a true prefix of the document, except
/// after [`Changed`](Self::Changed): there the prefix may contain bytes of the changed value.
///
/// An error of the value reaches this crate as text, since `serde::ser::Error::custom` takes nothing else.
/// [`Value`](Self::Value) keeps that text, and has no `source`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The `Serialize` implementation of the value, or of something in it, returned an error. This is reported even if an
    /// adaptor swallowed the error, because what follows cannot be trusted.
    ///
    /// Also returned where `serde_json` would write invalid JSON: if the keys and values of a map do not alternate, or if a
    /// raw value has a field besides its text.
    Value {
        /// How many bytes of the document precede the failure.
        offset: u64,
        /// The message of the implementation.
        message: Box<str>,
    },
    /// A map key cannot be written as JSON. Only strings, characters, integers, booleans, finite floats and unit variants
    /// can be keys. The rules and the message are those of `serde_json`.
    Key {
        /// How many bytes of the document precede the failure.
        offset: u64,
        /// Which rule is broken.
        message: &'static str,
    },
    /// The value did not serialize as before: its shape, number of children, keys, bytes or length differ. `Serialize` must
    /// give the same output each time it is called for one document.
    Changed {
        /// How many bytes of the document precede the point of detection. The change may be earlier.
        offset: u64,
        /// What differs.
        what: &'static str,
    },
    /// A document that is [left open](crate::JsonDocument::left_open) does not end with a closing brace or bracket. Its
    /// root is a number or a string, for example.
    NotOpen,
    /// The offset passed to [`stream_from`](crate::JsonDocument::stream_from) is beyond the end of the document.
    OffsetBeyondEnd {
        /// The requested offset, in bytes.
        offset: u64,
        /// The length of the document, in bytes.
        length: u64,
    },
    /// `Serialize` panicked in an earlier poll of the same stream.
    Poisoned,
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { offset, message } => {
                write!(
                    formatter,
                    "the value failed to serialize after {offset} bytes: {message}"
                )
            }
            Self::Key { offset, message } => {
                write!(
                    formatter,
                    "a map key cannot be written after {offset} bytes: {message}"
                )
            }
            Self::Changed { offset, what } => {
                write!(
                    formatter,
                    "the value changed while it was being sent: {what} (detected after {offset} bytes)"
                )
            }
            Self::NotOpen => formatter
                .write_str("a document without a closing brace or bracket cannot be left open"),
            Self::OffsetBeyondEnd { offset, length } => {
                write!(
                    formatter,
                    "offset {offset} is beyond the end of the document of {length} bytes"
                )
            }
            Self::Poisoned => {
                formatter.write_str("the value panicked while it was being serialized")
            }
        }
    }
}

impl std::error::Error for JsonError {}

impl From<JsonError> for std::io::Error {
    fn from(error: JsonError) -> Self {
        let kind = match error {
            JsonError::OffsetBeyondEnd { .. } => std::io::ErrorKind::InvalidInput,
            JsonError::Value { .. } | JsonError::Key { .. } | JsonError::NotOpen => {
                std::io::ErrorKind::InvalidData
            }
            JsonError::Changed { .. } | JsonError::Poisoned => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The error of the serializer's methods. It unwinds `Serialize::serialize` for a suspension and for a failure. The
/// walker's mode tells which, never this value, because adaptors rewrite errors.
///
/// It is one pointer, so that results stay in registers.
#[derive(Debug)]
pub(crate) struct Unwind(Option<Box<Message>>);

#[derive(Debug)]
struct Message(String);

impl Unwind {
    /// Returned by the walker itself, which knows the reason.
    pub(crate) const STOPPED: Self = Self(None);

    /// The message of a failure of the value.
    pub(crate) fn into_message(self) -> Box<str> {
        match self.0 {
            Some(message) => message.0.into_boxed_str(),
            None => "the value returned an error of an earlier walk".into(),
        }
    }
}

impl serde::ser::Error for Unwind {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Some(Box::new(Message(message.to_string()))))
    }
}

impl fmt::Display for Unwind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            Some(message) => &message.0,
            None => "suspended until the next chunk is requested",
        })
    }
}

impl std::error::Error for Unwind {}
