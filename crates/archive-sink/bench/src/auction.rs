//! Auctions as a driver holds them: typed, and of about the shape that mainnet has.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auction {
    id: u64,
    tokens: Vec<Token>,
    orders: Vec<Order>,
    deadline: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    address: String,
    decimals: u8,
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
    buy_amount: String,
    valid_to: u32,
    kind: &'static str,
    owner: String,
    partially_fillable: bool,
    class: &'static str,
    app_data: String,
    signing_scheme: &'static str,
    signature: String,
    pre_interactions: Vec<Interaction>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interaction {
    target: String,
    value: String,
    call_data: String,
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
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
        format!(
            "{}{:09}",
            self.next() % 1_000_000_000_000,
            self.next() % 1_000_000_000
        )
    }
}

impl Auction {
    /// About 1.7 KB for each order.
    pub fn generate(orders: usize) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let tokens: Vec<_> = (0..orders.min(2_000).max(10))
            .map(|_| Token {
                address: random.hex(20),
                decimals: 18,
                reference_price: random.amount(),
                available_balance: random.amount(),
                trusted: true,
            })
            .collect();
        let orders = (0..orders)
            .map(|_| {
                let mut token = || {
                    let index = random.next() as usize % tokens.len();
                    tokens[index].address.clone()
                };
                let (sell_token, buy_token) = (token(), token());
                let owner = random.hex(20);
                let target = random.hex(20);
                // Call data is mostly zero padding around addresses, as ABI encoding makes it.
                let padding = "0".repeat(24 + 64 * 9);
                let call_data = format!("{}{padding}{}", random.hex(4), &random.hex(20)[2..]);
                Order {
                    uid: random.hex(56),
                    sell_token,
                    buy_token,
                    sell_amount: random.amount(),
                    buy_amount: random.amount(),
                    valid_to: 1_700_000_000 + (random.next() % 1_000_000) as u32,
                    kind: "sell",
                    owner,
                    partially_fillable: random.next() % 2 == 0,
                    class: "limit",
                    app_data: random.hex(32),
                    signing_scheme: "eip712",
                    signature: random.hex(65),
                    pre_interactions: vec![Interaction {
                        target,
                        value: "0".into(),
                        call_data,
                    }],
                }
            })
            .collect();
        Self {
            id: 7_400_681,
            tokens,
            orders,
            deadline: "2026-01-01T00:00:00.000Z".into(),
        }
    }
}
