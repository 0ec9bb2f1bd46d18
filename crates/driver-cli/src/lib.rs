#![doc = include_str!("../README.md")]

mod archive;
mod archived_document;
mod archiving;
mod arguments;
mod auction_members;
mod check_engines;
mod config;
mod disk_document;
#[cfg(test)]
mod disk_document_tests;
mod disk_file;
mod exit;
mod figures;
mod generate_and_solver;
mod interruptible_run;
mod json_scanner;
#[cfg(test)]
mod json_scanner_tests;
mod member_edits;
mod option_values;
mod options_and_config;
mod otlp_export;
mod output_file;
mod program;
mod progress_bars;
mod replay;
mod replay_times;
mod report;
mod serve;
mod signals;
mod solve;
mod solver_ends;
mod solver_flags;
mod spooling;
mod store_location;
mod store_settings;
mod summary;
mod verdict;

pub use self::archived_document::archived_document;
pub use self::disk_document::DiskDocument;
pub use self::disk_file::{Broken, DiskWriter};
pub use self::json_scanner::{DocumentMistake, Place};
pub use self::member_edits::{MemberEdits, closing_members};
pub use self::program::main;
pub use self::store_location::{LocationError, StoreLocation};
