#![doc = include_str!("../README.md")]

mod branch;
mod branch_options;
mod ending;
mod lag_policy;
#[cfg(all(test, loom))]
mod loom_tests;
mod shared;
mod source;
mod state;
mod sync;
mod tail;
mod tee;
mod timer;
#[cfg(feature = "verify")]
mod verification;
mod wakers;
#[cfg(feature = "tokio")]
mod writer;

pub use branch::Branch;
pub use branch_options::BranchOptions;
pub use ending::{BranchEnd, BranchEnding, TeeError};
pub use lag_policy::{AfterPatience, LagPolicy};
pub use state::{BranchStatus, TeeStatistics};
pub use tee::{Tee, TeeBuilder};
#[cfg(feature = "tokio-time")]
pub use timer::TokioTimer;
pub use timer::{Sleep, Timer};
#[cfg(feature = "verify")]
pub use verification::{Verified, VerifyError, verified};
#[cfg(feature = "tokio")]
pub use writer::{SinkReport, SinkStatus, TeeWriter};
