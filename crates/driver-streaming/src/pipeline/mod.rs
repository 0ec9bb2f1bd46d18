//! One auction to many solvers and an archive.

mod clients;
mod pipeline;
mod pipeline_builder;
mod pipeline_error;
mod settings;

#[cfg(feature = "cli")]
pub(crate) use self::clients::Clients;
pub use self::pipeline::Pipeline;
pub use self::pipeline_builder::PipelineBuilder;
pub use self::pipeline_error::PipelineError;
