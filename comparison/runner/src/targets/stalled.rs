use super::bound::Bound;
use super::rows::{OURS, label};
use super::target::Target;
use super::wanted::Wanted;
use crate::Stalled;

/// How long others wait for a branch, in all, unless its policy says otherwise: `LagPolicy::DEFAULT_PATIENCE`, in
/// milliseconds.
const PATIENCE_MS: f64 = 500.0;

const WHY: &str = "the patience itself is spent whole, and on a busy machine two runs differ by some tens of \
    milliseconds besides";

/// What others lose by solvers that stall.
pub(crate) fn of_stalled(found: &[Stalled]) -> Vec<Target> {
    let healthy = |design, stalled| {
        let mut found = found.iter();
        found
            .find(|found| found.design == design && found.stalled == stalled)
            .map(|found| found.healthy_last_ms)
    };
    let later = found
        .iter()
        .filter(|found| OURS.contains(&found.design) && found.stalled > 0);
    let later = later.filter_map(|found| {
        let later_ms = found.healthy_last_ms - healthy(found.design, 0)?;
        let (design, stalled, solvers) = (label(found.design), found.stalled, found.solvers);
        let place = format!("{design}, {stalled} of {solvers} solvers stalled");
        Some((place, later_ms / PATIENCE_MS))
    });
    vec![
        Wanted::new(
            "stalled_later_over_patience",
            "by how much stalled solvers make the others later, of their patience",
            Bound::AtMost(1.0),
        )
        .known_to_miss(WHY)
        .judge(later),
    ]
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
        for (healthy_last_ms, expected) in [(700.0, Verdict::Met), (701.0, Verdict::Missed)] {
            let found = [found(0, 200.0), found(1, healthy_last_ms), found(4, 300.0)];
            assert_eq!(of_stalled(&found)[0].verdict, expected);
        }
        assert_eq!(
            of_stalled(&[found(1, 1.0)])[0].verdict,
            Verdict::NotMeasured
        );
    }
}
