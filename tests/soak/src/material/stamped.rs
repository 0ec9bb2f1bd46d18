use std::sync::Arc;

use auction_fixtures::Auction;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::cut::{Cut, LIQUIDITY};

/// A shared auction under an id of its own, without what is cut.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    pub(super) id: String,
    pub(super) auction: Arc<Auction>,
    pub(super) cut: Cut,
}

impl Serialize for Stamped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, auction, cut } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", id)?;
        if cut.keeps("tokens") {
            map.serialize_entry("tokens", &auction.tokens)?;
        }
        if cut.keeps("orders") {
            map.serialize_entry("orders", &auction.orders)?;
        }
        if cut.empties(LIQUIDITY) {
            map.serialize_entry(LIQUIDITY, &[(); 0])?;
        } else {
            map.serialize_entry(LIQUIDITY, &auction.liquidity)?;
        }
        if cut.keeps("deadline") {
            map.serialize_entry("deadline", &auction.deadline)?;
        }
        map.end()
    }
}
