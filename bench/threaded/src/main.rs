//! The streaming design that is in production, after its public source (cowprotocol/services, pull request 4575:
//! `crates/driver/src/infra/solver/streaming` and `crates/s3`): for each solver a blocking thread serialises through a
//! buffer of 64 KiB into a channel of two blocks, which is the request's body, and, where an archive is configured for
//! the solver, into a gzip in memory, which is sent in one PUT.

mod both;
mod channel_writer;
mod revision;
mod threaded;

use std::process::ExitCode;

fn main() -> ExitCode {
    comparison_harness::run(threaded::Threaded::new)
}
