//! Runs the compared programs by turns and says what each took: its README is the folder's.
//!
//! A library besides a program, so that another program of the workspace can run comparisons too.

mod bench;
mod build;
mod check;
mod design;
mod engines;
mod execution;
mod grid;
mod machine;
mod memory_sampler;
mod options;
mod programs;
mod report;
mod row;
mod run;
mod sample;
mod scenario;
mod seen;
mod size;
mod statistics;
mod table;
mod targets;

pub use self::bench::{
    BenchOptions, BenchReport, Delay, Floor, MemoryCurve, Ratio, ScenarioRecord, Spread, Stalled,
    bench, memory_figure, page,
};
pub use self::design::Design;
pub use self::grid::Grid;
pub use self::machine::Machine;
pub use self::options::Options;
pub use self::programs::Programs;
pub use self::report::Report;
pub use self::row::Row;
pub use self::run::run;
pub use self::sample::Sample;
pub use self::scenario::Scenario;
pub use self::size::Size;
pub use self::table::markdown;
pub use self::targets::{Bound, Target, Verdict};

/// Any failure, told to the person at the terminal.
pub type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;
