use std::time::Duration;

use tokio::time::Instant;

use super::attempt_timeline::AttemptTimeline;
use driver_streaming::Stage;

/// How many attempts are kept: the first ones, and the last.
const MOST_ATTEMPTS: usize = 8;

/// How the document went to one reader, in all its attempts. Some 70 KiB at most.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    origin: Instant,
    /// Never empty.
    attempts: Vec<AttemptTimeline>,
    ended: Option<Duration>,
}

impl Timeline {
    /// The timeline of a reader to which nothing has gone yet, counted from `origin`.
    pub(crate) fn new(origin: Instant) -> Self {
        Self {
            origin,
            attempts: vec![AttemptTimeline::new(Duration::ZERO)],
            ended: None,
        }
    }

    /// So many more bytes are taken now.
    pub(crate) fn taken(&mut self, bytes: u64) {
        let now = self.now();
        if bytes > 0
            && let Some(attempt) = self.attempts.last_mut()
        {
            attempt.taken(now, bytes);
        }
    }

    /// The next attempt begins now.
    pub(crate) fn restarted(&mut self) {
        let next = AttemptTimeline::new(self.now());
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.pop();
        }
        self.attempts.push(next);
    }

    /// The reader is at this stage now.
    pub(crate) fn entered(&mut self, stage: Stage) {
        let now = self.now();
        let Some(attempt) = self.attempts.last_mut() else {
            return;
        };
        match stage {
            Stage::Waiting => {}
            Stage::Sending => attempt.sending(now),
            Stage::Answering => attempt.answered(now),
            Stage::Ok | Stage::Failed => self.ended = Some(now),
        }
    }

    /// Each attempt, in order. Of more than eight, those between the first seven and the last are left out.
    pub(crate) fn attempts(&self) -> &[AttemptTimeline] {
        &self.attempts
    }

    /// When the reader had ended, well or not, counted from the origin.
    pub(crate) fn ended_at(&self) -> Option<Duration> {
        self.ended
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn says_when_what_happened() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.entered(Stage::Sending);
        tokio::time::advance(10 * MILLISECOND).await;
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

        let [first, second] = timeline.attempts() else {
            panic!("{timeline:?}");
        };
        assert_eq!(first.sending_since(), Some(Duration::ZERO));
        let samples: Vec<_> = first
            .samples()
            .iter()
            .map(|sample| (sample.at.as_millis(), sample.bytes))
            .collect();
        assert_eq!(samples, [(10, 5), (110, 12)]);
        let stalls: Vec<_> = first
            .stalls()
            .iter()
            .map(|stall| (stall.from.as_millis(), stall.to.as_millis()))
            .collect();
        assert_eq!(stalls, [(10, 110)]);
        assert_eq!(first.answered_at(), None);
        assert_eq!(second.started(), 111 * MILLISECOND);
        assert_eq!(second.answered_at(), Some(112 * MILLISECOND));
        assert!(second.samples().is_empty());
        assert_eq!(timeline.ended_at(), Some(113 * MILLISECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_attempts_the_first_and_the_last_are_kept() {
        let mut timeline = Timeline::new(Instant::now());
        for _attempt in 0..100 {
            tokio::time::advance(MILLISECOND).await;
            timeline.restarted();
        }
        assert_eq!(timeline.attempts().len(), MOST_ATTEMPTS);
        assert_eq!(timeline.attempts()[1].started(), MILLISECOND);
        let last = timeline.attempts().last().unwrap();
        assert_eq!(last.started(), 100 * MILLISECOND);
    }
}
