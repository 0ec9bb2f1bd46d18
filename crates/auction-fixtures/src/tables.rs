//! Measured distributions, as quantiles.

/// Ticks of a concentrated-liquidity pool: of 65,536 pools, how many have at most so many ticks.
///
/// Median 10, 95th percentile 192, maximum 1,213, mean 43.
const TICKS: [(u64, u64); 11] = [
    (0, 2),
    (16_384, 4),
    (32_768, 10),
    (49_152, 24),
    (55_706, 60),
    (58_982, 105),
    (62_259, 192),
    (63_570, 280),
    (64_881, 500),
    (65_208, 750),
    (65_536, 1_213),
];

/// Where quantiles end: 1.0.
pub(super) const QUANTILES: u64 = 1 << 32;

/// The number of ticks at `quantile`, which is below [`QUANTILES`].
pub(super) fn ticks(quantile: u64) -> u64 {
    let (mut below, mut least) = TICKS[0];
    for (above, most) in TICKS {
        if quantile < above << 16 {
            return least + ((quantile - (below << 16)) * (most - least)) / ((above - below) << 16);
        }
        (below, least) = (above, most);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_measured() {
        let at = |share: f64| ticks((share * QUANTILES as f64) as u64);
        assert_eq!(at(0.0), 2);
        assert_eq!(at(0.5), 10);
        assert!((191..=192).contains(&at(0.95)));
        assert!((1_212..=1_213).contains(&ticks(QUANTILES - 1)));
        let mean = (0..10_000)
            .map(|step| at(f64::from(step) / 10_000.0))
            .sum::<u64>() as f64
            / 10_000.0;
        assert!((41.0..45.0).contains(&mean), "mean {mean}");
    }
}
