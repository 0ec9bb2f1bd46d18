use serde::Serialize;

use super::call;
use super::chance::Chance;
use super::universe::{Kind, Universe};
use super::{Address, Amount, ByteString};

/// A call that settles with an order: its hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interaction {
    /// The contract that is called.
    pub target: Address,
    /// Wei that is sent along.
    pub value: Amount,
    /// The encoded call.
    pub call_data: ByteString,
}

impl Interaction {
    /// A hook of an order of `owner`.
    pub(super) fn generate(universe: &Universe, chance: &mut Chance, owner: Address) -> Self {
        // Nearly all are permits, of one length; the longest has 900 bytes.
        let words = if chance.below(100) < 96 {
            15
        } else {
            16 + chance.below(13) as usize
        };
        let mut call_data = vec![0x76, 0x0f, 0x2a, 0x0b];
        call_data.extend(call::arguments(chance, owner, words));
        Self {
            target: universe.address(Kind::Contract, 16),
            value: Amount::from(0),
            call_data: ByteString(call_data),
        }
    }
}
