//! How the document went to each solver and to the archive, as lanes of the waterfall.

use std::time::Duration;

use driver_streaming::{ArchiveOutcome, SolverOutcome};
use measured_body::Ending;

use super::tables::tone;
use super::timeline::{Attempt, Timeline};
use super::waterfall::{Lane, Phase};
use crate::summary::{archive_status, solver_status};

/// What is known of an attempt besides its timeline.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    first_poll: Option<Duration>,
    /// When its body had ended, and whether it was whole by then.
    body_end: Option<Duration>,
    is_whole: bool,
    end: Duration,
    answer: &'static str,
}

/// How the auction went to a solver.
pub(super) fn solver_lane(solver: &SolverOutcome, timeline: &Timeline) -> Lane {
    let status = solver_status(solver.status);
    let mut lane = Lane::new(&solver.name);
    lane.note(tone(status), status);
    if let Some(http) = solver.http_status {
        lane.note("muted", http.to_string());
    }
    if solver.attempts > 1 {
        lane.note("muted", format!("{} attempts", solver.attempts));
    }
    let (earlier, last) = (&timeline.earlier, &timeline.last);
    let following = earlier.iter().skip(1).chain([last]);
    for (attempt, next) in earlier.iter().zip(following) {
        earlier_attempt(&mut lane, attempt, next.started);
    }
    // The body is created when the request begins.
    let first_poll = last.sending.zip(solver.to_first_poll_ms);
    let first_poll = first_poll.map(|(created, wait)| created + duration(wait));
    let body_end = first_poll.zip(solver.sending_ms);
    let known = Known {
        first_poll,
        body_end: body_end.map(|(first, transmission)| first + duration(transmission)),
        is_whole: matches!(solver.ending, Some(Ending::Complete | Ending::Trailers)),
        answer: "answer",
        ..Known::default()
    };
    ended(lane, timeline, known, status, solver.error.as_deref())
}

/// How the auction went to the archive.
pub(super) fn archive_lane(archive: &ArchiveOutcome, timeline: &Timeline) -> Lane {
    let status = archive_status(archive.status);
    let mut lane = Lane::new("archive");
    lane.note(tone(status), status);
    if let Some(codec) = &archive.codec {
        lane.note("muted", codec);
    }
    let known = Known {
        // The commit begins when the document has been taken.
        is_whole: timeline.last.answered.is_some(),
        answer: "commit",
        ..Known::default()
    };
    ended(lane, timeline, known, status, archive.error.as_deref())
}

/// The lane with its last attempt, how long all took, and why it failed if it did.
fn ended(
    mut lane: Lane,
    timeline: &Timeline,
    known: Known,
    status: &str,
    error: Option<&str>,
) -> Lane {
    let end = timeline.ended.unwrap_or_default();
    last_attempt(&mut lane, &timeline.last, Known { end, ..known });
    lane.note("muted", length(end));
    if tone(status) == "bad" {
        lane.failure = Some((end, error.unwrap_or(status).to_owned()));
    }
    lane
}

/// Adds an attempt that came to nothing. When it did is not known, only its last event, and when the next began.
fn earlier_attempt(lane: &mut Lane, attempt: &Attempt, next: Duration) {
    let sampled = attempt.samples.ends().map(|(_, last)| last);
    let event = sampled.max(attempt.answered).or(attempt.sending);
    let end = event.unwrap_or(attempt.started);
    let answer = "answer";
    last_attempt(
        lane,
        attempt,
        Known {
            end,
            answer,
            ..Known::default()
        },
    );
    lane.phase(Phase::Pause, end, next, "came to nothing, to be sent again");
}

