//! Builds the lanes of the waterfall. All times count from the run's start.

use std::time::Duration;

use driver_streaming::{ArchiveOutcome, Outcome, SolverOutcome};
use measured_body::Ending;

use super::tables::tone;
use super::timeline::{Attempt, Samples, Timeline, Wait};
use super::waterfall::{Lane, Phase};
use crate::figures::{duration, joined, words};
use crate::verdict::NOTABLE_WAIT_MS;

/// A reader that others waited for, and the bytes it had taken over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Culprit<'a>(&'a str, &'a Samples);

/// The readers that others waited for. `seen` has the timelines of the solvers and the archive.
pub(super) fn culprits<'a>(outcome: &'a Outcome, seen: &'a [Timeline]) -> Vec<Culprit<'a>> {
    let solvers = outcome.solvers.iter();
    let solvers = solvers.map(|solver| (&*solver.name, solver.waited_for_ms));
    let readers = solvers.chain([("archive", outcome.archive.waited_for_ms.unwrap_or_default())]);
    let blamed = readers
        .zip(seen)
        .filter(|((_, time), _)| *time >= NOTABLE_WAIT_MS);
    blamed
        .map(|((name, _), timeline)| Culprit(name, &timeline.last.samples))
        .collect()
}

/// What is known of the last attempt besides its timeline.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    first_poll: Option<Duration>,
    /// When the body had ended, and whether it was complete.
    body_end: Option<Duration>,
    is_whole: bool,
    /// What happens between the body and the answer, and what the answer is called.
    then: (Phase, &'static str),
    answer: &'static str,
    /// The readers that the body may have waited for.
    culprits: &'a [Culprit<'a>],
}

