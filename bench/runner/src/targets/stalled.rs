use std::ops::RangeBounds;

use super::bound::Bound;
use super::rows::{OURS, label};
use super::target::Target;
use super::wanted::Wanted;
use crate::Stalled;

/// How long others wait for a branch, in all, unless its policy says otherwise: `LagPolicy::DEFAULT_PATIENCE`, in
/// milliseconds.
const PATIENCE_MS: f64 = 500.0;

const WHY: &str = "the patience for a solver that stalls is spent whole, so that this is at its bound, and what differs \
    between two runs puts it beyond";

/// What others lose by a solver that stalls.
pub(crate) fn of_stalled(found: &[Stalled]) -> Vec<Target> {
    vec![
        Wanted::new(
            "stalled_later_over_patience",
            "by how much one stalled solver makes the others later, of its patience",
            // A tenth for timers, and for what tasks that all wake at once wait for a core.
            Bound::AtMost(1.1),
        )
        .known_to_miss(WHY)
        .judge(later_over_patience(found, 1..=1)),
    ]
}

/// By how much later than without stalled solvers the last healthy one has everything, in patiences, wherever so many
/// stall.
pub(crate) fn later_over_patience(
    found: &[Stalled],
    stalled: impl RangeBounds<usize>,
) -> impl Iterator<Item = (String, f64)> {
    let later = found.iter().filter(move |found| {
        OURS.contains(&found.design) && found.stalled > 0 && stalled.contains(&found.stalled)
    });
    later.filter_map(|later| {
        let of_design = |other: &&Stalled| other.design == later.design && other.stalled == 0;
        let healthy = found.iter().find(of_design)?;
        let later_ms = later.healthy_last_ms - healthy.healthy_last_ms;
        let place = format!(
            "{}, {} of {} solvers stalled",
            label(later.design),
            later.stalled,
            later.solvers
        );
        Some((place, later_ms / PATIENCE_MS))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Design, Verdict};

    fn found(stalled: usize, healthy_last_ms: f64) -> Stalled {
        Stalled {
            design: Design::OursGzip,
            solvers: 8,
            stalled,
            deadline_ms: 4_000.0,
            healthy_middle_ms: healthy_last_ms,
            healthy_last_ms,
            peak_mib: 8.0,
            extra_threads: 0,
            cpu_ms: 200.0,
        }
    }

    #[test]
    fn others_may_be_later_by_the_patience_and_no_more() {
        for (healthy_last_ms, expected) in [(750.0, Verdict::Met), (751.0, Verdict::Missed)] {
            let found = [found(0, 200.0), found(1, healthy_last_ms), found(4, 900.0)];
            assert_eq!(of_stalled(&found)[0].verdict, expected);
            let many: Vec<_> = later_over_patience(&found, 2..).collect();
            assert_eq!((many.len(), many[0].1), (1, 1.4));
        }
        assert_eq!(
            of_stalled(&[found(1, 1.0)])[0].verdict,
            Verdict::NotMeasured
        );
    }
}
