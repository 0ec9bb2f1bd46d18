#![doc = include_str!("../README.md")]

mod archived_document;
mod arguments;
mod auction;
mod config;
mod exit;
mod export;
mod location;
mod member_edits;
mod program;
mod progress_bars;
mod replay;
mod report;
mod rewrite;
mod run;
mod sending;
mod solve;
mod summary;
mod test_tools;
mod text_document;
mod value_scanner;
mod values;

pub use self::archived_document::ArchivedDocument;
pub use self::auction::{ParseError, RawAuction};
pub use self::location::{LocationError, StoreLocation};
pub use self::member_edits::{MemberEdits, closing_members};
pub use self::program::main;
pub use self::text_document::TextDocument;
