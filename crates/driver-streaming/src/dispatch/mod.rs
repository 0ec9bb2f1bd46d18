//! What one run sends to whom.

mod dispatch;
mod view;

pub use self::dispatch::Dispatch;
pub(crate) use self::dispatch::Share;
pub use self::view::View;
