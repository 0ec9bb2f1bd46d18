//! Everything that needs a store: the contract on each of them, faults, cancellation, properties.

mod cancellation;
mod check;
mod clean_up;
mod contract;
mod described;
mod digests;
mod encoded;
mod encoding;
mod faults;
mod hiccups;
#[cfg(feature = "fs")]
mod local_folder;
#[cfg(all(feature = "fs", feature = "s3"))]
mod named_stores;
mod poisoning;
mod properties;
mod reading;
mod reading_chunks;
mod s3;
#[cfg(feature = "s3")]
mod s3_answers;
mod s3_server;
#[cfg(feature = "spool")]
mod spool;
#[cfg(feature = "spool")]
mod spool_stuck;
mod support;
mod tools;
mod types;
mod writing;
