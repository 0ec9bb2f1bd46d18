//! An auction that came as JSON text: kept once, checked once, sent element by element.

mod parse_error;
mod parser;
mod raw_auction;
mod view;

pub(crate) use driver_streaming::AuctionId;

pub use self::parse_error::ParseError;
pub use self::raw_auction::RawAuction;
pub(crate) use self::view::LIQUIDITY;
pub use self::view::{AuctionView, Omission, closing_members};
