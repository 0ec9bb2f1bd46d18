#![doc = include_str!("../README.md")]

mod alarm;
mod branch;
mod branch_end;
mod branch_options;
mod builder;
mod cursor;
mod each;
mod effects;
mod error;
mod hashing;
mod lag_policy;
mod ledger;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(feature = "test-util")]
mod manual_timer;
mod producer;
mod reader;
mod several;
mod shared;
mod signal;
mod state;
mod statistics;
mod status;
mod sync;
mod tail;
mod tee;
mod timer;
#[cfg(feature = "tokio-time")]
mod tokio_timer;
mod window;
#[cfg(feature = "tokio")]
mod writer;

pub use branch::Branch;
pub use branch_end::{BranchEnd, BranchEnding};
pub use branch_options::BranchOptions;
pub use builder::TeeBuilder;
pub use error::TeeError;
pub use lag_policy::{AfterPatience, LagPolicy};
#[cfg(feature = "test-util")]
pub use manual_timer::ManualTimer;
pub use statistics::TeeStatistics;
pub use status::BranchStatus;
pub use tee::Tee;
pub use timer::{Sleep, Timer};
#[cfg(feature = "tokio-time")]
pub use tokio_timer::TokioTimer;
#[cfg(feature = "tokio")]
pub use writer::{SinkReport, SinkStatus, TeeWriter};
