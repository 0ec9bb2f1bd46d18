//! When each reader took its bytes, for the report. Memory is bounded. All times count from the run's start.

use std::time::Duration;

use driver_streaming::{Observer, Progress, Stage};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How many samples are kept of an attempt.
const MOST_SAMPLES: usize = 256;
/// How far samples are apart at first.
const FIRST_STEP: Duration = Duration::from_micros(100);
/// How many waits are kept of an attempt.
const MOST_WAITS: usize = 64;
/// The shortest wait that is kept.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// The timelines of all readers of one run.
pub(crate) struct Timelines(Vec<Mutex<Timeline>>);

impl Timelines {
    /// Starts an empty timeline for each reader of `progress`.
    pub(crate) fn of(progress: &Progress) -> Self {
        let origin = Instant::now();
        let readers = progress.readers();
        Self(readers.map(|_| Mutex::new(Timeline::new(origin))).collect())
    }

    /// A copy of each reader's timeline, in the order of `progress`.
    pub(super) fn seen(&self) -> impl Iterator<Item = Timeline> {
        self.0.iter().map(|reader| reader.lock().clone())
    }

    fn change(&self, reader: usize, change: impl FnOnce(&mut Timeline)) {
        if let Some(reader) = self.0.get(reader) {
            change(&mut reader.lock());
        }
    }
}

impl Observer for Timelines {
    fn entered(&self, reader: usize, stage: Stage) {
        self.change(reader, |timeline| timeline.entered(stage));
    }

    fn taken(&self, reader: usize, bytes: usize) {
        self.change(reader, |timeline| timeline.taken(bytes as u64));
    }

    fn waits_for_data(&self, solver: usize) {
        self.change(solver, Timeline::waits_for_data);
    }

    fn restarted(&self, reader: usize) {
        self.change(reader, Timeline::restarted);
    }
}

/// The last attempt of one reader, after all others had failed.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    origin: Instant,
    pub(super) last: Attempt,
    pub(super) ended: Option<Duration>,
}

impl Timeline {
    pub(super) fn new(origin: Instant) -> Self {
        Self {
            origin,
            last: Attempt::default(),
            ended: None,
        }
    }

    pub(super) fn taken(&mut self, bytes: u64) {
        if bytes > 0 {
            self.last.taken(self.origin.elapsed(), bytes);
        }
    }

    /// Notes that data was asked for that is not there yet.
    pub(super) fn waits_for_data(&mut self) {
        let asked = &mut self.last.asked;
        *asked = asked.or_else(|| Some(self.origin.elapsed()));
    }

    pub(super) fn restarted(&mut self) {
        self.last = Attempt {
            started: self.origin.elapsed(),
            ..Attempt::default()
        };
    }

    pub(super) fn entered(&mut self, stage: Stage) {
        let now = self.origin.elapsed();
        match stage {
            Stage::Waiting | Stage::Thinking => {}
            Stage::Sending => self.last.sending = self.last.sending.or(Some(now)),
            Stage::Answering => self.last.answered = self.last.answered.or(Some(now)),
            Stage::Ok | Stage::Failed => self.ended = Some(now),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) started: Duration,
    /// When the request or the archive's object began.
    pub(super) sending: Option<Duration>,
    /// When the answer or the archive's commit began.
    pub(super) answered: Option<Duration>,
    pub(super) samples: Samples,
    waits: Vec<Waited>,
    /// When data was asked for that was not there, since the last bytes.
    asked: Option<Duration>,
}

impl Attempt {
    fn taken(&mut self, at: Duration, bytes: u64) {
        let taken = self.samples.kept.last().map_or(0, |(_, taken)| *taken);
        self.waits = self.waits_until(at);
        self.asked = None;
        self.samples.push((at, taken.saturating_add(bytes)));
    }

    /// The waits until `at`, including the current one.
    pub(super) fn waits_until(&self, at: Duration) -> Vec<Waited> {
        let mut waits = self.waits.clone();
        let last = self.samples.kept.last().map(|(last, _)| *last);
        let asked = self.asked.unwrap_or(at).min(at);
        if let Some(last) = last {
            note(&mut waits, (last, asked, Wait::ForReader));
        }
        note(&mut waits, (asked, at, Wait::ForData));
        waits
    }
}

/// How many bytes had been taken at a time.
type Sample = (Duration, u64);

/// Samples of a growing count, thinned to a bounded number. The first and the latest are always among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) kept: Vec<Sample>,
    step: Duration,
}

impl Samples {
    pub(super) fn ends(&self) -> Option<(Duration, Duration)> {
        Some((self.kept.first()?.0, self.kept.last()?.0))
    }

    pub(super) fn taken_by(&self, at: Duration) -> u64 {
        let later = self.kept.partition_point(|(sampled, _)| *sampled <= at);
        later.checked_sub(1).map_or(0, |index| self.kept[index].1)
    }

    fn push(&mut self, sample: Sample) {
        // Replaces the latest sample unless it is a step away from the one before.
        if let [.., before, last] = &mut self.kept[..]
            && last.0.saturating_sub(before.0) < self.step.max(FIRST_STEP)
        {
            *last = sample;
            return;
        }
        if self.kept.len() == MOST_SAMPLES {
            self.thin();
        }
        self.kept.push(sample);
    }

