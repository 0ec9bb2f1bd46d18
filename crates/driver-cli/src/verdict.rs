//! What the figures of a run mean, in words: who was slow, and why.

use driver_streaming::{ArchiveOutcome, ArchiveStatus, SolverFailure, SolverOutcome, SolverStatus};
use serde::de::IgnoredAny;

use crate::figures::{joined, milliseconds, size};

/// Shorter times are not mentioned.
const NOTABLE_MS: f64 = 50.0;
/// A reader that others waited for by less is not named.
pub(super) const NOTABLE_WAIT_MS: f64 = 5.0;
/// How many solvers a line names.
const MOST_NAMES: usize = 3;

/// Returns a line for the whole run, and one for each thing that somebody may want to change. `passes` is how often the
/// documents were produced.
pub(super) fn verdict(
    solvers: &[SolverOutcome],
    archive: &ArchiveOutcome,
    passes: Option<f64>,
) -> Vec<String> {
    let mut lines: Vec<_> = answered(solvers).into_iter().collect();
    lines.extend(solvers.iter().filter_map(why_not));
    lines.extend(solvers.iter().filter_map(oddities));
    let thinking = slowest(solvers, |solver| {
        let is_most = |time: &f64| *time >= solver.total_ms / 2.0;
        solver.thinking_ms.filter(is_most)
    });
    lines.extend(thinking.map(|(names, are_many, time)| {
        let they = if are_many { "they" } else { "it" };
        format!("{names} took {time} to answer after {they} had everything")
    }));
    lines.extend(solvers.iter().filter_map(|solver| taking(solver, passes)));
    let starved = slowest(solvers, |solver| {
        let waiting = solver.waiting_for_data_ms? - solver.waited_ms;
        (waiting >= solver.sending_ms? / 2.0).then_some(waiting)
    });
    lines.extend(starved.map(|(names, _, time)| {
        format!(
            "{names} waited {time} for data: reading, producing or compressing it took that long"
        )
    }));
    lines.extend(archived(solvers, archive));
    lines
}

/// How many answered, and when the last did.
fn answered(solvers: &[SolverOutcome]) -> Option<String> {
    let ok = solvers.iter().filter(|solver| is_ok(solver));
    let last = ok.clone().map(|solver| solver.total_ms).reduce(f64::max);
    let last = milliseconds(last);
    Some(match (ok.count(), solvers.len()) {
        (_, 0) => return None,
        (1, 1) => format!("the solver answered after {last}"),
        (0, 1) => "the solver did not succeed".to_owned(),
        (0, all) => format!("none of the {all} solvers succeeded"),
        (count, all) if count == all => {
            format!("all {all} solvers answered, the last after {last}")
        }
        (count, all) => format!("{count} of {all} solvers succeeded, the last after {last}"),
    })
}

fn is_ok(solver: &SolverOutcome) -> bool {
    solver.status == SolverStatus::Ok
}

/// Why a solver is not ok, and what may help.
pub(super) fn why_not(solver: &SolverOutcome) -> Option<String> {
    let mut line = format!("{}: {}", solver.name, solver.error.as_ref()?);
    if solver.status == SolverStatus::TimedOut {
        line += &format!(": {}", until_then(solver));
    }
    if let Some(advice) = advice(solver) {
        line += &format!("; {advice}");
    }
    Some(line)
}

/// What a solver that ran out of time was doing.
fn until_then(solver: &SolverOutcome) -> String {
    let (time, sent) = (milliseconds, size(solver.bytes_sent));
    let [delivered, thinking] = [solver.delivered_ms, solver.thinking_ms];
    let half = |time: Option<f64>| time >= solver.sending_ms.map(|sending| sending / 2.0);
    let (for_solver, for_data) = (solver.waiting_for_solver_ms, solver.waiting_for_data_ms);
    if solver.attempts == 0 {
        "there was no time left to ask it".to_owned()
    } else if delivered.is_some() && thinking.is_some() {
        let [delivered, thinking] = [delivered, thinking].map(time);
        format!("it had everything after {delivered} and thought for {thinking}")
    } else if solver.sending_ms.is_none() {
        "there was no connection to it".to_owned()
    } else if half(for_solver) {
        let waited = time(for_solver);
        format!("it took {sent}, and sending waited {waited} for it to take more")
    } else if half(for_data) {
        let waited = time(for_data);
        format!("it waited {waited} for data, after {sent} had been sent")
    } else {
        format!("{sent} had been sent, and more was being sent")
    }
}

