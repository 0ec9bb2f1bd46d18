use std::error::Error;
use std::sync::Arc;

use archive_sink::Archive;
use auction_fixtures::AuctionShape;
use bytes::Bytes;
use driver_streaming::Codec;
use futures_util::stream;
use object_store::memory::InMemory;

use super::base::Base;
use super::cut::Cut;
use crate::hashing::Hashing;

/// The id of auctions on the shelf.
const SHELVED: &str = "shelved";

/// What all auctions are made of, and archived ones to be replayed.
#[derive(Debug)]
pub(crate) struct Corpus {
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

impl Corpus {
    /// Makes all of it.
    ///
    /// # Errors
    /// When that fails, which would be a defect.
    pub(crate) async fn new() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut bases = vec![Base::least()?];
        for (index, [orders, tokens, pools]) in SHAPES.into_iter().enumerate() {
            let seed = index as u64;
            bases.push(Base::generated(AuctionShape {
                orders,
                tokens,
                pools,
                seed,
            })?);
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
