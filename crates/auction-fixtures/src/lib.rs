//! Auctions of the shape measured on mainnet, made from a seed.
//!
//! For tests, benchmarks and demonstrations: no real auction is needed, and none is shipped. An [`AuctionShape`] says
//! how many orders, tokens and pools there are; the same shape is the same bytes, on every platform and in every run.
//! [`AuctionShape::write_to`] streams the JSON in constant memory, [`AuctionShape::auction`] is the same document as a
//! typed value.
//!
//! ```
//! use auction_fixtures::AuctionShape;
//!
//! let shape = AuctionShape { orders: 10, tokens: 5, pools: 3, seed: 1 };
//! let mut json = Vec::new();
//! shape.write_to(&mut json)?;
//! assert_eq!(json, serde_json::to_vec(&shape.auction())?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the shape is
//!
//! The shares and sizes were measured over full-size auctions of 2026 and are the targets of this module's tests: bytes
//! of compact JSON for each kind of order, token and pool; ticks in a pool; signing schemes; hooks; how often owners
//! and `appData` return, which is what makes such a document compress to a quarter or a fifth. Values are random:
//! no signature verifies and no price makes sense, so a solver can parse these auctions but not settle them.
//!
//! # Sizes
//!
//! Bytes as printed by `driver-streaming generate --orders O --tokens T --pools P | wc -c`, with seed 0; piping the
//! second through `gzip -6` makes 1,854,572 of it, through `zstd -1` 1,661,374:
//!
//! | size | orders | tokens | pools | bytes |
//! |---|---|---|---|---|
//! | 3.3 MB, [`AuctionShape::SMALL`] | 2,083 | 730 | 1,001 | 3,295,430 |
//! | 8.5 MB, [`AuctionShape::MAINNET`] | 5,618 | 987 | 2,428 | 8,533,331 |
//! | 26 MB | 17,100 | 3,000 | 7,400 | 26,090,150 |
//! | 310 MB | 204,000 | 36,000 | 88,000 | 310,432,654 |
//! | 1 GiB | 706,000 | 124,000 | 304,500 | 1,074,292,819 |

mod address;
mod amount;
mod auction;
mod auction_shape;
mod byte_string;
mod call;
mod chance;
mod concentrated_liquidity_pool;
mod constant_product_pool;
mod fee_policy;
mod hash;
mod hex;
mod interaction;
mod lazy_auction;
mod liquidity;
mod object;
mod order;
mod order_uid;
mod stable_pool;
mod tables;
mod token;
mod universe;
mod weighted_product_pool;

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod shape_tests;

pub use address::Address;
pub use amount::Amount;
pub use auction::Auction;
pub use auction_shape::AuctionShape;
pub use byte_string::ByteString;
pub use concentrated_liquidity_pool::ConcentratedLiquidityPool;
pub use constant_product_pool::{ConstantProductPool, ConstantProductReserve};
pub use fee_policy::FeePolicy;
pub use hash::Hash;
pub use interaction::Interaction;
pub use liquidity::Liquidity;
pub use object::Object;
pub use order::{Order, OrderClass, OrderKind, SigningScheme, TokenBalance};
pub use order_uid::OrderUid;
pub use stable_pool::{StablePool, StableReserve};
pub use token::Token;
pub use weighted_product_pool::{
    WeightedProductPool, WeightedProductReserve, WeightedProductVersion,
};
