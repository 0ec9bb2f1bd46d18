#![doc = include_str!("../README.md")]

mod archive;
mod archived_document;
mod arguments;
mod config;
mod exit;
mod generate_and_solver;
mod interruptible_run;
mod member_edits;
mod member_rewriter;
mod option_values;
mod options_and_config;
mod otlp_export;
mod program;
mod progress_bars;
mod raw_auction;
mod replay;
mod report;
mod sending;
mod solve;
mod solver_ends;
mod solver_flags;
mod store_location;
mod store_settings;
mod summary;
mod text_document;
mod value_scanner;
mod verdict;

pub use self::archived_document::ArchivedDocument;
pub use self::member_edits::{MemberEdits, closing_members};
pub use self::program::main;
pub use self::raw_auction::{ParseError, RawAuction};
pub use self::store_location::{LocationError, StoreLocation};
pub use self::text_document::TextDocument;
