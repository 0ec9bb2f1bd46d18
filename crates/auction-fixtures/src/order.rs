use serde::Serialize;

use super::random::{Chance, Kind, Universe};
use super::{Address, Amount, ByteString, Hash, OrderUid};

/// What somebody wants to trade.
///
/// The optional members `flashloanHint` and `wrappers` are not generated: hardly any order carries them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its name, unlike that of any other.
    pub uid: OrderUid,
    /// What is given.
    pub sell_token: Address,
    /// What is wanted.
    pub buy_token: Address,
    /// Atoms that can be given now.
    pub sell_amount: Amount,
    /// Atoms that were to be given at first.
    pub full_sell_amount: Amount,
    /// Atoms wanted now.
    pub buy_amount: Amount,
    /// Atoms that were wanted at first.
    pub full_buy_amount: Amount,
    /// How the protocol takes its fee.
    pub fee_policies: Vec<FeePolicy>,
    /// When it expires, in seconds since 1970.
    pub valid_to: u32,
    /// Which of the two amounts is exact.
    pub kind: OrderKind,
    /// Who gets what was bought.
    pub receiver: Address,
    /// Who gives.
    pub owner: Address,
    /// Whether a part of it may be traded.
    pub partially_fillable: bool,
    /// Calls before the trade.
    pub pre_interactions: Vec<Interaction>,
    /// Calls after the trade.
    pub post_interactions: Vec<Interaction>,
    /// Where what is given comes from.
    pub sell_token_source: TokenBalance,
    /// Where what is bought goes to.
    pub buy_token_destination: TokenBalance,
    /// What kind of price it names.
    pub class: OrderClass,
    /// Digest of what the application says of it.
    pub app_data: Hash,
    /// How the owner agreed.
    pub signing_scheme: SigningScheme,
    /// The proof: 65 bytes, none for [`SigningScheme::PreSign`], hundreds for [`SigningScheme::Eip1271`].
    pub signature: ByteString,
}

/// Which amount of an order is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OrderKind {
    /// What is given.
    Sell,
    /// What is wanted.
    Buy,
}

/// What kind of price an order names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OrderClass {
    /// The worst price it takes.
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

/// How the owner of an order agreed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SigningScheme {
    /// A signature of typed data.
    Eip712,
    /// A signature of a message.
    EthSign,
    /// A contract that agrees.
    Eip1271,
    /// A transaction before.
    PreSign,
}

/// How the protocol takes its fee from an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FeePolicy {
    /// A part of what the order gains over its limit price.
    #[serde(rename_all = "camelCase")]
    Surplus {
        /// The part of the surplus, 0 to 1.
        factor: f64,
        /// The most it may be of the volume, 0 to 1.
        max_volume_factor: f64,
    },
}

/// A call that settles with an order: its hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    /// The contract that is called.
    pub target: Address,
    /// Wei that is sent along.
    pub value: Amount,
    /// The encoded call.
    pub call_data: ByteString,
}

impl Interaction {
    /// A hook of an order of `owner`.
    pub(super) fn generate(universe: &Universe, chance: &mut Chance, owner: [u8; 20]) -> Self {
        // Nearly all are permits, of one length; the longest has 900 bytes.
        let words = if chance.below(100) < 96 {
            15
        } else {
            16 + chance.below(13) as usize
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

/// Midnight of the day every generated auction is of, 2026-08-06, in seconds since 1970.
const MIDNIGHT: u32 = 1_785_974_400;

/// Originals in 4,096 orders, so that 2,176 orders have about 690 owners and 180 `appData`.
const FRESH_OWNERS: u64 = 1_299;
const FRESH_APP_DATA: u64 = 339;

/// Originals in 4,096 orders, for what was not counted: chosen so that orders compress as real ones do.
const FRESH_PAIRS: u64 = 700;
const FRESH_EXPIRIES: u64 = 700;

impl Order {
    /// The order number `index`.
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

/// What is given now and at first, and what is wanted now and at first.
fn amounts(chance: &mut Chance, partially_fillable: bool) -> (Amount, Amount, Amount, Amount) {
    let sell_digits = chance.around(19, 10).max(3);
    let buy_digits = match chance.below(500) {
        0 => 70,
        _ => chance.around(17, 10).max(3),
    };
    // People type round numbers; programs do not.
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

/// How the owner signed, and the signature; `quantile` is below 10,000.
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

/// Joins the three parts.
fn order_uid(digest: [u8; 32], owner: [u8; 20], valid_to: u32) -> OrderUid {
    let mut bytes = [0; 56];
    bytes[..32].copy_from_slice(&digest);
    bytes[32..52].copy_from_slice(&owner);
    bytes[52..].copy_from_slice(&valid_to.to_be_bytes());
    OrderUid::from(bytes)
}

/// What a contract takes for a signature: words of 32 bytes, mostly small numbers and addresses, 736 to 1,220 bytes.
fn contract_signature(chance: &mut Chance, owner: [u8; 20]) -> ByteString {
    let words = 23 + chance.below(16) as usize;
    let mut bytes = arguments(chance, owner, words);
    if words == 38 {
        bytes.extend(chance.bytes::<4>());
    }
    ByteString::from(&bytes[..])
}

/// Encoded arguments of a call.
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
