use std::time::Duration;

use measured_body::Ending;

use crate::page::{Lane, Phase, Tone};
use crate::timeline::{AttemptTimeline, Timeline};
use driver_streaming::{ArchiveOutcome, ArchiveStatus, SolverOutcome, SolverStatus};

/// What is known of an attempt besides its timeline, in milliseconds from the run's start.
#[derive(Clone, Copy, Debug)]
struct Known {
    first_poll: Option<f64>,
    /// When its body had ended, and whether it was whole by then.
    body_end: Option<f64>,
    is_whole: bool,
    end: f64,
    answer: &'static str,
}

/// How the auction went to a solver.
pub(super) fn solver_lane(solver: &SolverOutcome, timeline: Option<&Timeline>) -> Lane {
    let (status, tone) = match solver.status {
        SolverStatus::Ok => ("ok", Tone::Good),
        SolverStatus::Failed => ("failed", Tone::Bad),
        SolverStatus::TimedOut => ("timed out", Tone::Bad),
        SolverStatus::Cancelled => ("cancelled", Tone::Bad),
    };
    let mut lane = Lane::new(&solver.name).note(status, tone);
    if let Some(http) = solver.http_status {
        lane = lane.note(http.to_string(), Tone::Muted);
    }
    if solver.attempts > 1 {
        lane = lane.note(format!("{} attempts", solver.attempts), Tone::Muted);
    }
    let Some(timeline) = timeline else {
        return lane;
    };
    let Some((attempt, earlier)) = timeline.attempts().split_last() else {
        return lane;
    };
    let starts = timeline.attempts().iter().skip(1).map(begin);
    for (attempt, next) in earlier.iter().zip(starts) {
        lane = earlier_attempt(lane, attempt, next);
    }
    let end = milliseconds(timeline.ended_at().unwrap_or_default());
    // The body is created when the request is begun.
    let created = attempt.sending_since().map(milliseconds);
    let first_poll = created.zip(solver.to_first_poll_ms);
    let first_poll = first_poll.map(|(created, wait)| created + wait);
    let body_end = first_poll.zip(solver.transmission_ms);
    let known = Known {
        first_poll,
        body_end: body_end.map(|(first, transmission)| first + transmission),
        is_whole: matches!(solver.ending, Some(Ending::Complete | Ending::Trailers)),
        end,
        answer: "answer",
    };
    lane = last_attempt(lane, attempt, known).note(seconds(end), Tone::Muted);
    match solver.status {
        SolverStatus::Ok => lane,
        _ => lane.failed_at(end, solver.error.as_deref().unwrap_or(status)),
    }
}

/// How it went to the archive.
pub(super) fn archive_lane(archive: &ArchiveOutcome, timeline: Option<&Timeline>) -> Lane {
    let (status, tone) = match archive.status {
        ArchiveStatus::Ok => ("ok", Tone::Good),
        ArchiveStatus::Failed => ("failed", Tone::Bad),
        ArchiveStatus::Cancelled => ("cancelled", Tone::Bad),
        ArchiveStatus::Skipped => ("skipped", Tone::Muted),
        ArchiveStatus::Running => ("still running", Tone::Muted),
    };
    let mut lane = Lane::new("archive").note(status, tone);
    if let Some(codec) = &archive.codec {
        lane = lane.note(codec, Tone::Muted);
    }
    let Some((timeline, attempt)) =
        timeline.and_then(|timeline| Some((timeline, timeline.attempts().last()?)))
    else {
        return lane;
    };
    let end = milliseconds(timeline.ended_at().unwrap_or_default());
    let known = Known {
        first_poll: None,
        body_end: None,
        // The commit begins when the document has been taken.
        is_whole: attempt.answered_at().is_some(),
        end,
        answer: "commit",
    };
    lane = last_attempt(lane, attempt, known).note(seconds(end), Tone::Muted);
    match archive.status {
        ArchiveStatus::Failed | ArchiveStatus::Cancelled => {
            lane.failed_at(end, archive.error.as_deref().unwrap_or(status))
        }
        _ => lane,
    }
}

fn begin(attempt: &AttemptTimeline) -> f64 {
    milliseconds(attempt.started())
}

