//! Everything that this project claims of itself, measured in one go, judged, and shown on one page.

mod bench_options;
mod bench_report;
mod delay;
mod floor;
mod informational;
mod memory_curve;
mod page;
mod plan;
mod plots;
mod ratio;
mod run;
mod scenario_record;
mod spread;
mod stalled;
mod stalled_sample;
mod tables;
mod turns;

pub use self::bench_options::BenchOptions;
pub use self::bench_report::BenchReport;
pub use self::delay::Delay;
pub use self::floor::Floor;
pub use self::memory_curve::MemoryCurve;
pub use self::page::{memory_figure, page};
pub use self::ratio::Ratio;
pub use self::run::bench;
pub use self::scenario_record::ScenarioRecord;
pub use self::spread::Spread;
pub use self::stalled::Stalled;
