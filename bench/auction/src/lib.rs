//! Typed auctions of the shape that was measured on mainnet, from a seed.
//!
//! Every member is of the type that is cheapest to serialise, mostly `String`: production converts numbers of 256 bits
//! and addresses whenever it serialises them. What is compared here differs in how often it serialises, so this favours
//! the designs that do it often.
//!
//! Depends on serde's derive and nothing else, so that no feature of a dependency reaches those who are compared.

mod auction;
mod generate;
mod order;
mod pool;
mod random;
mod shape;
mod token;

pub use self::auction::Auction;
pub use self::order::{FeePolicy, Interaction, Order};
pub use self::pool::{Pool, Reserve, WeightedReserve};
pub use self::shape::Shape;
pub use self::token::Token;
