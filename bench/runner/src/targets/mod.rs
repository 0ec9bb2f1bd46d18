//! What is wanted of this project, and whether it was found.

mod bound;
mod micro;
mod rows;
mod stalled;
mod target;
mod verdict;
mod wanted;

pub use self::bound::Bound;
pub(crate) use self::micro::of_micro;
pub(crate) use self::rows::{OURS, key, label, of_rows, ratios};
pub(crate) use self::stalled::{later_over_patience, of_stalled};
pub use self::target::Target;
pub use self::verdict::Verdict;
