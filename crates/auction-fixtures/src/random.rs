use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Address, Amount};

/// The random choices for one item.
///
/// This is ChaCha8, keyed by seed, kind and index. So each item can be generated without those before it. The output of
/// ChaCha8 is specified, so neither the platform nor a new version of a crate changes it. Only integers are used, because
/// floating-point functions differ between platforms.
#[derive(Debug)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64, kind: Kind, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(kind as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns a number below `bound`, which is not 0. The bias of scaling 64 bits is immaterial here.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scale(self.0.next_u64(), bound)
    }

    /// Returns a number within `reach` of `middle`, and at least 0. Numbers near the middle are likelier.
    pub(super) fn around(&mut self, middle: i64, reach: u64) -> usize {
        let sum = self.below(reach + 1) + self.below(reach + 1);
        usize::try_from(middle + sum as i64 - reach as i64).unwrap_or(0)
    }

    /// Returns an amount of `length` digits, of which the first `significant` are random and the others zero.
    pub(super) fn amount(&mut self, length: usize, significant: usize) -> Amount {
        Amount::from_random(length, significant, || self.0.next_u64())
    }

    /// Returns an amount of about `middle` digits, all of them random.
    pub(super) fn amount_around(&mut self, middle: i64, reach: u64) -> Amount {
        let length = self.around(middle, reach);
        self.amount(length, length)
    }

    /// Returns `N` random bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// What a random choice concerns. It is part of the key of the choice.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Auction = 1,
    Token,
    Order,
    Pool,
    Owner,
    AppData,
    Pair,
    Expiry,
    Contract,
}

/// The names by which items refer to each other. They are computed: token 7 has the same address everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Universe {
    pub(super) seed: u64,
    /// How many tokens orders and pools choose from: those of the auction, or a few if it has fewer than a pool holds.
    tokens: u64,
}

impl Universe {
    pub(super) fn new(seed: u64, tokens: u64) -> Self {
        Self {
            seed,
            tokens: tokens.max(8),
        }
    }

    /// Returns the address of an item, which differs from that of any other index of the kind.
    pub(super) fn address(&self, kind: Kind, index: u64) -> Address {
        Address::from(self.name::<20>(kind, index))
    }

    /// Returns at least 8 bytes that look random and differ from the name of any other index.
    ///
    /// The first word is a bijection of the index, so names never collide. A collision would repeat a key.
    pub(super) fn name<const N: usize>(&self, kind: Kind, index: u64) -> [u8; N] {
        let mut name = [0; N];
        let salt = mix(self.seed.wrapping_add(mix(kind as u64)));
        let mut word = mix(index ^ salt);
        for part in name.chunks_mut(8) {
            part.copy_from_slice(&word.to_be_bytes()[..part.len()]);
            word = mix(word ^ salt.rotate_left(32));
        }
        name
    }

    /// Returns two different tokens.
    pub(super) fn draw_pair(&self, chance: &mut Chance) -> [Address; 2] {
        let first = self.draw_token(chance);
        let mut second = self.draw_token(chance);
        if second == first {
            second = self.next_token(first);
        }
        [first, second].map(|token| self.address(Kind::Token, token))
    }

    /// Returns a token with the frequency of real trades: few tokens are in most trades, and most are in few.
    fn draw_token(&self, chance: &mut Chance) -> u64 {
        match chance.below(100) {
            0..22 => 0,
            22..45 => chance.below(7),
            _ => chance.below(self.tokens).min(chance.below(self.tokens)),
        }
    }

    /// Returns the token after `token`, and the first one after the last.
    fn next_token(&self, token: u64) -> u64 {
        (token + 1) % self.tokens
    }

    /// Returns `count` different tokens, at most 8.
    pub(super) fn draw_tokens(&self, chance: &mut Chance, count: usize) -> Vec<u64> {
        let mut tokens = Vec::with_capacity(count);
        while tokens.len() < count {
            let mut token = self.draw_token(chance);
            while tokens.contains(&token) {
                token = self.next_token(token);
            }
            tokens.push(token);
        }
        tokens
    }

    /// Returns the earlier item that an item repeats, or the item itself. Of 4,096 items, `fresh` are new.
    ///
    /// A copy of a copy is traced to the original. So the number of originals grows with the number of items, and some
    /// return often and many never, as owners and `appData` do. Nothing needs to be remembered. Most copies repeat one of
    /// the 16 items before, so orders of one owner are close together, which a compressor with a small window detects.
    pub(super) fn original(&self, kind: Kind, mut index: u64, fresh: u64) -> u64 {
        let salt = mix(self.seed ^ mix(kind as u64));
        while index > 0 {
            let word = mix(index.wrapping_add(salt));
            if word % 4_096 < fresh {
                break;
            }
            let reach = if (word >> 12) % 16 < 15 {
                index.min(16)
            } else {
                index
            };
            index -= 1 + scale(mix(word), reach);
        }
        index
    }

    /// Returns a number below `bound` for an item. The numbers of any run of items are spread evenly.
    ///
    /// It uses multiples of an irrational number, modulo 1. A pool of a thousand ticks is as rare among any thousand pools as
    /// it is overall, so the size of an auction hardly depends on its seed. `lane` 0 and 1 are independent.
    pub(super) fn spread(&self, lane: usize, index: u64, bound: u64) -> u64 {
        // The first two multiples of the plastic number's inverse: the two-dimensional golden ratio.
        const STEPS: [u64; 2] = [0xc13f_a9a9_02a6_328f, 0x91e1_0da5_c79e_7b1d];
        let start = mix(self.seed.wrapping_add(lane as u64));
        scale(start.wrapping_add(index.wrapping_mul(STEPS[lane])), bound)
    }
}

/// Scales `word` to a number below `bound`, which is not 0.
fn scale(word: u64, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> 64) as u64
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a bijection.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
