/// The most parts that S3 lets an upload have
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const MAX_PARTS: usize = 10_000;

/// The smallest part, but for the last, that S3 and Google Cloud Storage take: 5 MiB.
pub(crate) const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The largest part that S3 takes: 5 GiB.
pub(crate) const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// After this many parts, parts grow by the size of the first.
///
/// 10,000 parts that grow like this hold 213,360 times the first: 1.02 TiB from 5 MiB, and none is larger
/// than 42 times the first. An upload below 240 parts, 1.17 GiB from 5 MiB, has equal parts.
const PARTS_PER_STEP: usize = 240;

/// How large the part with this index is, from 0.
pub(crate) fn part_bytes(first: usize, index: usize) -> usize {
    let step = (index / PARTS_PER_STEP + 1) as u64;
    let bytes = (first as u64).saturating_mul(step).min(MAX_PART_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_of_the_smallest_first_size_hold_a_tebibyte() {
        let total: u64 = (0..MAX_PARTS)
            .map(|index| part_bytes(MIN_PART_BYTES, index) as u64)
            .sum();
        assert_eq!(total, 213_360 * MIN_PART_BYTES as u64);
        assert!(total >= 1 << 40);
    }

    #[test]
    fn parts_grow_slowly_never_shrink_and_stay_within_what_s3_takes() {
        for first in [1, MIN_PART_BYTES, 4 << 30] {
            let mut last = first;
            for index in 0..MAX_PARTS {
                let next = part_bytes(first, index);
                assert!(next >= last && next - last <= first && next as u64 <= MAX_PART_BYTES);
                last = next;
            }
        }
        assert_eq!(part_bytes(8, PARTS_PER_STEP - 1), 8);
        assert_eq!(part_bytes(8, PARTS_PER_STEP), 16);
        assert_eq!(
            part_bytes(MIN_PART_BYTES, MAX_PARTS - 1),
            42 * MIN_PART_BYTES
        );
    }
}
