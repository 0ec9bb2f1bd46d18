/// How much there is of what in an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of about 1.1 KB each.
    pub orders: usize,
    /// Of about 160 bytes each.
    pub tokens: usize,
    /// Of about 900 bytes each.
    pub pools: usize,
}

impl Shape {
    /// About 3.3 MB of JSON.
    pub const SMALL: Self = Self {
        orders: 2_083,
        tokens: 730,
        pools: 1_001,
    };

    /// About 8.5 MB of JSON, as on mainnet today.
    pub const MAINNET: Self = Self {
        orders: 5_618,
        tokens: 987,
        pools: 2_428,
    };

    /// About 26 MB of JSON.
    pub const LARGE: Self = Self {
        orders: 17_200,
        tokens: 3_020,
        pools: 7_430,
    };

    /// About 310 MB of JSON.
    pub const HUGE: Self = Self {
        orders: 203_500,
        tokens: 35_700,
        pools: 87_900,
    };

    /// About 1 GiB of JSON.
    pub const GIANT: Self = Self {
        orders: 704_800,
        tokens: 123_700,
        pools: 304_400,
    };

    /// What the shapes are called.
    pub const NAMES: [&'static str; 5] = ["small", "mainnet", "large", "huge", "giant"];

    /// The shape of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::SMALL),
            "mainnet" => Some(Self::MAINNET),
            "large" => Some(Self::LARGE),
            "huge" => Some(Self::HUGE),
            "giant" => Some(Self::GIANT),
            _ => None,
        }
    }
}
