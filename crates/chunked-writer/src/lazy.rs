//! Documents whose parts are made while they are sent.

mod count_length;
mod document;
mod json;
mod part;
mod stream;

pub use count_length::CountLazyLength;
pub use document::LazyDocument;
pub use json::{LazyJson, LazyObject};
pub use stream::LazyStream;
