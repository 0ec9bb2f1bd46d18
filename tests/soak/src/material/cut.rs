/// The members that may be left out. Never the id, by which auctions are told apart.
pub(crate) const MEMBERS: [&str; 5] = [
    "tokens",
    "orders",
    "effectiveGasPrice",
    "deadline",
    "surplusCapturingJitOrderOwners",
];

/// The member that may be emptied.
pub(super) const LIQUIDITY: &str = "liquidity";

/// Which part of an auction a document is: a key of views.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cut {
    pub(crate) without: Vec<&'static str>,
    pub(crate) no_liquidity: bool,
    /// Whether it is left open, for members to be appended.
    pub(crate) open: bool,
}

impl Cut {
    /// All of it.
    pub(crate) fn whole(open: bool) -> Self {
        Self {
            without: Vec::new(),
            no_liquidity: false,
            open,
        }
    }

    pub(super) fn keeps(&self, member: &str) -> bool {
        !self.without.contains(&member)
    }

    pub(super) fn empties(&self, member: &str) -> bool {
        self.no_liquidity && member == LIQUIDITY
    }
}
