use std::time::Duration;

use super::sample::Sample;

/// How many samples are kept.
const MOST: usize = 256;
/// How far samples are apart at first. No picture shows less.
const FIRST_STEP: Duration = Duration::from_micros(100);

/// Samples of a count that grows, thinned to a bounded number: the first and the last are always among them, and those
/// between are further and further apart as time goes on.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    kept: Vec<Sample>,
    step: Duration,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self {
            kept: Vec::new(),
            step: FIRST_STEP,
        }
    }

    pub(super) fn as_slice(&self) -> &[Sample] {
        &self.kept
    }

    /// Appends a sample, no earlier than the last. Costs O(1), in the mean.
    pub(super) fn push(&mut self, sample: Sample) {
        // The last is there because it is the last, unless it is a step away from the one before.
        if let [.., before, last] = &mut self.kept[..]
            && last.at.saturating_sub(before.at) < self.step
        {
            *last = sample;
            return;
        }
        if self.kept.len() == MOST {
            self.thin();
        }
        self.kept.push(sample);
    }

    /// Keeps the first, the last, and between them as many as twice the step has room for.
    fn thin(&mut self) {
        let (Some(first), Some(last)) = (self.kept.first(), self.kept.last()) else {
            return;
        };
        let (mut before, last) = (first.at, last.at);
        // About half of them, however unevenly they are spread.
        let even = (last.saturating_sub(before)) / (MOST as u32 / 2);
        let step = self.step.saturating_mul(2).max(even);
        self.step = step;
        let mut index = 0;
        let most = self.kept.len();
        self.kept.retain(|sample| {
            index += 1;
            let stays = index == 1 || index == most || sample.at.saturating_sub(before) >= step;
            if stays {
                before = sample.at;
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(pauses: &[u64]) -> Vec<Sample> {
        let mut at = Duration::ZERO;
        let sample = |(bytes, pause): (usize, &u64)| {
            at += Duration::from_micros(*pause);
            let bytes = bytes as u64;
            Sample { at, bytes }
        };
        pauses.iter().enumerate().map(sample).collect()
    }

    proptest! {
        #[test]
        fn order_bound_first_and_last_are_kept(
            pauses in proptest::collection::vec(prop_oneof![0_u64..50, 0_u64..1_000_000], 1..3000),
        ) {
            let given = samples(&pauses);
            let mut thinned = Samples::new();
            for (index, sample) in given.iter().enumerate() {
                thinned.push(*sample);
                let kept = thinned.as_slice();
                prop_assert!(kept.len() <= MOST);
                prop_assert_eq!(kept.first(), given.first());
                prop_assert_eq!(kept.last(), given.get(index));
            }
            let kept = thinned.as_slice();
            prop_assert!(kept.is_sorted_by_key(|sample| (sample.at, sample.bytes)));
            prop_assert!(kept.iter().all(|sample| given.contains(sample)));
        }
    }

    #[test]
    fn an_even_flow_stays_even() {
        let mut thinned = Samples::new();
        for sample in samples(&[1000; 10_000]) {
            thinned.push(sample);
        }
        let kept = thinned.as_slice();
        assert!(kept.len() >= MOST / 2);
        let gaps = kept.windows(2).map(|pair| pair[1].at - pair[0].at);
        // Ten seconds by 256, and what halving leaves of it.
        assert!(gaps.max() <= Some(Duration::from_millis(160)));
    }
}
