//! What the tests share.

mod auctions;
mod engine;
mod json;
mod object_server;
mod program;
mod runtime;

pub use self::auctions::{Size, captures, generated};
pub use self::engine::Engine;
pub use self::json::same_value;
pub use self::object_server::ObjectServer;
pub use self::program::{Finished, program, sha256};
pub use self::runtime::runtime;
