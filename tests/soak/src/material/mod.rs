//! What is sent: auctions of every kind of document, and what must arrive, computed on another way.

mod base;
mod breaking;
mod corpus;
mod cut;
mod kind;
mod lazy;
mod prepared;
mod stamped;

pub(crate) use self::breaking::PLANNED;
pub(crate) use self::corpus::Corpus;
pub(crate) use self::cut::{Cut, MEMBERS};
pub(crate) use self::kind::Kind;
pub(crate) use self::prepared::{Expectation, Prepared};
