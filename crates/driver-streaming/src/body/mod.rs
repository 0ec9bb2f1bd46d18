//! Bodies of requests: one that its owner can take back, and one of an announced length.

mod cancellable_body;
mod exact_length_body;

pub(crate) use self::cancellable_body::CancellableBody;
pub(crate) use self::exact_length_body::ExactLengthBody;
