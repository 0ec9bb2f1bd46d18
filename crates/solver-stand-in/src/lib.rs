#![doc = include_str!("../README.md")]

mod builder;
mod content_encoding;
mod exchange;
mod read_faults;
mod report;
mod server;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
mod support_tests;

pub use builder::{EarlyAnswer, StandInBuilder};
pub use report::{KeptRequest, RequestReport};
pub use server::StandIn;
