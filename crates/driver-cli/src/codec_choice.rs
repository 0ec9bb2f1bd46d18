use archive_sink::{Codec, CodecKind};

use super::exit::Failure;
use driver_streaming::error_chain;

/// The codec that the options name: gzip at its default level if they name none.
pub(super) fn codec(name: Option<&str>, level: Option<i64>) -> Result<Codec, Failure> {
    let refuse = |option: &str, why: String| Failure::usage(format!("{option}: {why}"));
    let kind: CodecKind = name
        .unwrap_or(CodecKind::Gzip.name())
        .parse()
        .map_err(|error| refuse("--codec", error_chain(&error)))?;
    codec_at(kind, level).map_err(|why| refuse("--level", why))
}

/// A codec at a level, or at its default level.
///
/// # Errors
/// When the codec has no such level: a message that names neither option nor key.
pub(super) fn codec_at(kind: CodecKind, level: Option<i64>) -> Result<Codec, String> {
    let Some(level) = level else {
        return Ok(Codec::default_for(kind));
    };
    // The type of a level's error could not repeat a level that does not fit it.
    let Ok(fitting) = u8::try_from(level) else {
        let others = kind.levels().map_or_else(
            || "nor any other".to_owned(),
            |levels| format!("only {} to {}", levels.start(), levels.end()),
        );
        return Err(format!("{kind} has no level {level}, {others}"));
    };
    Codec::with_level(kind, fitting).map_err(|error| error_chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_belong_to_a_codec() {
        assert_eq!(codec(None, None).unwrap(), Codec::gzip(3).unwrap());
        assert_eq!(codec(Some("zstd"), None).unwrap(), Codec::zstd(1).unwrap());
        assert_eq!(
            codec(Some("zstd"), Some(19)).unwrap(),
            Codec::zstd(19).unwrap()
        );
        for (name, level) in [
            (Some("identity"), Some(1)),
            (Some("gzip"), Some(10)),
            (Some("gzip"), Some(-1)),
            (Some("gzip"), Some(259)),
            (Some("zstd"), Some(23)),
            (Some("brotli"), Some(12)),
            (Some("lzma"), None),
            (Some(""), None),
        ] {
            assert!(codec(name, level).is_err(), "{name:?} {level:?}");
        }
    }

    #[test]
    fn refused_levels_are_repeated_as_they_were_given() {
        for (kind, level, message) in [
            (CodecKind::Gzip, 10, "gzip has no level 10, only 1 to 9"),
            (CodecKind::Gzip, -1, "gzip has no level -1, only 1 to 9"),
            (CodecKind::Zstd, 300, "zstd has no level 300, only 1 to 22"),
            (
                CodecKind::Identity,
                300,
                "identity has no level 300, nor any other",
            ),
        ] {
            assert_eq!(codec_at(kind, Some(level)), Err(message.to_owned()));
        }
    }
}
