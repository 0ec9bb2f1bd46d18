use serde::Serialize;

use super::call;
use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, ByteString, FeePolicy, Hash, Interaction, OrderUid};

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
        let owner = universe.address(
            Kind::Owner,
            universe.original(Kind::Owner, index, FRESH_OWNERS),
        );
        let receiver = if chance.below(1_000) < 962 {
            owner
        } else {
            Address(chance.bytes())
        };
        let mut app_data = [0; 32];
        let original = universe.original(Kind::AppData, index, FRESH_APP_DATA);
        universe.name(Kind::AppData, original, &mut app_data);
        let expiry = universe.original(Kind::Expiry, index, FRESH_EXPIRIES);
        let valid_to =
            MIDNIGHT + Chance::new(universe.seed, Kind::Expiry, expiry).below(31_536_000) as u32;
        let mut digest = [0; 32];
        universe.name(Kind::Order, index, &mut digest[..8]);
        digest[8..].copy_from_slice(&chance.bytes::<24>());

        let pair = universe.original(Kind::Pair, index, FRESH_PAIRS);
        let [sell_token, buy_token] =
            universe.draw_pair(&mut Chance::new(universe.seed, Kind::Pair, pair));
        let partially_fillable = chance.below(1_000) < 908;
        let (sell_amount, full_sell_amount, buy_amount, full_buy_amount) =
            amounts(&mut chance, partially_fillable);
        let (signing_scheme, signature) =
            signature(universe.spread(0, index, 10_000), &mut chance, owner);
        let hooked =
            signing_scheme != SigningScheme::Eip1271 && universe.spread(1, index, 10_000) < 1_056;
        Self {
            uid: OrderUid::from_parts(digest, owner, valid_to),
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
                vec![Interaction::generate(universe, &mut chance, owner)]
            } else {
                Vec::new()
            },
            post_interactions: Vec::new(),
            sell_token_source: TokenBalance::Erc20,
            buy_token_destination: TokenBalance::Erc20,
            class: OrderClass::Limit,
            app_data: Hash(app_data),
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
fn signature(quantile: u64, chance: &mut Chance, owner: Address) -> (SigningScheme, ByteString) {
    match quantile {
        0..450 => (SigningScheme::PreSign, ByteString::default()),
        450..605 => (
            SigningScheme::EthSign,
            ByteString(chance.bytes::<65>().to_vec()),
        ),
        605..759 => (
            SigningScheme::Eip1271,
            call::contract_signature(chance, owner),
        ),
        _ => {
            let mut signature = chance.bytes::<65>();
            signature[64] = 27 + (signature[64] & 1);
            (SigningScheme::Eip712, ByteString(signature.to_vec()))
        }
    }
}
