use std::sync::Arc;

use driver_streaming::{JsonDocument, LazyJson};

use super::cut::LIQUIDITY;
use super::stamped::Stamped;

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
