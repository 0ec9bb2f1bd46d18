//! What is wanted of this project, and whether it was found.

mod bound;
mod rows;
mod target;
mod verdict;
mod wanted;

pub use self::bound::Bound;
pub(crate) use self::rows::{label, of_rows};
pub use self::target::Target;
pub use self::verdict::Verdict;
pub(crate) use self::wanted::Wanted;
