//! One auction to many solvers and an archive.

mod archiving;
mod last_attempt;
mod pending_archive;
mod pipeline;
mod pipeline_builder;
mod pipeline_error;
mod run;
mod settings;
mod window_budget;

pub use self::pending_archive::PendingArchive;
pub use self::pipeline::Pipeline;
pub use self::pipeline_builder::PipelineBuilder;
pub use self::pipeline_error::PipelineError;