/// Adds an attempt whose end is known.
fn last_attempt(lane: &mut Lane, attempt: &Attempt, known: Known) {
    let (start, answered) = (attempt.started, attempt.answered);
    let Some((first, last)) = attempt.samples.ends() else {
        let until = answered.unwrap_or(known.end);
        lane.phase(Phase::Waiting, start, until, "nothing was sent");
        if let Some(answered) = answered {
            lane.phase(Phase::Answer, answered, known.end, known.answer);
        }
        return;
    };
    let polled = known.first_poll.unwrap_or(first).min(first);
    // A body that was not whole ended when it was given up: what came before was a stall.
    let until = match known.is_whole {
        true => known.body_end.unwrap_or(last).max(last),
        false => known.end,
    };
    let until = answered.map_or(until, |answered| answered.min(until));
    lane.phase(Phase::Waiting, start, polled, "waiting");
    lane.phase(Phase::FirstByte, polled, first, "first byte");
    transmission(lane, attempt, until);
    let awaiting = "waiting for the answer";
    match answered {
        Some(answered) if answered < last => {
            let early = format!("{}, while the document was still on its way", known.answer);
            lane.phase(Phase::Answer, answered, known.end, &early);
        }
        Some(answered) => {
            lane.phase(Phase::AwaitingAnswer, until, answered, awaiting);
            lane.phase(Phase::Answer, answered, known.end, known.answer);
        }
        None if known.is_whole => lane.phase(Phase::AwaitingAnswer, until, known.end, awaiting),
        None => {}
    }
    lane.curves.push(attempt.samples.kept.clone());
}

/// Adds what is between the first byte and the body's end or the answer: the transmission, and the stalls in it.
fn transmission(lane: &mut Lane, attempt: &Attempt, until: Duration) {
    let (first, last) = attempt.samples.ends().unwrap_or((until, until));
    let mut stalls = attempt.stalls.kept.clone();
    if until.saturating_sub(last) >= attempt.stalls.shortest {
        stalls.push((last, until));
    }
    let mut from = first;
    for (begin, end) in stalls {
        let (begin, end) = (begin.min(until), end.min(until));
        if end > begin {
            lane.phase(Phase::Transmission, from, begin, "transmission");
            lane.phase(Phase::Stall, begin, end, "no byte was taken");
            from = end;
        }
    }
    if from < until || from == first {
        lane.phase(Phase::Transmission, from, until, "transmission");
    }
}

fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
}

fn length(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds >= 10.0 => format!("{seconds:.2} s"),
        seconds => format!("{:.1} ms", seconds * 1000.0),
    }
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
        let known = Known {
            first_poll: None,
            body_end: None,
            is_whole,
            end: timeline.ended.unwrap(),
            answer: "answer",
        };
        let mut lane = Lane::new("a");
        last_attempt(&mut lane, &timeline.last, known);
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
    async fn a_stall_parts_the_transmission_and_the_answer_is_waited_for() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.entered(Stage::Sending);
        for pause in [10, 20, 100, 30] {
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
                "waiting: 10 ms, from 0 to 10 ms",
                "first byte: 0 ms, from 10 to 10 ms",
                "transmission: 20 ms, from 10 to 30 ms",
                "no byte was taken: 100 ms, from 30 to 130 ms",
                "transmission: 30 ms, from 130 to 160 ms",
                "waiting for the answer: 40 ms, from 160 to 200 ms",
                "answer: 5 ms, from 200 to 205 ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_whole_is_stalled_to_its_end() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.taken(1);
        after(10).await;
        timeline.taken(1);
        after(1000).await;
        timeline.entered(Stage::Failed);
        assert_eq!(
            phases(&timeline, false)[2..],
            [
                "transmission: 10 ms, from 0 to 10 ms",
                "no byte was taken: 1,000 ms, from 10 to 1,010 ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_answer_ends_the_transmission() {
        let mut timeline = Timeline::new(Instant::now());
        timeline.taken(1);
        after(10).await;
        timeline.entered(Stage::Answering);
        after(10).await;
        timeline.taken(1);
        after(10).await;
        timeline.entered(Stage::Ok);
        assert_eq!(
            phases(&timeline, false)[2..],
            [
                "transmission: 10 ms, from 0 to 10 ms",
                "answer, while the document was still on its way: 20 ms, from 10 to 30 ms",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_sent_is_nothing_but_waiting() {
        let mut timeline = Timeline::new(Instant::now());
        after(10).await;
        timeline.entered(Stage::Failed);
        let waiting = ["nothing was sent: 10 ms, from 0 to 10 ms"];
        assert_eq!(phases(&timeline, false), waiting);
    }
}
