#![doc = include_str!("../README.md")]

mod body;
mod clock;
mod ending;
mod gate;
mod measurements;
mod production;
mod recorder;
mod stream;
mod timeline;
mod watch;

pub use body::MeasuredBody;
pub use clock::{Clock, ManualClock, SystemClock};
pub use ending::Ending;
pub use measurements::Measurements;
pub use production::{MeteredProduction, ProductionMeter};
pub use recorder::Recorder;
pub use stream::MeasuredStream;
