use std::fmt;
use std::sync::Arc;

use auction_fixtures::{Auction, AuctionShape};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cut::Cut;

/// One of the auctions that all others are made of: as a value, and as its text's members.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) auction: Arc<Auction>,
    members: Members,
    text_bytes: usize,
}

impl Base {
    /// An auction of this shape.
    ///
    /// # Errors
    /// When `serde_json` cannot write it, or not read what it wrote.
    pub(super) fn generated(shape: AuctionShape) -> serde_json::Result<Self> {
        let auction = shape.auction();
        let text = serde_json::to_string(&auction)?;
        Self::new(auction, &text)
    }

    /// An auction of which the text has an id and nothing else.
    ///
    /// # Errors
    /// None, really.
    pub(super) fn least() -> serde_json::Result<Self> {
        let shape = AuctionShape {
            orders: 0,
            tokens: 0,
            pools: 0,
            seed: 0,
        };
        Self::new(shape.auction(), r#"{"id":"0"}"#)
    }

    fn new(auction: Auction, text: &str) -> serde_json::Result<Self> {
        Ok(Self {
            auction: Arc::new(auction),
            members: serde_json::from_str(text)?,
            text_bytes: text.len(),
        })
    }

    /// About how many bytes an auction made of it has.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The text of `cut`, closed, under another id.
    pub(super) fn text(&self, id: &str, cut: &Cut) -> Vec<u8> {
        self.written(id, cut, "")
    }

    /// The text of all of it, with white space around members.
    pub(super) fn spaced_text(&self, id: &str) -> Vec<u8> {
        self.written(id, &Cut::whole(false), " \n\t")
    }

    fn written(&self, id: &str, cut: &Cut, space: &str) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.text_bytes + 256);
        let mut put = |piece: &str| text.extend_from_slice(piece.as_bytes());
        put(space);
        put("{");
        let kept = self.members.0.iter().filter(|(name, _)| cut.keeps(name));
        for (index, (name, value)) in kept.enumerate() {
            if index > 0 {
                put(space);
                put(",");
            }
            put(space);
            // No name of a member of the generator needs an escape, nor does an id.
            put(&format!("\"{name}\""));
            put(space);
            put(":");
            put(space);
            match &**name {
                "id" => put(&format!("\"{id}\"")),
                name if cut.empties(name) => put("[]"),
                _ => put(value.get()),
            }
        }
        put(space);
        put("}");
        put(space);
        text
    }
}

/// The members of an object, in their order.
#[derive(Debug)]
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
