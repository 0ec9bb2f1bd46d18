#![doc = include_str!("../README.md")]

mod body;
mod ending;
#[cfg(feature = "tracing")]
mod events;
#[cfg(feature = "opentelemetry")]
mod histograms;
mod measurements;
mod production_meter;
mod recorder;
mod stream;
mod timeline;

pub use body::MeasuredBody;
#[cfg(feature = "tracing")]
pub use events::TracingRecorder;
#[cfg(feature = "opentelemetry")]
pub use histograms::{BodyHistograms, BodyRole, HistogramRecorder};
pub use measurements::{Ending, Measurements};
pub use production_meter::{MeteredProduction, ProductionMeter};
pub use recorder::Recorder;
pub use stream::MeasuredStream;
