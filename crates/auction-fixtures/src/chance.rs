use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Amount;
use super::universe::{Kind, scale};

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
