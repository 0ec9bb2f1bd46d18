//! Where archives go: stores that fail as planned, and a look at what they keep.

mod faulty_store;
mod faulty_upload;
mod record;
mod shop;
mod strike;

pub(crate) use self::shop::Shop;
pub(crate) use self::strike::{Fault, StoreCall, Strike};
