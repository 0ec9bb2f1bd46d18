use driver_streaming::Codec;

use crate::chance::Chance;

/// Any codec, at a level that does not take long.
pub(super) fn any_codec(chance: &mut Chance) -> Codec {
    let level = |least, most, chance: &mut Chance| {
        u8::try_from(chance.between(least, most)).unwrap_or_default()
    };
    let codec = match chance.below(4) {
        0 => return Codec::Identity,
        1 => Codec::gzip(level(1, 6, chance)),
        2 => Codec::zstd(level(1, 6, chance)),
        _ => Codec::brotli(level(0, 4, chance)),
    };
    codec.unwrap_or(Codec::Identity)
}
