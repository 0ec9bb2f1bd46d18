//! A body that its owner can take back.

mod cancellable_body;

pub(crate) use self::cancellable_body::CancellableBody;
