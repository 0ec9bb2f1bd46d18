#![doc = include_str!("../README.md")]

mod archived_document;
mod arguments;
mod auction;
mod config;
mod exit;
mod interruptible_run;
mod member_edits;
mod otlp_export;
mod program;
mod progress_bars;
mod replay;
mod report;
mod rewrite;
mod sending;
mod solve;
mod store_location;
mod summary;
mod test_tools;
mod text_document;
mod value_scanner;
mod values;

pub use self::archived_document::ArchivedDocument;
pub use self::auction::{ParseError, RawAuction};
pub use self::member_edits::{MemberEdits, closing_members};
pub use self::program::main;
pub use self::store_location::{LocationError, StoreLocation};
pub use self::text_document::TextDocument;
