//! Auctions as a driver holds them: typed, and of about the shape that mainnet has.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    id: String,
    tokens: Vec<Token>,
    orders: Vec<Order>,
    liquidity: Vec<Pool>,
    effective_gas_price: String,
    deadline: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    address: String,
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
    kind: &'static str,
    receiver: String,
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
#[serde(rename_all = "camelCase")]
struct FeePolicy {
    kind: &'static str,
    max_volume_factor: f64,
    factor: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interaction {
    target: String,
    value: String,
    call_data: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Pool {
    #[serde(rename_all = "camelCase")]
    ConstantProduct {
        id: String,
        address: String,
        router: &'static str,
        gas_estimate: &'static str,
        tokens: Vec<(String, String)>,
        fee: &'static str,
    },
    #[serde(rename_all = "camelCase")]
    ConcentratedLiquidity {
        id: String,
        address: String,
        gas_estimate: &'static str,
        tokens: Vec<String>,
        sqrt_price: String,
        liquidity: String,
        tick: i32,
        liquidity_net: Vec<(i32, String)>,
        fee: &'static str,
    },
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end
    }

    fn hex(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(2 + 2 * bytes);
        text.push_str("0x");
        while text.len() < 2 + 2 * bytes {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(2 + 2 * bytes);
        text
    }

    fn amount(&mut self) -> String {
        let digits = 4 + self.below(10);
        format!("{:020}", self.next())[..digits].to_owned() + "0000000"
    }

    /// A few are picked often and most hardly ever, as tokens and owners are: so skewed that gzip and
    /// zstd make of the whole what they make of real auctions.
    fn pick<'a>(&mut self, from: &'a [String]) -> &'a String {
        let uniform = self.below(1 << 20) as f64 / (1 << 20) as f64;
        &from[(uniform.powi(8) * from.len() as f64) as usize]
    }

    fn order(&mut self, tokens: &[String], owners: &[String], app_data: &[String]) -> Order {
        let owner = self.pick(owners).clone();
        let (sell_amount, buy_amount) = (self.amount(), self.amount());
        let valid_to = 1_790_000_000 + self.below(100_000) as u32;
        let pre_interactions = (self.below(1000) < 104)
            .then(|| Interaction {
                target: self.pick(tokens).clone(),
                value: "0".into(),
                // A permit: words of 32 bytes, most of them padding, and a signature.
                call_data: format!(
                    "{}{:0>64}{:0>64}{:0>64}{:0>64}{}",
                    self.hex(4),
                    &owner[2..],
                    &self.pick(owners)[2..],
                    "f".repeat(64),
                    format!("{valid_to:x}"),
                    &self.hex(96)[2..],
                ),
            })
            .into_iter()
            .collect();
        Order {
            uid: format!("{}{}{valid_to:08x}", self.hex(32), &owner[2..]),
            sell_token: self.pick(tokens).clone(),
            buy_token: self.pick(tokens).clone(),
            full_sell_amount: sell_amount.clone(),
            sell_amount,
            full_buy_amount: buy_amount.clone(),
            buy_amount,
            fee_policies: vec![FeePolicy {
                kind: "surplus",
                max_volume_factor: 0.01,
                factor: 0.5,
            }],
            valid_to,
            kind: if self.below(1000) < 48 { "buy" } else { "sell" },
            receiver: owner.clone(),
            owner,
            partially_fillable: self.below(1000) < 908,
            pre_interactions,
            post_interactions: vec![],
            sell_token_source: "erc20",
            buy_token_destination: "erc20",
            class: "limit",
            app_data: self.pick(app_data).clone(),
            signing_scheme: "eip712",
            signature: self.hex(65),
        }
    }

    fn pool(&mut self, index: usize, tokens: &[String]) -> Pool {
        let (id, address) = (index.to_string(), self.hex(20));
        let pair = [self.pick(tokens).clone(), self.pick(tokens).clone()];
        if self.below(100) < 60 {
            return Pool::ConstantProduct {
                id,
                address,
                router: "0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
                gas_estimate: "110000",
                tokens: pair
                    .into_iter()
                    .map(|token| (token, self.amount()))
                    .collect(),
                fee: "0.003",
            };
        }
        let ticks = 5 + self.below(76);
        Pool::ConcentratedLiquidity {
            id,
            address,
            gas_estimate: "108163",
            tokens: pair.into(),
            sqrt_price: format!("{}{}", self.next(), self.next()),
            liquidity: self.amount(),
            tick: self.below(400_000) as i32 - 200_000,
            liquidity_net: (0..ticks)
                .map(|tick| ((tick as i32 - 40) * 60, self.amount()))
                .collect(),
            fee: "0.003",
        }
    }
}

impl Auction {
    /// With 5,618 orders, 987 tokens and 2,428 pools it is about as large as mainnet's.
    pub fn generate(orders: usize) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut some = |count: usize, bytes| -> Vec<String> {
            (0..count.max(2)).map(|_| random.hex(bytes)).collect()
        };
        let addresses = some(orders * 987 / 5618, 20);
        let owners = some(orders * 690 / 2176, 20);
        let app_data = some(orders * 180 / 2176, 32);
        let tokens = addresses
            .iter()
            .map(|address| Token {
                address: address.clone(),
                decimals: 18,
                symbol: format!("T{}", random.below(9999)),
                reference_price: random.amount(),
                available_balance: random.amount(),
                trusted: random.below(2) == 0,
            })
            .collect();
        let liquidity = (0..orders * 2428 / 5618)
            .map(|index| random.pool(index, &addresses))
            .collect();
        let orders = (0..orders)
            .map(|_| random.order(&addresses, &owners, &app_data))
            .collect();
        Self {
            id: "7400681".into(),
            tokens,
            orders,
            liquidity,
            effective_gas_price: "15000000000".into(),
            deadline: "2026-01-01T00:00:00.000Z".into(),
        }
    }
}