    /// Drops every second sample, and spaces later ones as far apart as those that are left.
    fn thin(&mut self) {
        let span = self
            .ends()
            .map_or(Duration::ZERO, |(first, last)| last - first);
        self.step = (self.step * 2).max(span / (MOST_SAMPLES as u32 / 2));
        let mut stays = false;
        self.kept.retain(|_| {
            stays = !stays;
            stays
        });
    }
}

/// What a body waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    ForData,
    ForReader,
}

/// A wait, from when to when.
pub(super) type Waited = (Duration, Duration, Wait);

/// Adds a wait, of which the longest are kept.
fn note(waits: &mut Vec<Waited>, wait: Waited) {
    let length = |(from, to, _): &Waited| to.saturating_sub(*from);
    if length(&wait) < SHORTEST_WAIT {
        return;
    }
    waits.push(wait);
    if waits.len() > MOST_WAITS {
        let shortest = (0..waits.len()).min_by_key(|index| length(&waits[*index]));
        waits.remove(shortest.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn says_when_what_happened() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.entered(Stage::Sending);
        timeline.waits_for_data();
        tokio::time::advance(10 * MILLISECOND).await;
        timeline.waits_for_data();
        timeline.taken(5);
        timeline.taken(0);
        tokio::time::advance(100 * MILLISECOND).await;
        timeline.taken(7);
        tokio::time::advance(MILLISECOND).await;
        let first = timeline.last.clone();
        timeline.restarted();
        timeline.entered(Stage::Sending);
        tokio::time::advance(MILLISECOND).await;
        timeline.entered(Stage::Answering);
        tokio::time::advance(MILLISECOND).await;
        timeline.entered(Stage::Ok);

        let second = &timeline.last;
        assert_eq!(first.sending, Some(Duration::ZERO));
        assert_eq!(
            first.samples.kept,
            [(10 * MILLISECOND, 5), (110 * MILLISECOND, 12)]
        );
        let wait = (10 * MILLISECOND, 110 * MILLISECOND, Wait::ForReader);
        assert_eq!(first.waits[1..], [wait]);
        let at_first = (Duration::ZERO, 10 * MILLISECOND, Wait::ForData);
        assert_eq!(first.waits[0], at_first);
        assert_eq!(first.samples.taken_by(9 * MILLISECOND), 0);
        assert_eq!(first.samples.taken_by(10 * MILLISECOND), 5);
        assert_eq!(first.samples.taken_by(MILLISECOND * 999), 12);
        assert_eq!(first.answered, None);
        assert_eq!(second.started, 111 * MILLISECOND);
        assert_eq!(second.answered, Some(112 * MILLISECOND));
        assert!(second.samples.kept.is_empty());
        assert_eq!(timeline.ended, Some(113 * MILLISECOND));
    }

    fn samples(pauses: &[u64]) -> Vec<Sample> {
        let mut at = Duration::ZERO;
        let sample = |(bytes, pause): (usize, &u64)| {
            at += Duration::from_micros(*pause);
            (at, bytes as u64)
        };
        pauses.iter().enumerate().map(sample).collect()
    }

    proptest! {
        #[test]
        fn order_bound_first_and_last_are_kept(
            pauses in proptest::collection::vec(prop_oneof![0_u64..50, 0_u64..1_000_000], 1..3000),
        ) {
            let given = samples(&pauses);
            let mut thinned = Samples::default();
            for (index, sample) in given.iter().enumerate() {
                thinned.push(*sample);
                let kept = &thinned.kept;
                prop_assert!(kept.len() <= MOST_SAMPLES);
                prop_assert_eq!(kept.first(), given.first());
                prop_assert_eq!(kept.last(), given.get(index));
            }
            prop_assert!(thinned.kept.is_sorted());
            prop_assert!(thinned.kept.iter().all(|sample| given.contains(sample)));
        }

        #[test]
        fn the_longest_stay_in_their_order(
            lengths in proptest::collection::vec(0_u64..10_000, 0..1000),
        ) {
            let (mut waits, mut given) = (Vec::new(), Vec::new());
            let mut at = Duration::ZERO;
            for length in lengths {
                let to = at + Duration::from_millis(length);
                given.push((at, to, Wait::ForData));
                note(&mut waits, (at, to, Wait::ForData));
                at = to + MILLISECOND;
                prop_assert!(waits.len() <= MOST_WAITS);
            }
            prop_assert!(waits.is_sorted_by_key(|(from, ..)| *from));
            let lengths = |waits: &[Waited]| {
                let mut lengths: Vec<_> = waits.iter().map(|(from, to, _)| *to - *from).collect();
                lengths.sort_by(|one, other| other.cmp(one));
                lengths
            };
            let mut longest = lengths(&given);
            longest.retain(|length| *length >= SHORTEST_WAIT);
            longest.truncate(MOST_WAITS);
            prop_assert_eq!(lengths(&waits), longest);
            prop_assert!(waits.iter().all(|wait| given.contains(wait)));
        }
    }

    #[test]
    fn an_even_flow_stays_even() {
        let mut thinned = Samples::default();
        for sample in samples(&[1000; 10_000]) {
            thinned.push(sample);
        }
        let kept = &thinned.kept;
        assert!(kept.len() >= MOST_SAMPLES / 2);
        let gaps = kept.windows(2).map(|pair| pair[1].0 - pair[0].0);
        // Ten seconds by 256, and what halving leaves of it.
        assert!(gaps.max() <= Some(Duration::from_millis(160)));
    }
}
