//! When each reader of the document took its bytes: kept in bounded memory, and only where a report will show it. All
//! instants are counted from the run's start.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driver_streaming::{Observer, Progress, Stage};
use tokio::time::Instant;

/// How many attempts are kept: the first ones, and the last.
const MOST_ATTEMPTS: usize = 8;
/// How many samples are kept of an attempt.
const MOST_SAMPLES: usize = 256;
/// How far samples are apart at first. No picture shows less.
const FIRST_STEP: Duration = Duration::from_micros(100);
/// How many waits are kept of an attempt.
const MOST_WAITS: usize = 64;
/// The shortest wait that is kept.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// The timelines of all readers of one run.
pub(crate) struct Timelines(Vec<Mutex<Timeline>>);

impl Timelines {
    /// Creates an empty timeline for each of `progress`'s readers. The run starts now.
    pub(crate) fn of(progress: &Progress) -> Self {
        let origin = Instant::now();
        let readers = progress.readers();
        Self(readers.map(|_| Mutex::new(Timeline::new(origin))).collect())
    }

    /// What has been seen of each reader so far, in the order of `progress`.
    pub(super) fn seen(&self) -> impl Iterator<Item = Timeline> {
        self.0.iter().map(|reader| lock(reader).clone())
    }

    fn change(&self, reader: usize, change: impl FnOnce(&mut Timeline)) {
        if let Some(reader) = self.0.get(reader) {
            change(&mut lock(reader));
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

fn lock(reader: &Mutex<Timeline>) -> MutexGuard<'_, Timeline> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the document went to one reader, in all its attempts. Takes 70 KiB at most.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    origin: Instant,
    /// The first seven attempts before the last.
    pub(super) earlier: Vec<Attempt>,
    pub(super) last: Attempt,
    /// When the reader ended, well or not.
    pub(super) ended: Option<Duration>,
}

impl Timeline {
    pub(super) fn new(origin: Instant) -> Self {
        Self {
            origin,
            earlier: Vec::new(),
            last: Attempt::default(),
            ended: None,
        }
    }

    /// Counts bytes that are taken now.
    pub(super) fn taken(&mut self, bytes: u64) {
        if bytes > 0 {
            self.last.taken(self.origin.elapsed(), bytes);
        }
    }

    /// Notes that more was asked for, and is not there yet.
    pub(super) fn waits_for_data(&mut self) {
        let asked = &mut self.last.asked;
        *asked = asked.or_else(|| Some(self.origin.elapsed()));
    }

    /// Starts the next attempt now.
    pub(super) fn restarted(&mut self) {
        let started = self.origin.elapsed();
        let next = Attempt {
            started,
            ..Attempt::default()
        };
        let finished = std::mem::replace(&mut self.last, next);
        if self.earlier.len() + 1 < MOST_ATTEMPTS {
            self.earlier.push(finished);
        }
    }

    /// Notes that the reader enters this stage now.
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

/// How the document went to one reader, once.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) started: Duration,
    /// When the request began, or the archive's object.
    pub(super) sending: Option<Duration>,
    /// When the answer began to come, or the archive's commit.
    pub(super) answered: Option<Duration>,
    pub(super) samples: Samples,
    waits: Vec<Waited>,
    /// When more was asked for than was there, since the last bytes.
    asked: Option<Duration>,
}

impl Attempt {
    fn taken(&mut self, at: Duration, bytes: u64) {
        let taken = self.samples.kept.last().map_or(0, |(_, taken)| *taken);
        self.waits = self.waits_until(at);
        self.asked = None;
        self.samples.push((at, taken.saturating_add(bytes)));
    }

    /// The waits until `at`, of which the last may be going on.
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

/// How many bytes had been taken at an instant.
type Sample = (Duration, u64);

/// Samples of a count that grows, thinned to a bounded number: the first and the last are always among them, and those
/// between are further and further apart as time goes on.
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

    /// Appends a sample that is no earlier than the last. Costs O(1), amortized.
    fn push(&mut self, sample: Sample) {
        // The last is there because it is the last, unless it is a step away from the one before.
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

    /// Keeps the first, the last, and between them as many as twice the step leaves space for.
    fn thin(&mut self) {
        let Some((mut before, last)) = self.ends() else {
            return;
        };
        // About half of them, however unevenly they are spread.
        let even = last.saturating_sub(before) / (MOST_SAMPLES as u32 / 2);
        let step = self.step.saturating_mul(2).max(even);
        self.step = step;
        let mut index = 0;
        let most = self.kept.len();
        self.kept.retain(|(at, _)| {
            index += 1;
            let stays = index == 1 || index == most || at.saturating_sub(before) >= step;
            if stays {
                before = *at;
            }
            stays
        });
    }
}

/// What a body waited for while no byte was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For data: more was asked for.
    ForData,
    /// For the reader to take more.
    ForReader,
}

/// A wait, from when to when.
pub(super) type Waited = (Duration, Duration, Wait);

/// Appends a wait to the longest ones, if it is one of them.
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
        timeline.restarted();
        timeline.entered(Stage::Sending);
        tokio::time::advance(MILLISECOND).await;
        timeline.entered(Stage::Answering);
        tokio::time::advance(MILLISECOND).await;
        timeline.entered(Stage::Ok);

        let [first] = &timeline.earlier[..] else {
            panic!("{timeline:?}");
        };
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

    #[tokio::test(start_paused = true)]
    async fn of_many_attempts_the_first_and_the_last_are_kept() {
        let mut timeline = Timeline::new(Instant::now());
        for _attempt in 0..100 {
            tokio::time::advance(MILLISECOND).await;
            timeline.restarted();
        }
        assert_eq!(timeline.earlier.len(), MOST_ATTEMPTS - 1);
        assert_eq!(timeline.earlier[1].started, MILLISECOND);
        assert_eq!(timeline.last.started, 100 * MILLISECOND);
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
