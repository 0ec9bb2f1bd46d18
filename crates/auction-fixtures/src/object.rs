use serde::{Serialize, Serializer};

use super::Address;

/// A JSON object whose keys are addresses, in the order in which it was filled.
///
/// A list, since the order must be the same in every run; whoever fills it sees to it that no address comes twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<T>(pub Vec<(Address, T)>);

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(address, value)| (address, value)))
    }
}
