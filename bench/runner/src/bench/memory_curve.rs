use serde::Serialize;

use crate::Design;
use crate::execution::Executed;

/// Up to so many points of a curve say what there is to see, and a page stays small.
const MOST_POINTS: usize = 300;

/// The resident size of one process during one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryCurve {
    /// Which design ran.
    pub design: Design,
    /// Milliseconds since the call, and MiB over what was resident before it.
    pub points: Vec<(f64, f64)>,
    /// The largest that the kernel saw, in MiB over what was resident before.
    pub peak_mib: f64,
}

impl MemoryCurve {
    pub(crate) fn new(design: Design, executed: &Executed) -> Self {
        let run = &executed.measurement;
        let over_base = |kib: u64| (kib as f64 - run.base_rss_kib as f64) / 1024.0;
        let points = executed.resident.iter().map(|(at_ns, kib)| {
            let since_call = (*at_ns as f64 - run.called_at_ns as f64) / 1e6;
            (since_call, over_base(*kib))
        });
        let during_call = points.filter(|(at_ms, _)| (0.0..=run.wall_ms).contains(at_ms));
        let all: Vec<(f64, f64)> = [(0.0, 0.0)].into_iter().chain(during_call).collect();
        Self {
            design,
            points: thinned(&all),
            peak_mib: run.peak_rss_over_base_kib as f64 / 1024.0,
        }
    }
}

/// Of several neighbours the highest, so that no peak is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let neighbours = points.len().div_ceil(MOST_POINTS).max(1);
    points
        .chunks(neighbours)
        .filter_map(|chunk| chunk.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_peak() {
        let mut points: Vec<(f64, f64)> = (0..5_000).map(|at| (f64::from(at), 1.0)).collect();
        points[777].1 = 9.0;
        let found = thinned(&points);
        assert!(found.len() <= MOST_POINTS);
        assert!(found.contains(&(777.0, 9.0)));
        assert_eq!(thinned(&points[..3]), points[..3]);
        assert_eq!(thinned(&[]), []);
    }
}
