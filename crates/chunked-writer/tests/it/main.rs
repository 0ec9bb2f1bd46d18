//! The behaviour of the streams and the writer, for any value and any consumer. A separate program, with a counting
//! allocator, checks what they allocate.

mod bounds;
mod changes;
mod common;
mod contract;
#[cfg(feature = "http-body")]
mod http_body;
mod irregular;
mod lazy;
mod properties;
mod raw;
mod reader;
mod shapes;
#[cfg(feature = "tokio")]
mod writer;
