//! Engines of every kind, on a runtime of their own.

mod engine;
mod scripted;
mod standing_in;
mod taking;
mod unhttp;

pub(crate) use self::engine::Engine;

/// What engines answer well.
pub(crate) const ANSWER: &str = r#"{"solutions":[]}"#;