/// What a person could try.
fn advice(solver: &SolverOutcome) -> Option<String> {
    let kind = solver.failure.as_ref().map(SolverFailure::kind);
    Some(match (solver.http_status, solver.encoding, kind) {
        (Some(413), ..) => {
            "raise its body limit: client_max_size (aiohttp), limit of express.json(), \
            bodyLimit (Fastify), client_max_body_size (nginx)"
                .to_owned()
        }
        (Some(400 | 415), Some(encoding), _) => {
            format!("if it does not decode {encoding}, send it plain JSON")
        }
        (Some(404 | 405), ..) => format!("the request went to {}", solver.url),
        (Some(411), ..) => "try --length (length = true)".to_owned(),
        (None, _, Some("broken")) => {
            "if it does not decode chunked bodies (Python's http.server does not), try \
            --length (length = true)"
                .to_owned()
        }
        (None, _, Some("not_connected")) => format!("is it listening at {}?", solver.url),
        _ => return None,
    })
}

/// What stands out in an answer that is ok.
fn oddities(solver: &SolverOutcome) -> Option<String> {
    let mut odd = Vec::new();
    if solver.attempts > 1 {
        let attempts = solver.attempts;
        odd.push(format!("was sent {attempts} requests before it answered"));
    }
    if solver.delivered_ms.is_none() {
        let sent = size(solver.bytes_sent);
        odd.push(format!(
            "answered before it had everything, after {sent} (does it need --length?)"
        ));
    }
    if solutions(solver).is_none() {
        let answer = solver.response.as_ref().map_or("", |answer| answer.get());
        let more = answer.chars().nth(60).map_or("", |_more| "…");
        let start: String = answer.chars().take(60).collect();
        let start = start.split_whitespace().collect::<Vec<_>>().join(" ");
        odd.push(format!(
            "answered {start}{more}, which has no list of solutions"
        ));
    }
    let is_odd = is_ok(solver) && !odd.is_empty();
    is_odd.then(|| format!("{} {}", solver.name, joined(&odd)))
}

/// How many solutions an answer has. `None` if it has no list of them.
pub(super) fn solutions(solver: &SolverOutcome) -> Option<usize> {
    #[derive(serde::Deserialize)]
    struct Answer {
        solutions: Vec<IgnoredAny>,
    }
    let answer: Answer = serde_json::from_str(solver.response.as_ref()?.get()).ok()?;
    Some(answer.solutions.len())
}

/// The solvers whose `time` is notable and at least half of the longest, slowest first; whether they are several, and the
/// longest time.
fn slowest(
    solvers: &[SolverOutcome],
    time: impl Fn(&SolverOutcome) -> Option<f64>,
) -> Option<(String, bool, String)> {
    let timed = solvers.iter().filter(|solver| is_ok(solver));
    let mut timed: Vec<_> = timed
        .filter_map(|solver| Some((time(solver)?, solver.name.clone())))
        .filter(|(time, _)| *time >= NOTABLE_MS)
        .collect();
    timed.sort_by(|one, other| other.0.total_cmp(&one.0));
    let most = timed.first()?.0;
    timed.retain(|(time, _)| *time >= most / 2.0);
    let (count, most) = (timed.len(), milliseconds(Some(most)));
    let mut names: Vec<_> = timed.into_iter().map(|(_, name)| name).collect();
    if count > MOST_NAMES {
        names.truncate(MOST_NAMES);
        names.push(format!("{} more", count - MOST_NAMES));
    }
    let up_to = if count > 1 { "up to " } else { "" };
    Some((joined(&names), count > 1, format!("{up_to}{most}")))
}

/// Whether a solver took data slowly, or held others up.
fn taking(solver: &SolverOutcome, passes: Option<f64>) -> Option<String> {
    let (name, held_up) = (&solver.name, solver.waited_for_ms >= NOTABLE_WAIT_MS);
    let waiting = solver.waiting_for_solver_ms.unwrap_or_default();
    let sending = solver.sending_ms.unwrap_or_default();
    let waited = milliseconds(Some(solver.waited_for_ms));
    let is_timed = is_ok(solver) && solver.delivered_ms.is_some();
    if !is_timed || waiting < NOTABLE_MS.max(sending / 2.0) {
        return held_up.then(|| format!("others waited {waited} for {name}"));
    }
    let rate = solver.bytes_sent.unwrap_or_default() as f64 / sending * 1000.0;
    let rate = size(Some(rate as u64));
    let others = match (held_up, passes) {
        (false, _) => "nobody waited for it".to_owned(),
        (true, Some(passes)) if passes > 1.0 => {
            format!("others waited {waited}, then it read on by itself")
        }
        (true, _) => format!("others waited {waited} for it"),
    };
    Some(format!("{name} took data at {rate}/s: {others}"))
}

