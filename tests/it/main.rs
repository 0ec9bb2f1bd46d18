//! The whole pipeline over real sockets and stores: through the program as a user runs it, and through the library where
//! only that can do what a test needs.

mod answers;
mod archive_failures;
mod bad_input;
mod captures;
mod configuration;
mod content_length;
mod deadlines;
mod demonstration;
mod early_answers;
mod encodings;
mod end_to_end;
mod faults;
mod foreign;
mod generate;
mod http2;
mod interrupt;
mod isolation;
mod many_auctions;
mod proxy;
mod replay;
mod replay_range;
mod report;
mod retries;
mod s3;
mod serve;
mod serve_operations;
mod shelf;
mod slow_solvers;
mod solver;
mod spool;
mod spool_kills;
mod support;
mod telemetry;
mod truncation;
mod views;
