//! A solver engine to test against: it reads, hashes and answers, and fails in chosen ways.
//!
//! [`StandIn`] is an HTTP server that takes the place of a solver. It hashes the body of each request, without keeping
//! it, says in a [`RequestReport`] what it got, and answers `{"solutions":[]}`. [`StandInBuilder`] makes it slow, makes
//! it stall or reset the connection in the middle of a body, answer late, or answer with another status. Several are
//! easily run in one process, each on a port of its own:
//!
//! ```
//! use solver_stand_in::StandIn;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let stand_in = StandIn::builder()
//!     .read_rate(10_000)
//!     .stall_after(1_000_000)
//!     .on_request(|report| eprintln!("{} bytes, complete: {}", report.bytes, report.complete))
//!     .bind("127.0.0.1:0".parse()?)
//!     .await?;
//! println!("listening at {}", stand_in.url());
//! let serving = tokio::spawn(stand_in.serve());
//! // … send requests …
//! serving.abort();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The contract
//!
//! - HTTP/1.1, and HTTP/2 with prior knowledge, on one port. Any path; a method other than `POST` is answered 405.
//! - Each request is reported exactly once, also when its connection breaks or the server is dropped: on the end of its
//!   body, before it is answered, or when it is certain that there will be no end.
//! - Bodies with a `Content-Encoding` of gzip, zstd or br are decoded as they come, any other is answered 415.
//! - Memory is bounded for each connection, whatever the size of the body: a receive buffer of the kernel, one
//!   of the same size in the HTTP implementation, and the window of the decoder.
//! - No failure of a connection reaches another; dropping the future of [`StandIn::serve`] closes all of them.

mod behaviour;
mod builder;
mod coding;
mod connection;
mod exchange;
mod received;
mod report;
mod reporter;
mod server;
mod socket;
mod stream_tasks;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod test_support;

pub use builder::StandInBuilder;
pub use report::RequestReport;
pub use server::StandIn;
