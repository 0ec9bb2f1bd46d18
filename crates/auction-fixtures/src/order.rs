use serde::Serialize;

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, ByteString, Hash, OrderUid};

/// An order.
///
/// The optional members `flashloanHint` and `wrappers` are not generated, because hardly any order has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The unique identifier.
    pub uid: OrderUid,
    /// The token that the owner sells.
    pub sell_token: Address,
    /// The token that the owner buys.
    pub buy_token: Address,
    /// Atoms of the sell token that are still available.
    pub sell_amount: Amount,
    /// Atoms of the sell token in the original order.
    pub full_sell_amount: Amount,
    /// Atoms of the buy token that are still wanted.
    pub buy_amount: Amount,
    /// Atoms of the buy token in the original order.
    pub full_buy_amount: Amount,
    /// The fees that the protocol takes.
    pub fee_policies: Vec<FeePolicy>,
    /// The expiry in seconds since 1970.
    pub valid_to: u32,
    /// Which of the two amounts is exact.
    pub kind: OrderKind,
    /// The account that receives the bought tokens.
    pub receiver: Address,
    /// The account that sells.
    pub owner: Address,
    /// Whether the order may be filled in part.
    pub partially_fillable: bool,
    /// Calls before the trade.
    pub pre_interactions: Vec<Interaction>,
    /// Calls after the trade.
    pub post_interactions: Vec<Interaction>,
    /// Where the sold tokens come from.
    pub sell_token_source: TokenBalance,
    /// Where the bought tokens go to.
    pub buy_token_destination: TokenBalance,
    /// The kind of price in the order.
    pub class: OrderClass,
    /// The digest of the application's data about the order.
    pub app_data: Hash,
    /// How the owner signed the order.
    pub signing_scheme: SigningScheme,
    /// The signature: 65 bytes, or none for [`SigningScheme::PreSign`], or hundreds for [`SigningScheme::Eip1271`].
    pub signature: ByteString,
}

/// Which amount of an order is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OrderKind {
    /// The sell amount is exact.
    Sell,
    /// The buy amount is exact.
    Buy,
}

/// The kind of price in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OrderClass {
    /// The worst price that the owner accepts.
    Limit,
}

/// Where tokens of an order come from or go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TokenBalance {
    /// The token contract.
    Erc20,
}

/// How the owner of an order signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SigningScheme {
    /// A signature of typed data.
    Eip712,
    /// A signature of a message.
    EthSign,
    /// A contract verifies the signature.
    Eip1271,
    /// An earlier transaction on chain.
    PreSign,
}

/// How the protocol takes its fee from an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FeePolicy {
    /// A part of the surplus over the limit price.
    #[serde(rename_all = "camelCase")]
    Surplus {
        /// The part of the surplus, from 0 to 1.
        factor: f64,
        /// The maximum fee as a part of the volume, from 0 to 1.
        max_volume_factor: f64,
    },
}

/// A call that is executed together with an order: a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    /// The contract that is called.
    pub target: Address,
    /// Wei to send with the call.
    pub value: Amount,
    /// The encoded call.
    pub call_data: ByteString,
}

impl Interaction {
    /// Generates a hook of an order of `owner`.
    pub(super) fn generate(universe: &Universe, chance: &mut Chance, owner: [u8; 20]) -> Self {
        // Nearly all hooks are permits of one length. The longest has 900 bytes.
        let words = match chance.below(100) {
            0..96 => 15,
            _ => 16 + chance.below(13) as usize,
        };
        let mut call_data = vec![0x76, 0x0f, 0x2a, 0x0b];
        call_data.extend(arguments(chance, owner, words));
        Self {
            target: universe.address(Kind::Contract, 16),
            value: Amount::from(0),
            call_data: ByteString::from(&call_data[..]),
        }
    }
}

/// Midnight of 2026-08-06, the day of every generated auction, in seconds since 1970.
const MIDNIGHT: u32 = 1_785_974_400;

/// How many of 4,096 orders have a new owner. With this, 2,176 orders have about 690 owners and 180 `appData`.
const FRESH_OWNERS: u64 = 1_299;
const FRESH_APP_DATA: u64 = 339;

/// How many of 4,096 orders are new in what was not measured. Chosen so that orders compress like real ones.
const FRESH_PAIRS: u64 = 700;
const FRESH_EXPIRIES: u64 = 700;

impl Order {
    /// Generates the order with this index.
    pub(super) fn generate(universe: &Universe, index: u64) -> Self {
        let mut chance = Chance::new(universe.seed, Kind::Order, index);
        let original = universe.original(Kind::Owner, index, FRESH_OWNERS);
        let owner_bytes = universe.name(Kind::Owner, original);
        let owner = Address::from(owner_bytes);
        let receiver = if chance.below(1_000) < 962 {
            owner
        } else {
            Address::from(chance.bytes::<20>())
        };
        let original = universe.original(Kind::AppData, index, FRESH_APP_DATA);
        let app_data = universe.name::<32>(Kind::AppData, original);
        let expiry = universe.original(Kind::Expiry, index, FRESH_EXPIRIES);
        let valid_to =
            MIDNIGHT + Chance::new(universe.seed, Kind::Expiry, expiry).below(31_536_000) as u32;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&universe.name::<8>(Kind::Order, index));
        digest[8..].copy_from_slice(&chance.bytes::<24>());

