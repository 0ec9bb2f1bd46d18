//! What came of one run: what the program says of itself, together with what the engines say, if they agree.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use bench_records::{EngineReport, Manner, Measurement, Received, Series, Watched};

use crate::engines::DEADLINE_MS;
use crate::scenario::Scenario;

/// One run of one design.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) measurement: Measurement,
    /// By names that do not change. Those that were not measured are not numbers.
    pub(crate) figures: BTreeMap<&'static str, f64>,
    /// From the call to when each engine has everything; `None` of one that was given up.
    pub(crate) deliveries_ms: Vec<Option<f64>>,
}

impl Sample {
    /// # Errors
    /// When an engine that must be was not sent the whole auction once, by the connection of the request before, when a
    /// stalled one was sent it, or when it was not the deadline that ended what is given up.
    pub(crate) fn new(
        (run, engines): (Measurement, EngineReport),
        scenario: &Scenario,
    ) -> Result<Self> {
        // Nothing happens before the call; signed, so that a mistake shows.
        let since_call = |at_ns: u64| (at_ns as f64 - run.called_at_ns as f64) / 1e6;
        let (counted, gives_up) = (scenario.counted(), scenario.gives_up());
        let (mut first_bytes, mut deliveries_ms) = (Vec::new(), Vec::new());
        for engine in 0..scenario.solvers {
            let auction = auction_at(engine, &run, &engines);
            if engine >= counted && gives_up && auction.is_err() {
                deliveries_ms.push(None);
                continue;
            }
            let auction = auction?;
            let first = auction.first_byte_at_ns.filter(|_| engine < counted);
            first_bytes.extend(first.map(since_call));
            deliveries_ms.push(Some(since_call(auction.end_at_ns)));
        }
        let stalls = |engine: usize| {
            let last = engine.checked_sub(counted);
            last.and_then(|last| scenario.conditions.last.get(last)) == Some(&Manner::Stalls)
        };
        let mut requests = engines.requests.iter();
        ensure!(
            requests.all(|request| !stalls(request.engine) || request.bytes < run.auction_bytes),
            "a stalled engine has read the auction"
        );
        ensure!(
            !gives_up || run.wall_ms >= DEADLINE_MS as f64,
            "the call ended before those that stall were given up"
        );
        let first_byte = Series::of(first_bytes);
        let delivery = Series::of(deliveries_ms.iter().copied().take(counted).flatten());
        let watched = |pick: fn(&Watched) -> f64| run.watched.as_ref().map_or(f64::NAN, pick);
        // A call that could not end well does not say.
        let productions = Some(run.productions).filter(|productions| *productions > 0.0);
        let figures = [
            ("cpu_ms", run.cpu_ms),
            ("engines_cpu_ms", engines.cpu_ms),
            ("cpu_with_engines_ms", run.cpu_ms + engines.cpu_ms),
            ("peak_mib", run.peak_mib),
            ("extra_threads", run.extra_threads),
            ("wall_ms", run.wall_ms),
            ("first_byte_first_ms", first_byte.min),
            ("first_byte_ms", first_byte.median),
            ("first_byte_last_ms", first_byte.max),
            ("delivery_ms", delivery.median),
            ("delivery_last_ms", delivery.max),
            ("productions", productions.unwrap_or(f64::NAN)),
            ("late_at_rest_ms", watched(|late| late.at_rest_worst_ms)),
            ("late_p99_ms", watched(|late| late.p99_ms)),
            ("late_worst_ms", watched(|late| late.worst_ms)),
            (
                "late_worst_over_rest_ms",
                watched(|late| late.worst_ms - late.at_rest_worst_ms),
            ),
        ];
        Ok(Self {
            figures: figures.into(),
            measurement: run,
            deliveries_ms,
        })
    }
}

