use archive_sink::Codec;

use super::exit::Failure;
use crate::error_chain;

/// The codec that the options name: gzip at its default level if they name none.
pub(super) fn codec(name: Option<&str>, level: Option<i64>) -> Result<Codec, Failure> {
    let refuse = |option: &str, why: String| Failure::usage(format!("{option}: {why}"));
    let named: Codec = name
        .unwrap_or("gzip")
        .parse()
        .map_err(|error| refuse("--codec", error_chain(&error)))?;
    let Some(level) = level else {
        return Ok(named);
    };
    // What does not fit a level's type is out of every codec's range, as its greatest value is.
    let level = u8::try_from(level).unwrap_or(u8::MAX);
    Codec::with_level(named.kind(), level).map_err(|error| refuse("--level", error_chain(&error)))
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
}
