//! The tees of one run, and what their readers have in common.

mod encoded_feed;
mod feed;
mod feeds;
mod parkable;
mod shared_document;
mod tee_settings;

pub(crate) use self::feed::Feed;
pub(crate) use self::feeds::{Feeds, Reader};
pub(crate) use self::tee_settings::{PRODUCTIONS_AT_ONCE, TeeSettings};
