//! Where and how auctions are archived, according to options and configuration file.

use std::sync::Weak;
use std::time::Duration;

use archive_sink::{Archive, Codec, CodecKind, Spool};
use clap::Args;
use driver_streaming::{ArchiveTarget, PipelineBuilder, error_chain};
use tokio::time::sleep;

use crate::config::{ArchiveConfig, Config};
use crate::exit::Failure;
use crate::option_values::{codec_at, parse_duration};
use crate::spooling::{SpoolArguments, Uploading};
use crate::store_location::StoreLocation;

/// How long the archive may take by default.
pub(crate) const ARCHIVE_LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct ArchiveArguments {
    /// Where to archive: a folder or a file://, s3://, gs://, az:// or memory:// URL. Credentials and endpoints come from
    /// the usual environment variables, such as `AWS_ENDPOINT_URL`.
    #[arg(long, value_name = "URL|DIR")]
    archive: Option<String>,

    /// The codec that compresses the archive [default: gzip].
    #[arg(long, value_name = "gzip|zstd|brotli|identity")]
    codec: Option<CodecKind>,

    /// The codec's level: gzip 1 to 9 [default: 3], zstd 1 to 22 [default: 1], brotli 0 to 11 [default: 1].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    level: Option<i64>,

    /// How long the archive may take, independent of the solvers [default: 2m].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    archive_limit: Option<Duration>,

    #[command(flatten)]
    spool: SpoolArguments,
}

pub(crate) struct Placement {
    location: String,
    /// The option or the key of the configuration file, which messages begin with.
    said_by: String,
    codec: Codec,
    limit: Duration,
    /// Whether a file in a folder is synced before it counts as archived.
    sync: bool,
}

/// The archive, and its spool if there is one.
pub(crate) struct Archiving {
    pub(crate) archive: Archive,
    pub(crate) spool: Option<Spool>,
    target: ArchiveTarget,
    limit: Duration,
    is_local: bool,
}

impl ArchiveArguments {
    /// Reads options and configuration file, and opens nothing. `None` if no archive is asked for.
    pub(crate) fn placement(&self, config: &Config) -> Result<Option<Placement>, Failure> {
        let table = config.archive.as_ref().map(|archive| archive.get_ref());
        let codec = self.codec(table)?;
        let Some((location, said_by)) = archive_location(self.archive.as_ref(), config)? else {
            return match self.spool == SpoolArguments::default() {
                true => Ok(None),
                false => Err(Failure::usage(
                    "--spool: there is no --archive to upload to",
                )),
            };
        };
        let limit = self.archive_limit.or(table.and_then(|table| table.limit));
        Ok(Some(Placement {
            location,
            said_by,
            codec,
            limit: limit.unwrap_or(ARCHIVE_LIMIT),
            sync: table.and_then(|table| table.sync).unwrap_or(true),
        }))
    }

    /// Sets the archive up, and opens its spool.
    pub(crate) async fn open(
        &self,
        placement: &Placement,
        config: &Config,
    ) -> Result<Archiving, Failure> {
        let (said_by, limit) = (&placement.said_by, placement.limit);
        let location = StoreLocation::for_writing(&placement.location, limit, placement.sync);
        let location = location.map_err(Failure::input(said_by))?;
        let archive = location.archive().codec(placement.codec).build();
        let archive = archive.map_err(Failure::input(said_by))?;
        let mut target = location.target(archive.clone());
        let url = target.url_of(location.place().1);
        let spool = self.spool.open(config, url.as_str()).await?;
        if let Some(spool) = &spool {
            target = target.spooled(spool.clone());
        }
        Ok(Archiving {
            archive,
            spool,
            target,
            is_local: location.is_local(),
            limit,
        })
    }

    /// The codec of the option, else of the configuration file, else gzip. A level in the file applies to its codec only.
    fn codec(&self, config: Option<&ArchiveConfig>) -> Result<Codec, Failure> {
        let (codec, level) = match (self.codec, config) {
            (None, Some(config)) => (config.codec, config.level.as_ref()),
            (codec, _) => (codec, None),
        };
        let level = self.level.or(level.map(|level| *level.get_ref()));
        codec_at(codec.unwrap_or(CodecKind::Gzip), level)
            .map_err(|why| Failure::usage(format!("--level: {why}")))
    }
}

/// The location, and the option or the place in the configuration file that it comes from.
pub(crate) fn archive_location(
    option: Option<&String>,
    config: &Config,
) -> Result<Option<(String, String)>, Failure> {
    if let Some(location) = option {
        return Ok(Some((location.clone(), "--archive".to_owned())));
    }
    let Some(archive) = &config.archive else {
        return Ok(None);
    };
    match &archive.get_ref().location {
        Some(location) => Ok(Some((location.get_ref().clone(), config.place(location)))),
        // A table that says how to archive asks for an archive.
        None => Err(Failure::usage(format!(
            "{}: the key location is missing, and there is no --archive either",
            config.place(archive)
        ))),
    }
}

impl Archiving {
    pub(crate) fn add_to(&self, builder: PipelineBuilder) -> PipelineBuilder {
        builder
            .archive(self.target.clone())
            .archive_limit(self.limit)
    }

    /// Finds out whether the store supports conditional writes, so that outcomes promise no more than it keeps. Tries until
    /// the store has answered or the archive is no longer in use. Folders are not asked.
    pub(crate) async fn find_out(this: Weak<Self>) {
        let mut pause = Duration::from_secs(5);
        while let Some(archive) = this
            .upgrade()
            .filter(|this| !this.is_local)
            .map(|this| this.archive.clone())
        {
            match archive.check().await {
                Ok(access) if access.exclusive_put == Some(false) => {
                    tracing::warn!(
                        "the archive's store does not support conditional writes: the archive looks for an existing object \
                         first, and may replace one that is written at the same moment (checked_before)"
                    );
                    return;
                }
                Ok(_) => return,
                Err(error) => {
                    let why = error_chain(&error);
                    tracing::warn!(
                        "the archive's store cannot be checked yet, and auctions are still accepted: {why}"
                    );
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(600));
        }
    }

    /// Starts to upload what is in the spool, if there is one.
    pub(crate) async fn upload(&self) -> Result<Option<Uploading>, Failure> {
        match &self.spool {
            Some(spool) => Uploading::start(spool, &self.archive).await.map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn levels_belong_to_a_codec_of_options() {
        let codec_of_options = |codec, level| {
            let arguments = ArchiveArguments {
                codec,
                level,
                ..ArchiveArguments::default()
            };
            arguments.codec(None)
        };
        for (kind, level, codec) in [
            (None, None, Codec::gzip(3)),
            (Some(CodecKind::Zstd), None, Codec::zstd(1)),
            (Some(CodecKind::Zstd), Some(19), Codec::zstd(19)),
        ] {
            assert_eq!(codec_of_options(kind, level).unwrap(), codec.unwrap());
        }
        for (kind, level) in [
            (CodecKind::Identity, 1),
            (CodecKind::Gzip, 10),
            (CodecKind::Gzip, -1),
            (CodecKind::Gzip, 259),
            (CodecKind::Zstd, 23),
            (CodecKind::Brotli, 12),
        ] {
            assert!(
                codec_of_options(Some(kind), Some(level)).is_err(),
                "{kind} {level}"
            );
        }
        for name in ["lzma", ""] {
            let words = ["driver-streaming", "solve", "--codec", name];
            assert!(Arguments::try_parse_from(words).is_err(), "{name}");
        }
    }
}
