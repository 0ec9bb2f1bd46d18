//! What the streams and the writer do, for any value and any consumer. What they allocate is counted by a program of its
//! own, whose allocator counts.

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
