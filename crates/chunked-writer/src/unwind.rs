//! The error by which the serializer leaves a value.

use std::fmt;

/// What the serializer's methods return as the error: it unwinds `Serialize::serialize`, for a suspension as well as
/// for a failure. Which of the two it is says the walker's mode, never this value, for adaptors rewrite errors.
///
/// One pointer, so that results stay in registers.
#[derive(Debug)]
pub(crate) struct Unwind(Option<Box<Message>>);

#[derive(Debug)]
struct Message(String);

impl Unwind {
    /// Of the walker's own making: the reason is in the walker.
    pub(crate) const STOPPED: Self = Self(None);

    /// The message of a failure that came from the value.
    pub(crate) fn into_message(self) -> Box<str> {
        match self.0 {
            Some(message) => message.0.into_boxed_str(),
            None => "the value failed with an error of an earlier walk".into(),
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
            None => "suspended until the next chunk is asked for",
        })
    }
}

impl std::error::Error for Unwind {}
