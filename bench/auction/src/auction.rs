use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Order, Pool, Token};

/// The body of a `/solve` request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    /// Its number.
    pub id: String,
    /// What is known of each token, by its address.
    pub tokens: BTreeMap<String, Token>,
    /// What is to be traded.
    pub orders: Vec<Order>,
    /// What it can be traded with.
    pub liquidity: Vec<Pool>,
    /// Wei for a unit of gas.
    pub effective_gas_price: String,
    /// When the answer is due, as RFC 3339.
    pub deadline: String,
    /// Contracts whose surplus counts though their orders are made on the spot.
    pub surplus_capturing_jit_order_owners: Vec<String>,
}