/// What is to be said of the archive.
fn archived(solvers: &[SolverOutcome], archive: &ArchiveOutcome) -> Option<String> {
    let fate = match archive.status {
        ArchiveStatus::Skipped | ArchiveStatus::Running => return None,
        ArchiveStatus::Ok | ArchiveStatus::AlreadyThere => {
            let delivered = solvers.iter().filter_map(|solver| solver.delivered_ms);
            let behind = archive.write_ms? - delivered.reduce(f64::max)?;
            let waited = archive.waited_for_ms.unwrap_or_default();
            let (is_behind, is_waited_for) = (behind >= NOTABLE_MS, waited >= NOTABLE_WAIT_MS);
            if !is_behind && !is_waited_for {
                return None;
            }
            let mut line = archive.codec.clone().unwrap_or("not compressed".to_owned());
            if is_behind {
                line += &format!(", {} behind the solvers", milliseconds(Some(behind)));
            }
            match is_waited_for {
                true => line + &format!(", others waited {} for it", milliseconds(Some(waited))),
                false => line + ", nobody waited for it",
            }
        }
        ArchiveStatus::Conflict => "another auction has this id and was not replaced".into(),
        ArchiveStatus::Failed => "it failed, and nothing is archived".into(),
        ArchiveStatus::Unknown => "it is not known whether the auction is archived".into(),
        ArchiveStatus::Spooled => "the store does not have it yet: it is in the spool".into(),
        ArchiveStatus::SpoolFull => "the spool is full, and nothing is archived".into(),
        ArchiveStatus::Cancelled => "it was cancelled".into(),
    };
    Some(format!("archive: {fate}"))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    /// A solver that took 8 MB in 40 ms, thought for 10 ms and answered well.
    fn well(name: &str) -> SolverOutcome {
        let mut solver = SolverOutcome::default();
        solver.name = name.to_owned();
        solver.status = SolverStatus::Ok;
        solver.http_status = Some(200);
        solver.attempts = 1;
        solver.bytes_sent = Some(8_000_000);
        solver.sending_ms = Some(39.0);
        solver.waiting_for_data_ms = Some(10.0);
        solver.waiting_for_solver_ms = Some(20.0);
        solver.delivered_ms = Some(40.0);
        solver.thinking_ms = Some(10.0);
        solver.total_ms = 60.0;
        answering(solver, r#"{"solutions":[]}"#)
    }

    fn answering(mut solver: SolverOutcome, json: &str) -> SolverOutcome {
        solver.response = RawValue::from_string(json.to_owned()).ok();
        solver
    }

    /// One that thought for so long.
    fn thinking(name: &str, milliseconds: f64) -> SolverOutcome {
        let mut solver = well(name);
        solver.thinking_ms = Some(milliseconds);
        solver.total_ms = 40.0 + milliseconds;
        solver
    }

    /// One that took its 8 MB within so long.
    fn slow(name: &str, milliseconds: f64) -> SolverOutcome {
        let mut solver = well(name);
        solver.sending_ms = Some(milliseconds);
        solver.waiting_for_solver_ms = Some(milliseconds - 10.0);
        solver.delivered_ms = Some(milliseconds);
        solver.total_ms = milliseconds + 20.0;
        solver
    }

    fn failed(name: &str, error: &str, http_status: Option<u16>) -> SolverOutcome {
        let mut solver = well(name);
        solver.status = SolverStatus::Failed;
        solver.http_status = http_status;
        solver.error = Some(error.to_owned());
        solver
    }

    fn of(solvers: &[SolverOutcome]) -> Vec<String> {
        verdict(solvers, &ArchiveOutcome::default(), Some(1.0))
    }

    #[test]
    fn when_all_is_well_one_line_says_it() {
        assert_eq!(of(&[]), [""; 0]);
        assert_eq!(of(&[well("a")]), ["the solver answered after 60.0 ms"]);
        let line = "all 2 solvers answered, the last after 60.0 ms";
        assert_eq!(of(&[well("a"), well("b")]), [line]);
    }

    #[test]
    fn who_thought_for_long_is_named() {
        let lines = of(&[well("a"), thinking("thinks", 2_100.0)]);
        assert_eq!(lines[0], "all 2 solvers answered, the last after 2.14 s");
        assert_eq!(
            lines[1..],
            ["thinks took 2.10 s to answer after it had everything"]
        );
        let many = ["a", "b", "c", "d", "e"];
        let many: Vec<_> = many
            .into_iter()
            .zip([900.0, 1_000.0, 800.0, 100.0, 700.0])
            .map(|(name, time)| thinking(name, time))
            .collect();
        assert_eq!(
            of(&many)[1..],
            ["b, a, c and 1 more took up to 1.00 s to answer after they had everything"]
        );
    }

    #[test]
    fn who_takes_data_slowly_is_named_and_whether_others_waited() {
        let mut solver = slow("slow", 4_000.0);
        let lines = of(&[well("a"), solver]);
        assert_eq!(
            lines[1..],
            ["slow took data at 2.00 MB/s: nobody waited for it"]
        );
        solver = slow("slow", 4_000.0);
        solver.waited_for_ms = 11.0;
        let archive = ArchiveOutcome::default();
        for (passes, then) in [(1.0, " for it"), (1.8, ", then it read on by itself")] {
            let lines = verdict(std::slice::from_ref(&solver), &archive, Some(passes));
            let line = format!("slow took data at 2.00 MB/s: others waited 11.0 ms{then}");
            assert_eq!(lines[1..], [line]);
        }
        let mut brief = well("brief");
        brief.waited_for_ms = 7.0;
        assert_eq!(of(&[brief])[1..], ["others waited 7.00 ms for brief"]);
    }

    #[test]
    fn data_that_came_slowly_is_told_from_readers_that_were_waited_for() {
        let mut solver = well("a");
        solver.sending_ms = Some(150.0);
        solver.waiting_for_data_ms = Some(140.0);
        assert_eq!(
            of(std::slice::from_ref(&solver))[1..],
            ["a waited 140 ms for data: reading, producing or compressing it took that long"]
        );
        solver.waited_ms = 120.0;
        assert_eq!(of(&[solver]).len(), 1);
    }

    #[test]
    fn an_archive_that_is_behind_is_said_to_be() {
        let mut archive = ArchiveOutcome::default();
        archive.status = ArchiveStatus::Ok;
        archive.codec = Some("gzip".to_owned());
        archive.write_ms = Some(124.0);
        let line =
            |archive: &ArchiveOutcome| verdict(&[well("a")], archive, Some(1.0))[1..].to_vec();
        assert_eq!(
            line(&archive),
            ["archive: gzip, 84.0 ms behind the solvers, nobody waited for it"]
        );
        archive.waited_for_ms = Some(20.0);
        assert_eq!(
            line(&archive),
            ["archive: gzip, 84.0 ms behind the solvers, others waited 20.0 ms for it"]
        );
        archive.write_ms = Some(41.0);
        archive.waited_for_ms = Some(0.0);
        assert_eq!(line(&archive), [""; 0]);
        archive.status = ArchiveStatus::Failed;
        assert_eq!(
            line(&archive),
            ["archive: it failed, and nothing is archived"]
        );
    }

    #[test]
    fn what_is_odd_of_an_answer_is_said() {
        let mut retried = well("flaky");
        retried.attempts = 3;
        let mut early = well("early");
        early.delivered_ms = None;
        early.thinking_ms = None;
        let error = answering(well("odd"), "{\"error\":\n\"x\"}");
        let null = answering(well("null"), "null");
        let lines = of(&[retried, early, error, null]);
        assert_eq!(
            lines[1..],
            [
                "flaky was sent 3 requests before it answered",
                "early answered before it had everything, after 8.00 MB (does it need --length?)",
                "odd answered {\"error\": \"x\"}, which has no list of solutions",
                "null answered null, which has no list of solutions",
            ]
        );
    }

    #[test]
    fn a_failure_comes_with_what_may_help() {
        let mut encoded = failed("gzip", "the engine answered 400", Some(400));
        encoded.encoding = Some("gzip");
        let lines = of(&[
            well("a"),
            failed("small", "the engine answered 413", Some(413)),
            encoded,
            failed("plain", "the engine answered 400", Some(400)),
        ]);
        assert_eq!(lines[0], "1 of 4 solvers succeeded, the last after 60.0 ms");
        assert!(lines[1].starts_with("small: the engine answered 413; raise its body limit"));
        assert!(lines[1].contains("client_max_size (aiohttp)"), "{lines:?}");
        assert_eq!(
            lines[2..],
            [
                "gzip: the engine answered 400; if it does not decode gzip, send it plain JSON",
                "plain: the engine answered 400",
            ]
        );
    }

    #[test]
    fn who_ran_out_of_time_was_doing_something() {
        let late = |solver: SolverOutcome| {
            let mut solver = solver;
            solver.status = SolverStatus::TimedOut;
            solver.error = Some("no answer".to_owned());
            let line = of(&[solver]).swap_remove(1);
            line.strip_prefix("late: no answer: ").unwrap().to_owned()
        };
        assert_eq!(
            late(thinking("late", 14_900.0)),
            "it had everything after 40.0 ms and thought for 14.9 s"
        );
        let mut stalled = slow("late", 14_000.0);
        stalled.delivered_ms = None;
        assert_eq!(
            late(stalled),
            "it took 8.00 MB, and sending waited 14.0 s for it to take more"
        );
        let mut away = SolverOutcome::default();
        away.name = "late".to_owned();
        away.attempts = 1;
        assert_eq!(late(away), "there was no connection to it");
    }
}
