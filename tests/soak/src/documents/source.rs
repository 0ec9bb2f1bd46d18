use std::error::Error;
use std::sync::Arc;

use archive_sink::Archive;
use auction_fixtures::{Auction, AuctionShape};
use bytes::Bytes;
use driver_streaming::Codec;
use futures_util::stream;
use object_store::memory::InMemory;
use serde_json::value::{RawValue, to_raw_value};

use crate::decode::Hashing;
use crate::plan::Cut;

/// The id of auctions on the shelf.
pub(super) const SHELVED: &str = "shelved";

/// What all auctions are made of, and archived ones to be replayed.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the smallest to the largest.
    bases: Vec<Base>,
    sizes: Vec<usize>,
    shelf: Vec<Archive>,
    /// By the base.
    shelved: Vec<String>,
}

/// Orders, tokens and pools.
const SHAPES: [[usize; 3]; 8] = [
    [0, 0, 0],
    [1, 2, 1],
    [8, 6, 6],
    [40, 12, 30],
    [150, 40, 80],
    [500, 100, 300],
    [2_083, 730, 1_001],
    [5_618, 987, 2_428],
];

impl Source {
    /// Makes all of it.
    pub(crate) async fn new() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut least = Base::generated(SHAPES[0], 0)?;
        // An auction of which the text has an id and nothing else.
        least.members.truncate(1);
        let mut bases = vec![least];
        for (seed, shape) in (0..).zip(SHAPES) {
            bases.push(Base::generated(shape, seed)?);
        }
        let store = Arc::new(InMemory::new());
        let codecs = [
            Codec::Identity,
            Codec::gzip(3)?,
            Codec::zstd(1)?,
            Codec::brotli(2)?,
        ];
        let mut shelf = Vec::new();
        for codec in codecs {
            let name = format!("{}", codec.kind());
            let archive = Archive::builder(Arc::clone(&store) as _)
                .prefix(name.into())
                .codec(codec);
            shelf.push(archive.build()?);
        }
        let mut shelved = Vec::new();
        for (index, base) in bases.iter().enumerate() {
            let text = Bytes::from(base.text(SHELVED, &Cut::whole(false)));
            shelved.push(Hashing::of(&text).sha256());
            for archive in &shelf {
                let mut writer = archive.create(&object(index))?;
                let chunk = Ok::<_, std::convert::Infallible>(text.clone());
                writer.send_all(stream::iter([chunk])).await?;
                writer.commit().await?;
            }
        }
        let sizes = bases.iter().map(Base::text_bytes).collect();
        Ok(Self {
            bases,
            sizes,
            shelf,
            shelved,
        })
    }

    /// About how many bytes the auctions made of each base have.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(super) fn base(&self, index: usize) -> &Base {
        &self.bases[index]
    }

    /// The archive and the name of an archived auction made of this base; `variant` chooses how it is compressed.
    pub(super) fn shelved(&self, base: usize, variant: usize) -> (Archive, String) {
        let archive = self.shelf[variant % self.shelf.len()].clone();
        (archive, object(base))
    }

    /// The digest of that auction.
    pub(super) fn shelved_sha256(&self, base: usize) -> &str {
        &self.shelved[base]
    }
}

fn object(base: usize) -> String {
    format!("{base}.json")
}

/// One of the auctions that all others are made of: as a value, and as its text's members.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) auction: Arc<Auction>,
    /// Names, and texts of values.
    members: Vec<(&'static str, Box<RawValue>)>,
}

impl Base {
    fn generated([orders, tokens, pools]: [usize; 3], seed: u64) -> serde_json::Result<Self> {
        let shape = AuctionShape::new(orders, tokens, pools).with_seed(seed);
        let auction = shape.auction();
        let gas_price = &auction.effective_gas_price;
        let owners = &auction.surplus_capturing_jit_order_owners;
        let members = vec![
            ("id", to_raw_value(&auction.id)?),
            ("tokens", to_raw_value(&auction.tokens)?),
            ("orders", to_raw_value(&auction.orders)?),
            ("liquidity", to_raw_value(&auction.liquidity)?),
            ("effectiveGasPrice", to_raw_value(gas_price)?),
            ("deadline", to_raw_value(&auction.deadline)?),
            ("surplusCapturingJitOrderOwners", to_raw_value(owners)?),
        ];
        let auction = Arc::new(auction);
        Ok(Self { auction, members })
    }

    /// About how many bytes an auction made of it has.
    fn text_bytes(&self) -> usize {
        // Two quotes, a colon and a comma for each member, and the braces.
        let member = |(name, value): &(&str, Box<RawValue>)| name.len() + value.get().len() + 4;
        self.members.iter().map(member).sum::<usize>() + 1
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
        let mut text = Vec::with_capacity(self.text_bytes() + 256);
        let mut put = |piece: &str| text.extend_from_slice(piece.as_bytes());
        put(space);
        put("{");
        let kept = self.members.iter().filter(|(name, _)| cut.keeps(name));
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
            match *name {
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
