//! What the tests share.

mod auctions;
mod collector;
mod engine;
mod json;
mod object_server;
mod program;
mod raw_request;
mod runtime;

pub(crate) use self::auctions::{Size, captures, generated};
pub(crate) use self::collector::{Collector, Exported, attribute, attributes};
pub(crate) use self::engine::Engine;
pub(crate) use self::json::same_value;
pub(crate) use self::object_server::ObjectServer;
pub(crate) use self::program::{Finished, program, sha256};
pub(crate) use self::runtime::runtime;
