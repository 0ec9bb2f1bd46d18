//! The whole pipeline over real sockets and stores, through the program as a user runs it.

mod bad_input;
mod captures;
mod demonstration;
mod end_to_end;
mod faults;
mod generate;
mod interrupt;
mod isolation;
mod proxy;
mod replay;
mod report;
mod s3;
mod solver;
mod support;
mod telemetry;
