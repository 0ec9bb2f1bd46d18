#![doc = include_str!("../README.md")]

mod body;
mod clock;
mod ending;
#[cfg(feature = "tracing")]
mod events;
mod gate;
#[cfg(feature = "opentelemetry")]
mod histograms;
mod measurements;
mod production;
mod recorder;
mod stream;
mod timeline;
mod watch;

pub use body::MeasuredBody;
pub use clock::{Clock, ManualClock, SystemClock};
pub use ending::Ending;
#[cfg(feature = "tracing")]
pub use events::TracingRecorder;
#[cfg(feature = "opentelemetry")]
pub use histograms::{BodyHistograms, BodyRole, HistogramRecorder};
pub use measurements::Measurements;
pub use production::{MeteredProduction, ProductionMeter};
pub use recorder::Recorder;
pub use stream::MeasuredStream;
