//! Sending an archived auction again.

mod archived_document;
mod exact_chunks;
mod member_edits;
mod member_rewriter;
mod rewrite;
mod rewrite_error;
mod value_scanner;

pub use self::archived_document::ArchivedDocument;
pub use self::rewrite_error::RewriteError;
