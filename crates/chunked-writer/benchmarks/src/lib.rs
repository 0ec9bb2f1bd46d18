//! A typed auction of the shape that a CoW Protocol driver sends to its solvers, of any size, the same each time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use chunked_writer::JsonStream;
use futures_util::Stream;
use serde::Serialize;

/// The body of a `/solve` request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    id: String,
    tokens: BTreeMap<String, Token>,
    orders: Vec<Order>,
    liquidity: Vec<Pool>,
    effective_gas_price: String,
    deadline: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    decimals: u8,
    symbol: String,
    reference_price: String,
    available_balance: String,
    trusted: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    uid: String,
    sell_token: String,
    buy_token: String,
    sell_amount: String,
    full_sell_amount: String,
    buy_amount: String,
    full_buy_amount: String,
    fee_policies: Vec<FeePolicy>,
    valid_to: u32,
    kind: Kind,
    receiver: Option<String>,
    owner: String,
    partially_fillable: bool,
    pre_interactions: Vec<Interaction>,
    post_interactions: Vec<Interaction>,
    sell_token_source: &'static str,
    buy_token_destination: &'static str,
    class: &'static str,
    app_data: String,
    signing_scheme: &'static str,
    signature: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Sell,
    Buy,
}

#[derive(Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum FeePolicy {
    Surplus { factor: f64, max_volume_factor: f64 },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interaction {
    target: String,
    value: String,
    call_data: String,
}

#[derive(Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Pool {
    ConstantProduct {
        id: String,
        address: String,
        router: String,
        gas_estimate: String,
        tokens: BTreeMap<String, Reserve>,
        fee: &'static str,
    },
    ConcentratedLiquidity {
        id: String,
        address: String,
        router: String,
        gas_estimate: String,
        tokens: [String; 2],
        sqrt_price: String,
        liquidity: String,
        tick: i32,
        liquidity_net: BTreeMap<i32, String>,
        fee: &'static str,
    },
}

#[derive(Serialize)]
struct Reserve {
    balance: String,
}

/// xorshift64*: <https://doi.org/10.18637/jss.v008.i14>.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn hex(&mut self, bytes: usize) -> String {
        let mut text = "0x".to_owned();
        while text.len() < 2 + 2 * bytes {
            text += &format!("{:016x}", self.next());
        }
        text.truncate(2 + 2 * bytes);
        text
    }

    fn amount(&mut self) -> String {
        (u128::from(self.next()) * u128::from(self.below(1_000_000))).to_string()
    }

    fn order(&mut self, index: usize) -> Order {
        let interactions = if self.below(10) == 0 { 1 } else { 0 };
        let interaction = |random: &mut Self| Interaction {
            target: random.hex(20),
            value: "0".to_owned(),
            call_data: random.hex(484),
        };
        Order {
            uid: self.hex(56),
            sell_token: self.hex(20),
            buy_token: self.hex(20),
            sell_amount: self.amount(),
            full_sell_amount: self.amount(),
            buy_amount: self.amount(),
            full_buy_amount: self.amount(),
            fee_policies: vec![FeePolicy::Surplus {
                factor: 0.5,
                max_volume_factor: 0.01,
            }],
            valid_to: 1_700_000_000 + u32::try_from(index % 1_000_000).unwrap_or_default(),
            kind: if self.below(20) == 0 {
                Kind::Buy
            } else {
                Kind::Sell
            },
            receiver: Some(self.hex(20)),
            owner: self.hex(20),
            partially_fillable: self.below(10) > 0,
            pre_interactions: (0..interactions).map(|_| interaction(self)).collect(),
            post_interactions: Vec::new(),
            sell_token_source: "erc20",
            buy_token_destination: "erc20",
            class: "limit",
            app_data: self.hex(32),
            signing_scheme: "eip712",
            signature: self.hex(65),
        }
    }

    fn pool(&mut self, index: usize) -> Pool {
        if self.below(20) < 13 {
            let reserve = |random: &mut Self| {
                (
                    random.hex(20),
                    Reserve {
                        balance: random.amount(),
                    },
                )
            };
            Pool::ConstantProduct {
                id: index.to_string(),
                address: self.hex(20),
                router: self.hex(20),
                gas_estimate: "90171".to_owned(),
                tokens: (0..2).map(|_| reserve(self)).collect(),
                fee: "0.003",
            }
        } else {
            let ticks = self.below(86);
            Pool::ConcentratedLiquidity {
                id: index.to_string(),
                address: self.hex(20),
                router: self.hex(20),
                gas_estimate: "106391".to_owned(),
                tokens: [self.hex(20), self.hex(20)],
                sqrt_price: self.amount(),
                liquidity: self.amount(),
                tick: -1000,
                liquidity_net: (0..ticks)
                    .map(|tick| (tick as i32 * 60 - 887_220, self.amount()))
                    .collect(),
                fee: "0.0005",
            }
        }
    }
}

impl Auction {
    /// Creates an auction of about this many bytes of JSON.
    #[must_use]
    pub fn of_size(bytes: usize) -> Self {
        // The measured mix at 8.5 MB: 5,618 orders, 987 tokens, 2,428 pools.
        let random = &mut Random(0x9e37_79b9_7f4a_7c15);
        let share = |count: usize| (count as f64 * bytes as f64 / 8_500_000.0) as usize;
        Self {
            id: "8339027".to_owned(),
            tokens: (0..share(987))
                .map(|_| {
                    let token = Token {
                        decimals: 18,
                        symbol: "WETH".to_owned(),
                        reference_price: random.amount(),
                        available_balance: random.amount(),
                        trusted: true,
                    };
                    (random.hex(20), token)
                })
                .collect(),
            orders: (0..share(5_618)).map(|index| random.order(index)).collect(),
            liquidity: (0..share(2_428)).map(|index| random.pool(index)).collect(),
            effective_gas_price: "15000000000".to_owned(),
            deadline: "2026-11-24T12:00:00.000Z",
        }
    }
}

/// Reads a stream to its end and discards the chunks. Returns the number of bytes.
pub fn drain<T: Serialize>(mut stream: JsonStream<T>) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let mut length = 0;
    loop {
        match Pin::new(&mut stream).poll_next(&mut context) {
            Poll::Ready(Some(chunk)) => length += chunk.expect("an auction serializes").len(),
            Poll::Ready(None) => return length,
            Poll::Pending => {}
        }
    }
}
