use archive_sink::{Codec, CodecKind};

use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;
use crate::codec_choice::codec_at;

/// A codec at the level that a key gives it, or at its default level.
///
/// # Errors
/// When the level is no integer, or none of the codec's.
pub(super) fn leveled(kind: CodecKind, level: Option<&Entry<'_>>) -> Result<Codec, ConfigError> {
    let Some(entry) = level else {
        return Ok(Codec::default_for(kind));
    };
    codec_at(kind, Some(entry.integer()?))
        .map_err(|message| entry.error(Problem::Level { message }))
}