        let pair = universe.original(Kind::Pair, index, FRESH_PAIRS);
        let [sell_token, buy_token] =
            universe.draw_pair(&mut Chance::new(universe.seed, Kind::Pair, pair));
        let partially_fillable = chance.below(1_000) < 908;
        let (sell_amount, full_sell_amount, buy_amount, full_buy_amount) =
            amounts(&mut chance, partially_fillable);
        let (signing_scheme, signature) =
            signature(universe.spread(0, index, 10_000), &mut chance, owner_bytes);
        let hooked =
            signing_scheme != SigningScheme::Eip1271 && universe.spread(1, index, 10_000) < 1_056;
        Self {
            uid: order_uid(digest, owner_bytes, valid_to),
            sell_token,
            buy_token,
            sell_amount,
            full_sell_amount,
            buy_amount,
            full_buy_amount,
            fee_policies: match chance.below(100) {
                0 => Vec::new(),
                _ => vec![FeePolicy::Surplus {
                    factor: 0.5,
                    max_volume_factor: 0.01,
                }],
            },
            valid_to,
            kind: if chance.below(1_000) < 48 {
                OrderKind::Buy
            } else {
                OrderKind::Sell
            },
            receiver,
            owner,
            partially_fillable,
            pre_interactions: if hooked {
                vec![Interaction::generate(universe, &mut chance, owner_bytes)]
            } else {
                Vec::new()
            },
            post_interactions: Vec::new(),
            sell_token_source: TokenBalance::Erc20,
            buy_token_destination: TokenBalance::Erc20,
            class: OrderClass::Limit,
            app_data: Hash::from(app_data),
            signing_scheme,
            signature,
        }
    }
}

/// Returns the current and the original sell amount, then the current and the original buy amount.
fn amounts(chance: &mut Chance, partially_fillable: bool) -> (Amount, Amount, Amount, Amount) {
    let sell_digits = chance.around(19, 10).max(3);
    let buy_digits = match chance.below(500) {
        0 => 70,
        _ => chance.around(17, 10).max(3),
    };
    // People enter round numbers; programs do not.
    let sell_significant = if chance.below(100) < 67 {
        chance.around(3, 2).max(1)
    } else {
        sell_digits
    };
    let buy_significant = if chance.below(100) < 44 {
        chance.around(5, 3).max(1)
    } else {
        buy_digits
    };
    let full_sell = chance.amount(sell_digits, sell_significant);
    let full_buy = match chance.below(700) {
        0 => Amount::MAX,
        _ => chance.amount(buy_digits, buy_significant),
    };
    if partially_fillable && chance.below(100) < 50 {
        let sell = chance.amount(sell_digits, sell_digits);
        let buy = chance.amount(buy_digits, buy_digits);
        return (sell.min(full_sell), full_sell, buy.min(full_buy), full_buy);
    }
    (full_sell, full_sell, full_buy, full_buy)
}

/// Returns how the owner signed, and the signature. `quantile` is below 10,000.
fn signature(quantile: u64, chance: &mut Chance, owner: [u8; 20]) -> (SigningScheme, ByteString) {
    match quantile {
        0..450 => (SigningScheme::PreSign, ByteString::default()),
        450..605 => (
            SigningScheme::EthSign,
            ByteString::from(&chance.bytes::<65>()[..]),
        ),
        605..759 => (SigningScheme::Eip1271, contract_signature(chance, owner)),
        _ => {
            let mut signature = chance.bytes::<65>();
            signature[64] = 27 + (signature[64] & 1);
            (SigningScheme::Eip712, ByteString::from(&signature[..]))
        }
    }
}

/// Joins the three parts of an identifier.
fn order_uid(digest: [u8; 32], owner: [u8; 20], valid_to: u32) -> OrderUid {
    let mut bytes = [0; 56];
    bytes[..32].copy_from_slice(&digest);
    bytes[32..52].copy_from_slice(&owner);
    bytes[52..].copy_from_slice(&valid_to.to_be_bytes());
    OrderUid::from(bytes)
}

/// Generates a signature that a contract verifies: 736 to 1,220 bytes, in words of 32 bytes that are mostly small numbers and
/// addresses.
fn contract_signature(chance: &mut Chance, owner: [u8; 20]) -> ByteString {
    let words = 23 + chance.below(16) as usize;
    let mut bytes = arguments(chance, owner, words);
    if words == 38 {
        bytes.extend(chance.bytes::<4>());
    }
    ByteString::from(&bytes[..])
}

/// Generates the encoded arguments of a call.
fn arguments(chance: &mut Chance, owner: [u8; 20], words: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 * words + 4);
    for word in 0..words {
        let mut encoded = [0; 32];
        match word % 8 {
            0 | 5 => encoded[12..].copy_from_slice(&owner),
            1 | 3 | 6 | 7 => encoded[30..].copy_from_slice(&(32 * word as u16).to_be_bytes()),
            2 => encoded = chance.bytes(),
            _ => encoded[26..].copy_from_slice(&chance.bytes::<6>()),
        }
        bytes.extend(encoded);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_ends_with_owner_and_expiry() {
        let uid = order_uid([0x11; 32], [0x22; 20], 0x6b0e_c707);
        let text = format!("0x{}{}6b0ec707", "11".repeat(32), "22".repeat(20));
        assert_eq!(uid.to_string(), text);
    }
}
