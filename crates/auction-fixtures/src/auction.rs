use serde::Serialize;

use super::{Address, Amount, Liquidity, Object, Order, Token};

/// The body of a `/solve` request: what a solver is asked to settle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    /// Its number.
    pub id: String,
    /// What is known of each token.
    pub tokens: Object<Token>,
    /// What is to be traded.
    pub orders: Vec<Order>,
    /// What it can be traded with.
    pub liquidity: Vec<Liquidity>,
    /// Wei for a unit of gas.
    pub effective_gas_price: Amount,
    /// When the answer is due, as RFC 3339.
    pub deadline: String,
    /// Contracts whose surplus counts though their orders are made on the spot.
    pub surplus_capturing_jit_order_owners: Vec<Address>,
}