/// The request by which an engine was sent the auction.
///
/// # Errors
/// When it was not sent the whole auction once, by the connection of the request before.
fn auction_at<'a>(
    engine: usize,
    measurement: &Measurement,
    report: &'a EngineReport,
) -> Result<&'a Received> {
    let requests = report.requests.iter();
    let mut requests = requests.filter(|request| request.engine == engine);
    let (Some(warm_up), Some(auction), None) = (requests.next(), requests.next(), requests.next())
    else {
        bail!("engine {engine} was not sent two requests");
    };
    ensure!(
        warm_up.connection == auction.connection,
        "engine {engine} was sent the auction by a new connection"
    );
    let (found, expected) = (auction.bytes, measurement.auction_bytes);
    ensure!(
        found == expected,
        "engine {engine} was sent {found} bytes of {expected}"
    );
    Ok(auction)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn ran(wall_ms: f64, requests: &[Received]) -> (Measurement, EngineReport) {
        let run = Measurement {
            auction_bytes: 100,
            wall_ms,
            productions: 1.0,
            called_at_ns: 5_000_000,
            ..Measurement::default()
        };
        let engines = EngineReport {
            cpu_ms: 1.0,
            requests: requests.to_vec(),
        };
        (run, engines)
    }

    fn received(engine: usize, connection: u64, bytes: u64, first: u64) -> Received {
        Received {
            engine,
            connection,
            first_byte_at_ns: Some(first),
            end_at_ns: first,
            bytes,
            sha256: None,
        }
    }

    fn scenario(last: &[Manner]) -> Scenario {
        let mut scenario = Scenario::new("ours (gzip)", "large", 2);
        scenario.conditions.last = last.to_vec();
        scenario
    }

    fn sample(requests: &[Received]) -> Result<Sample> {
        Sample::new(ran(1.0, requests), &scenario(&[]))
    }

    /// What came of a run in which all engines had everything after so many milliseconds.
    pub(crate) fn delivered(last_ms: f64) -> Sample {
        Sample {
            measurement: ran(1.0, &[]).0,
            figures: [("delivery_last_ms", last_ms)].into(),
            deliveries_ms: vec![Some(last_ms)],
        }
    }

    #[test]
    fn first_bytes_and_deliveries_are_counted_from_the_call() {
        let until = |end_at_ns, received| Received {
            end_at_ns,
            ..received
        };
        let requests = [
            received(0, 0, 7, 1),
            received(1, 0, 7, 1),
            until(11_000_000, received(1, 0, 100, 9_000_000)),
            until(25_000_000, received(0, 0, 100, 6_000_000)),
        ];
        let sample = sample(&requests).unwrap();
        assert_eq!(sample.deliveries_ms, [Some(20.0), Some(6.0)]);
        let found = sample.figures;
        let first = ["first_byte_first_ms", "first_byte_ms", "first_byte_last_ms"];
        assert_eq!(first.map(|name| found[name]), [1.0, 2.5, 4.0]);
        assert_eq!(
            (found["delivery_ms"], found["delivery_last_ms"]),
            (13.0, 20.0)
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let whole = |connection, bytes| {
            [
                received(0, 0, 7, 1),
                received(0, 0, 100, 2),
                received(1, 0, 7, 1),
                received(1, connection, bytes, 2),
            ]
        };
        assert!(sample(&whole(0, 100)).is_ok());
        assert!(sample(&whole(1, 100)).is_err());
        assert!(sample(&whole(0, 99)).is_err());
        assert!(sample(&whole(0, 100)[..3]).is_err());
    }

    #[test]
    fn the_healthy_must_have_everything_and_the_stalled_must_not() {
        let healthy = [received(0, 0, 7, 1), received(0, 0, 100, 9_000_000)];
        let found = |requests: &[_], last: &[Manner], wall_ms| {
            Sample::new(ran(wall_ms, requests), &scenario(last))
        };
        let stalls = found(&healthy, &[Manner::Stalls], 2e3).unwrap();
        assert_eq!(stalls.figures["delivery_last_ms"], 4.0);
        assert!(found(&healthy, &[Manner::Stalls], 1_999.0).is_err());
        assert!(found(&healthy, &[], 2e3).is_err());
        let all = [received(1, 0, 7, 1), received(1, 0, 100, 2)];
        let all = [&healthy[..], &all].concat();
        assert!(found(&all, &[Manner::Stalls], 2e3).is_err());
        assert!(found(&all, &[Manner::Reads(2)], 2e3).is_ok());
        // One that thinks is sent everything, and nothing is given up.
        assert!(found(&all, &[Manner::Thinks(5)], 1.0).is_ok());
        assert!(found(&healthy, &[Manner::Thinks(5)], 1.0).is_err());
    }

    #[test]
    fn slow_ones_without_healthy_ones_must_have_everything() {
        let first = [received(0, 0, 7, 1), received(0, 0, 100, 2)];
        let second = [received(1, 0, 7, 1), received(1, 0, 100, 2)];
        let slow = [Manner::Reads(4), Manner::Reads(5)];
        let found = |requests: &[_]| Sample::new(ran(1.0, requests), &scenario(&slow));
        assert!(found(&first).is_err());
        assert!(found(&[first, second].concat()).is_ok());
    }
}