/// An attempt that came to nothing: from when on is not known, only the last that came of it, and when the next began.
fn earlier_attempt(lane: Lane, attempt: &AttemptTimeline, next: f64) -> Lane {
    let samples = attempt.samples();
    let last = samples.last().map(|sample| sample.at);
    let last = last.max(attempt.answered_at()).or(attempt.sending_since());
    let last = last.map_or_else(|| begin(attempt), milliseconds);
    let known = Known {
        first_poll: None,
        body_end: None,
        is_whole: false,
        end: last,
        answer: "answer",
    };
    last_attempt(lane, attempt, known).phase(
        Phase::Pause,
        last,
        next,
        "came to nothing, to be sent again",
    )
}

/// An attempt of which is known when it ended.
fn last_attempt(lane: Lane, attempt: &AttemptTimeline, known: Known) -> Lane {
    let samples = attempt.samples();
    let start = begin(attempt);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        let answered = attempt.answered_at().map(milliseconds);
        let until = answered.unwrap_or(known.end);
        let lane = lane.phase(Phase::Waiting, start, until, "nothing was sent");
        return match answered {
            Some(answered) => lane.phase(Phase::Answer, answered, known.end, known.answer),
            None => lane,
        };
    };
    let (first, last) = (milliseconds(first.at), milliseconds(last.at));
    let polled = known.first_poll.unwrap_or(first).min(first);
    let answered = attempt.answered_at().map(milliseconds);
    let body_end = known.body_end.unwrap_or(last).max(last);
    // Of a body that was not whole, the end is when it was given up: what came before was a stall.
    let until = if known.is_whole { body_end } else { known.end };
    let until = answered.map_or(until, |answered| answered.min(until));
    let lane = lane.phase(Phase::Waiting, start, polled, "waiting").phase(
        Phase::FirstByte,
        polled,
        first,
        "first byte",
    );
    let lane = transmission(lane, attempt, first, last, until);
    let lane = match answered {
        Some(answered) if answered < last => lane.phase(
            Phase::Answer,
            answered,
            known.end,
            format!("{}, while the document was still on its way", known.answer),
        ),
        Some(answered) => lane
            .phase(
                Phase::AwaitingAnswer,
                until,
                answered,
                "waiting for the answer",
            )
            .phase(Phase::Answer, answered, known.end, known.answer),
        None if known.is_whole => lane.phase(
            Phase::AwaitingAnswer,
            until,
            known.end,
            "waiting for the answer",
        ),
        None => lane,
    };
    let points = samples.iter();
    lane.curve(points.map(|sample| (milliseconds(sample.at), sample.bytes as f64)))
}

/// From the first byte until the body ended or the answer came, with the stalls between.
fn transmission(
    mut lane: Lane,
    attempt: &AttemptTimeline,
    first: f64,
    last: f64,
    until: f64,
) -> Lane {
    let stalls = attempt.stalls().iter();
    let mut stalls: Vec<(f64, f64)> = stalls
        .map(|stall| (milliseconds(stall.from), milliseconds(stall.to)))
        .collect();
    if until - last >= milliseconds(attempt.shortest_stall()) {
        stalls.push((last, until));
    }
    let mut from = first;
    for (begin, end) in stalls {
        let (begin, end) = (begin.min(until), end.min(until));
        if end > begin {
            lane = lane
                .phase(Phase::Transmission, from, begin, "transmission")
                .phase(Phase::Stall, begin, end, "no byte was taken");
            from = end;
        }
    }
    if from < until || from == first {
        lane = lane.phase(Phase::Transmission, from, until, "transmission");
    }
    lane
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

fn seconds(milliseconds: f64) -> String {
    if milliseconds >= 10_000.0 {
        format!("{:.2} s", milliseconds / 1000.0)
    } else {
        format!("{milliseconds:.1} ms")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::*;
    use crate::page::{Page, Section, Waterfall};
    use driver_streaming::Stage;

    /// What is said of each phase, in order.
    fn phases(timeline: &Timeline, is_whole: bool) -> Vec<String> {
        let attempt = timeline.attempts().last().unwrap();
        let known = Known {
            first_poll: None,
            body_end: None,
            is_whole,
            end: milliseconds(timeline.ended_at().unwrap()),
            answer: "answer",
        };
        let lane = last_attempt(Lane::new("a"), attempt, known);
        let section = Section::new("").figure(&Waterfall::new("").lane(lane).draw());
        let html = Page::new("").section(section).to_html();
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
