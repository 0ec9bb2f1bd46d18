//! An auction that came as JSON text: kept once, checked once, sent element by element.

mod auction_view;
mod depth;
mod member;
mod parse_error;
mod parser;
mod raw_auction;
mod span;

pub(crate) use self::auction_view::LIQUIDITY;
pub use self::auction_view::{AuctionView, Omission, closing_members};
pub use self::parse_error::{ParseError, Problem};
pub use self::raw_auction::RawAuction;
pub use driver_streaming::{AuctionId, AuctionIdError};
