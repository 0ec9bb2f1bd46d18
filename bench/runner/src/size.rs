use auction_fixtures::AuctionShape;
use clap::ValueEnum;
use serde::Serialize;

/// How large an auction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// 3.3 MB.
    Small,
    /// 8.5 MB, as on mainnet today.
    Mainnet,
    /// 26 MB.
    Large,
    /// 310 MB.
    Huge,
    /// 1 GiB.
    Giant,
}

impl Size {
    /// Those that auctions have today, or may have soon.
    pub const TYPICAL: [Self; 3] = [Self::Small, Self::Mainnet, Self::Large];

    /// What the compared programs call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Mainnet => "mainnet",
            Self::Large => "large",
            Self::Huge => "huge",
            Self::Giant => "giant",
        }
    }

    pub(crate) fn shape(self) -> AuctionShape {
        match self {
            Self::Small => AuctionShape::SMALL,
            Self::Mainnet => AuctionShape::MAINNET,
            Self::Large => AuctionShape::LARGE,
            Self::Huge => AuctionShape::HUGE,
            Self::Giant => AuctionShape::GIANT,
        }
    }
}
