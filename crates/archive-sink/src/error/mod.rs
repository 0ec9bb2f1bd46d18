mod abort;
mod build;
mod check;
mod codec;
mod commit;
mod create;
mod encode;
mod open;
mod read;
mod send;
mod write;

pub use abort::AbortError;
pub use build::BuildError;
pub use check::CheckError;
pub use codec::CodecError;
pub use commit::CommitError;
pub use create::CreateError;
pub use encode::EncodedStreamError;
pub use open::OpenError;
pub use read::ReadError;
pub use send::SendError;
pub use write::WriteError;

/// An error of a caller's stream, or of a store, that several results refer to.
pub(crate) type SharedError = std::sync::Arc<dyn std::error::Error + Send + Sync>;
