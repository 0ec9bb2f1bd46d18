#![doc = include_str!("../README.md")]

mod archived_document;
mod arguments;
mod auction;
mod config;
mod exit;
mod export;
mod generate;
mod location;
mod member_edits;
pub mod page;
mod program;
mod progress_bars;
mod replay;
mod report;
mod rewrite;
mod run;
mod sending;
mod solve;
mod solver;
mod summary;
mod timeline;
mod value_scanner;
mod values;
mod views;

pub use self::archived_document::ArchivedDocument;
pub use self::auction::{AuctionView, Omission, ParseError, RawAuction, closing_members};
pub use self::location::{LocationError, StoreLocation};
pub use self::program::main;
