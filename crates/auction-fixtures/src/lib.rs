#![doc = include_str!("../README.md")]

mod amount;
mod auction;
mod hex;
mod order;
mod pool;
mod random;
mod token;

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod shape_tests;

pub use amount::Amount;
pub use auction::{Auction, AuctionShape, LazyAuction};
pub use hex::{Address, ByteString, Hash, Hex, OrderUid};
pub use order::{
    FeePolicy, Interaction, Order, OrderClass, OrderKind, SigningScheme, TokenBalance,
};
pub use pool::{
    ConcentratedLiquidityPool, ConstantProductPool, ConstantProductReserve, Liquidity, StablePool,
    StableReserve, WeightedProductPool, WeightedProductReserve, WeightedProductVersion,
};
pub use token::{Object, Token};
