use serde::Serialize;

/// What an auction says of a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Decimal places of one unit.
    pub decimals: u8,
    /// The ticker.
    pub symbol: String,
    /// Wei for 10^18 atoms of it.
    pub reference_price: String,
    /// Atoms in the settlement contract.
    pub available_balance: String,
    /// Whether the contract keeps what it gets of it.
    pub trusted: bool,
}
