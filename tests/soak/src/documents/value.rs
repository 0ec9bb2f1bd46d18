use std::sync::Arc;

use auction_fixtures::Auction;
use driver_streaming::{JsonDocument, LazyJson};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::plan::{Cut, LIQUIDITY};

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

/// What [`Stamped`] serialises as, made while it is sent.
pub(super) fn lazy(stamped: Stamped) -> JsonDocument<LazyJson> {
    JsonDocument::lazy(move || {
        let Stamped { id, auction, cut } = stamped.clone();
        let mut object = LazyJson::object().field("id", id);
        if cut.keeps("tokens") {
            let auction = Arc::clone(&auction);
            let tokens = 0..auction.tokens.0.len();
            let token = move |index: usize| auction.tokens.0[index].clone();
            object = object.entries("tokens", tokens.map(token));
        }
        if cut.keeps("orders") {
            let auction = Arc::clone(&auction);
            let orders = 0..auction.orders.len();
            object = object.elements(
                "orders",
                orders.map(move |index| auction.orders[index].clone()),
            );
        }
        let pools = if cut.empties(LIQUIDITY) {
            0..0
        } else {
            0..auction.liquidity.len()
        };
        let shared = Arc::clone(&auction);
        object = object.elements(
            LIQUIDITY,
            pools.map(move |index| shared.liquidity[index].clone()),
        );
        if cut.keeps("deadline") {
            object = object.field("deadline", auction.deadline.clone());
        }
        object
    })
}
