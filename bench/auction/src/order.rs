use serde::Serialize;

/// An order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its name: a hash, the owner and the expiry.
    pub uid: String,
    /// The token that is sold.
    pub sell_token: String,
    /// The token that is bought.
    pub buy_token: String,
    /// Atoms that are left to sell.
    pub sell_amount: String,
    /// Atoms that there were to sell.
    pub full_sell_amount: String,
    /// Atoms that are left to buy.
    pub buy_amount: String,
    /// Atoms that there were to buy.
    pub full_buy_amount: String,
    /// What the protocol takes.
    pub fee_policies: Vec<FeePolicy>,
    /// When it expires, in seconds since 1970.
    pub valid_to: u32,
    /// `sell` or `buy`.
    pub kind: String,
    /// Who is paid.
    pub receiver: String,
    /// Who signed.
    pub owner: String,
    /// Whether a part of it may be traded.
    pub partially_fillable: bool,
    /// Calls before the trade.
    pub pre_interactions: Vec<Interaction>,
    /// Calls after the trade.
    pub post_interactions: Vec<Interaction>,
    /// Where the sold token is taken from.
    pub sell_token_source: String,
    /// Where the bought token is put.
    pub buy_token_destination: String,
    /// `limit`.
    pub class: String,
    /// A hash of what the order's app says of it.
    pub app_data: String,
    /// How it is signed.
    pub signing_scheme: String,
    /// The signature.
    pub signature: String,
}

/// What the protocol takes of an order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeePolicy {
    /// `surplus`.
    pub kind: String,
    /// Of the surplus.
    pub factor: f64,
    /// Of the volume, at most.
    pub max_volume_factor: f64,
}

/// A call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    /// The contract.
    pub target: String,
    /// Wei that it is sent.
    pub value: String,
    /// What it is told.
    pub call_data: String,
}