pub(super) fn solver_lane(
    solver: &SolverOutcome,
    timeline: &Timeline,
    culprits: &[Culprit<'_>],
) -> Lane {
    let status = words(solver.status);
    let mut lane = Lane::new(&solver.name);
    lane.note(tone(&status), &status);
    if let Some(http) = solver.http_status {
        lane.note("muted", http.to_string());
    }
    let last = &timeline.last;
    if solver.attempts > 1 {
        lane.note("muted", format!("{} attempts", solver.attempts));
        let earlier = "attempts that failed";
        lane.phase(Phase::Earlier, Duration::ZERO, last.started, earlier);
    }
    // The body is created when the request begins.
    let first_poll = last.sending.zip(solver.to_first_poll_ms);
    let first_poll = first_poll.map(|(created, wait)| created + of_milliseconds(wait));
    let body_end = first_poll.zip(solver.sending_ms);
    let known = Known {
        first_poll,
        body_end: body_end.map(|(first, sending)| first + of_milliseconds(sending)),
        is_whole: matches!(solver.ending, Some(Ending::Complete | Ending::Trailers)),
        culprits: match solver.waited_ms {
            NOTABLE_WAIT_MS.. => culprits,
            _ => &[],
        },
        then: (Phase::Thinking, "thinking"),
        answer: "answer",
    };
    ended(lane, timeline, known, &status, solver.error.as_deref())
}

pub(super) fn archive_lane(archive: &ArchiveOutcome, timeline: &Timeline) -> Lane {
    let status = words(archive.status);
    let mut lane = Lane::new("archive");
    lane.note(tone(&status), &status);
    if let Some(codec) = &archive.codec {
        lane.note("muted", codec);
    }
    let known = Known {
        first_poll: None,
        body_end: None,
        // The commit begins when the document has been taken.
        is_whole: timeline.last.answered.is_some(),
        then: (Phase::ForReader, "compressing and storing the rest"),
        answer: "commit",
        culprits: &[],
    };
    ended(lane, timeline, known, &status, archive.error.as_deref())
}

/// Completes a lane: the last attempt, the total time, and the failure.
fn ended(
    mut lane: Lane,
    timeline: &Timeline,
    known: Known<'_>,
    status: &str,
    error: Option<&str>,
) -> Lane {
    let end = timeline.ended.unwrap_or_default();
    last_attempt(&mut lane, &timeline.last, end, known);
    lane.note("muted", duration(end));
    if tone(status) == "bad" {
        lane.failure = Some((end, error.unwrap_or(status).to_owned()));
    }
    lane
}

fn last_attempt(lane: &mut Lane, attempt: &Attempt, end: Duration, known: Known<'_>) {
    let (start, answered) = (attempt.started, attempt.answered);
    let Some((first, last)) = attempt.samples.ends() else {
        let until = answered.unwrap_or(end);
        lane.phase(Phase::Connecting, start, until, "nothing was sent");
        if let Some(answered) = answered {
            lane.phase(Phase::Answer, answered, end, known.answer);
        }
        return;
    };
    let polled = known.first_poll.unwrap_or(first).min(first);
    // An incomplete body waited until it was given up.
    let until = match known.is_whole {
        true => known.body_end.unwrap_or(last).max(last),
        false => end,
    };
    let until = answered.map_or(until, |answered| answered.min(until));
    lane.phase(Phase::Connecting, start, polled, "connecting");
    lane.first_byte = Some(first);
    sending(lane, attempt, (polled, until), known.culprits);
    let (then, text) = known.then;
    match answered {
        Some(answered) if answered < last => {
            let early = format!("{}, while the document was still on its way", known.answer);
            lane.phase(Phase::Answer, answered, end, &early);
        }
        Some(answered) => {
            lane.phase(then, until, answered, text);
            lane.phase(Phase::Answer, answered, end, known.answer);
        }
        None if known.is_whole => lane.phase(then, until, end, text),
        None => {}
    }
    lane.curve.clone_from(&attempt.samples.kept);
}

/// Adds sending and its waits, from the first poll to the body's end or the answer.
fn sending(
    lane: &mut Lane,
    attempt: &Attempt,
    (first, until): (Duration, Duration),
    culprits: &[Culprit<'_>],
) {
    let mut from = first;
    for (begin, end, wait) in attempt.waits_until(until) {
        let (begin, end) = (begin.max(from).min(until), end.min(until));
        if end <= begin {
            continue;
        }
        if from < begin {
            lane.phase(Phase::Sending, from, begin, "sending");
        }
        let behind =
            |culprit: &&Culprit<'_>| culprit.1.taken_by(begin) < attempt.samples.taken_by(begin);
        let names = culprits.iter().filter(behind);
        let names: Vec<_> = names.map(|culprit| culprit.0.to_owned()).collect();
        match wait {
            Wait::ForReader => {
                lane.phase(Phase::ForReader, begin, end, "waiting for it to take data");
            }
            Wait::ForData if names.is_empty() => {
                lane.phase(Phase::ForData, begin, end, "waiting for data");
            }
            Wait::ForData => {
                let text = format!("waiting for {}", joined(&names));
                lane.phase(Phase::ForOthers, begin, end, &text);
                lane.waited_for.extend(names);
            }
        }
        from = end;
    }
    if from < until || from == first {
        lane.phase(Phase::Sending, from, until, "sending");
    }
}

fn of_milliseconds(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use driver_streaming::Stage;
    use tokio::time::{Instant, advance};

    use super::*;
    use crate::report::waterfall::waterfall;

    /// What is said of each phase, in order.
    fn phases(timeline: &Timeline, is_whole: bool) -> Vec<String> {
        phases_with(timeline, is_whole, &[])
    }

    fn phases_with(timeline: &Timeline, is_whole: bool, culprits: &[Culprit<'_>]) -> Vec<String> {
        let known = Known {
            first_poll: None,
            body_end: None,
            is_whole,
            then: (Phase::Thinking, "thinking"),
            answer: "answer",
            culprits,
        };
        let end = timeline.ended.unwrap();
        let mut lane = Lane::new("a");
        last_attempt(&mut lane, &timeline.last, end, known);
        let html = waterfall("", &[lane]).into_string();
        html.split("<rect class=\"")
            .skip(1)
            .filter_map(|rect| rect.split_once("<title>")?.1.split_once("</title>"))
            .map(|(title, _)| title.to_owned())
            .collect()
    }

    async fn after(milliseconds: u64) {
        advance(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_part_the_sending_and_thinking_comes_after_it() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.entered(Stage::Sending);
        for pause in [10, 1, 100, 1] {
            after(pause).await;
            timeline.taken(1);
        }
        after(40).await;
        timeline.entered(Stage::Answering);
        after(5).await;
        timeline.entered(Stage::Ok);
        assert_eq!(
            phases(&timeline, true),
            [
                "connecting: 10.0 ms, from 0.00 ms to 10.0 ms",
                "sending: 1.00 ms, from 10.0 ms to 11.0 ms",
                "waiting for it to take data: 100 ms, from 11.0 ms to 111 ms",
                "sending: 1.00 ms, from 111 ms to 112 ms",
                "thinking: 40.0 ms, from 112 ms to 152 ms",
                "answer: 5.00 ms, from 152 ms to 157 ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_whole_waited_to_its_end() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.taken(1);
        after(1).await;
        timeline.taken(1);
        after(10).await;
        timeline.waits_for_data();
        after(1000).await;
        timeline.entered(Stage::Failed);
        let phases_before = [
            "sending: 1.00 ms, from 0.00 ms to 1.00 ms",
            "waiting for it to take data: 10.0 ms, from 1.00 ms to 11.0 ms",
        ];
        let ahead = Samples::default();
        let culprit = Culprit("slow", &ahead);
        for (culprits, last) in [
            (&[][..], "waiting for data: 1.00 s, from 11.0 ms to 1.01 s"),
            (
                &[culprit],
                "waiting for slow: 1.00 s, from 11.0 ms to 1.01 s",
            ),
        ] {
            let found = phases_with(&timeline, false, culprits);
            assert_eq!(found[1..3], phases_before);
            assert_eq!(found[3..], [last]);
        }
        // Whoever had taken as much held nobody up.
        let even = timeline.last.samples.clone();
        let found = phases_with(&timeline, false, &[Culprit("even", &even)]);
        assert!(found[3].starts_with("waiting for data"), "{found:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_answer_ends_the_sending() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.taken(1);
        after(10).await;
        timeline.entered(Stage::Answering);
        after(10).await;
        timeline.taken(1);
        after(10).await;
        timeline.entered(Stage::Ok);
        assert_eq!(
            phases(&timeline, false)[1..],
            [
                "waiting for it to take data: 10.0 ms, from 0.00 ms to 10.0 ms",
                "answer, while the document was still on its way: 20.0 ms, from 10.0 ms to 30.0 ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_sent_is_nothing_but_waiting() {
        let mut timeline = Timeline::new(Instant::now());
        after(10).await;
        timeline.entered(Stage::Failed);
        let waiting = ["nothing was sent: 10.0 ms, from 0.00 ms to 10.0 ms"];
        assert_eq!(phases(&timeline, false), waiting);
    }
}
