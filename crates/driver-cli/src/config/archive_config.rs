use std::fmt;
use std::time::Duration;

use archive_sink::{Codec, CodecKind};

use super::config_error::ConfigError;
use super::entry::Entry;
use super::leveled::leveled;
use super::location::location;
use super::placed::Placed;
use super::problem::Problem;

pub(super) const KEYS: [&str; 4] = ["location", "codec", "level", "limit"];

/// `[archive]`: where a copy is kept, and how.
///
/// Its debug output does not show the location, which may carry a password.
#[derive(Clone)]
pub(crate) struct ArchiveConfig {
    /// `location`: a folder or a URL, for [`StoreLocation::folder`](crate::StoreLocation::folder).
    pub(crate) location: Option<Placed<String>>,
    /// `codec` at `level`: gzip at its default level without a codec.
    pub(crate) codec: Codec,
    /// `limit`: how long the archive may take.
    pub(crate) limit: Option<Duration>,
}

impl ArchiveConfig {
    pub(super) fn read(entry: &Entry<'_>) -> Result<Self, ConfigError> {
        let section = entry.section()?.allow(&KEYS)?;
        let level = section.get("level");
        let codec = match (section.get("codec"), &level) {
            (Some(codec), level) => {
                let kind: CodecKind = codec
                    .text()?
                    .parse()
                    .map_err(|error| codec.error(Problem::Codec(error)))?;
                leveled(kind, level.as_ref())?
            }
            (None, Some(level)) => return Err(level.error(Problem::Alone { other: "codec" })),
            (None, None) => Codec::default_for(CodecKind::Gzip),
        };
        Ok(Self {
            location: section
                .get("location")
                .map(|entry| Ok(entry.placed(location(&entry)?)))
                .transpose()?,
            codec,
            limit: section
                .get("limit")
                .map(|entry| entry.duration())
                .transpose()?,
        })
    }
}

impl fmt::Debug for ArchiveConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ArchiveConfig")
            .field("location", &self.location.as_ref().map(|_location| "***"))
            .field("codec", &self.codec)
            .field("limit", &self.limit)
            .finish()
    }
}
