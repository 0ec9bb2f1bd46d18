//! What is sent: auctions of every kind of document, and what must arrive, computed on another way.

mod broken;
mod prepared;
mod source;
mod value;

pub(crate) use self::broken::PLANNED;
pub(crate) use self::prepared::{Expectation, Prepared};
pub(crate) use self::source::Source;
