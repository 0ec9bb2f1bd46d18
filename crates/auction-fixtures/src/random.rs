use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Address, Amount};

/// The random choices for one item.
///
/// ChaCha8 keyed by seed, kind and index: any item can be made without those before it, and its bytes are specified,
/// so that neither the platform nor a new version of a crate changes them. Integers only: floating-point functions
/// differ between platforms.
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

    /// A number below `bound`, which is not 0. The bias of taking a part of 64 bits is immaterial here.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scale(self.0.next_u64(), bound)
    }

    /// `middle` give or take up to `reach`, the middle being likelier, and at least 0.
    pub(super) fn around(&mut self, middle: i64, reach: u64) -> usize {
        let sum = self.below(reach + 1) + self.below(reach + 1);
        usize::try_from(middle + sum as i64 - reach as i64).unwrap_or(0)
    }

    /// An amount of `length` digits, of which the first `significant` are random and the others zero.
    pub(super) fn amount(&mut self, length: usize, significant: usize) -> Amount {
        Amount::from_random(length, significant, || self.0.next_u64())
    }

    /// `N` random bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// What random choices are about; part of the key of each.
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

/// The names that items refer to each other by, known without a list: token 7 has the same address wherever it occurs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Universe {
    pub(super) seed: u64,
    /// Tokens that orders and pools choose from: those of the auction, or a few when it lists fewer than a pool holds.
    tokens: u64,
}

impl Universe {
    pub(super) fn new(seed: u64, tokens: u64) -> Self {
        Self {
            seed,
            tokens: tokens.max(8),
        }
    }

    /// The address of item `index`, unlike that of any other index of the kind.
    pub(super) fn address(&self, kind: Kind, index: u64) -> Address {
        Address::from(self.name::<20>(kind, index))
    }

    /// At least 8 bytes that look random and are unlike the name of any other index.
    ///
    /// The first word is a bijection of the index, so that names never collide: one token twice would be one key twice.
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

    /// Two different tokens.
    pub(super) fn draw_pair(&self, chance: &mut Chance) -> [Address; 2] {
        let first = self.draw_token(chance);
        let mut second = self.draw_token(chance);
        if second == first {
            second = self.next_token(first);
        }
        [first, second].map(|token| self.address(Kind::Token, token))
    }

    /// A token, drawn as traders draw them: few are in most trades, most are in few.
    fn draw_token(&self, chance: &mut Chance) -> u64 {
        match chance.below(100) {
            0..22 => 0,
            22..45 => chance.below(7),
            _ => chance.below(self.tokens).min(chance.below(self.tokens)),
        }
    }

    /// The token after `token`, in a ring.
    fn next_token(&self, token: u64) -> u64 {
        (token + 1) % self.tokens
    }

    /// `count` different tokens, at most 8.
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

    /// Which of the earlier items the item `index` repeats, or itself: `fresh` in 4,096 are themselves.
    ///
    /// A copy of a copy is followed to the original. So the number of originals grows with the number of items, some
    /// return often and many never, as owners and `appData` do, and nothing needs to be remembered. Most copies are of
    /// one of the 16 items before: orders of one owner stand together, which a compressor with a small window sees.
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

    /// A number below `bound` for the item `index`, the numbers of any run of items being spread evenly.
    ///
    /// Multiples of an irrational number, modulo 1: a pool of a thousand ticks is as rare among any thousand pools as it
    /// is in all of them, so that the size of an auction hardly depends on its seed. `lane` 0 and 1 are independent.
    pub(super) fn spread(&self, lane: usize, index: u64, bound: u64) -> u64 {
        // The first two multiples of the plastic number's inverse: the two-dimensional golden ratio.
        const STEPS: [u64; 2] = [0xc13f_a9a9_02a6_328f, 0x91e1_0da5_c79e_7b1d];
        let start = mix(self.seed.wrapping_add(lane as u64));
        scale(start.wrapping_add(index.wrapping_mul(STEPS[lane])), bound)
    }
}

/// A number below `bound`, which is not 0, as far up as `word` is among all words.
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
