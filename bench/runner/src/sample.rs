//! What came of one run: what the program says of itself, together with what the engines say, if they agree.

use anyhow::{Context as _, Result, bail, ensure};
use bench_records::{EngineReport, Measurement, Received, Spread};

use crate::execution::{Executed, Execution};
use crate::scenario::Scenario;

/// One run of one design.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) measurement: Measurement,
    /// User and system time of the engines' process.
    pub(crate) engines_cpu_ms: f64,
    /// From the call to the first byte, at each engine that must be sent everything.
    pub(crate) first_byte_ms: Spread,
    /// The same to when it has everything.
    pub(crate) delivery_ms: Spread,
    /// Resident sizes in KiB, each with its nanosecond of `CLOCK_MONOTONIC`, where they were asked for.
    pub(crate) resident: Vec<(u64, u64)>,
}

impl Sample {
    /// # Errors
    /// When an engine that must be was not sent the whole auction once, by the connection of the request before, when a
    /// stalled one was sent it, or when it was not the deadline that ended what is given up.
    pub(crate) fn new(
        executed: Executed,
        scenario: &Scenario,
        execution: &Execution<'_>,
    ) -> Result<Self> {
        let Executed {
            measurement: run,
            engines,
            resident,
        } = executed;
        let served = scenario.must_deliver();
        let (mut first_bytes, mut deliveries) = (Vec::new(), Vec::new());
        // Nothing happens before the call; signed, so that a mistake shows.
        let since_call = |at_ns: u64| (at_ns as f64 - run.called_at_ns as f64) / 1e6;
        for engine in 0..served {
            let auction = auction_at(engine, &run, &engines)?;
            first_bytes.push(since_call(
                auction.first_byte_at_ns.context("an empty body")?,
            ));
            deliveries.push(since_call(auction.end_at_ns));
        }
        let (rates, healthy) = (scenario.rates, scenario.healthy());
        let stalls = |engine: usize| rates.get(engine.wrapping_sub(healthy)) == Some(&0);
        let mut requests = engines.requests.iter();
        ensure!(
            requests.all(|request| !stalls(request.engine) || request.bytes < run.auction_bytes),
            "a stalled engine has read the auction"
        );
        ensure!(
            served == run.solvers || run.wall_ms >= execution.deadline_ms as f64,
            "the call ended before those that stall were given up"
        );
        Ok(Self {
            measurement: run,
            engines_cpu_ms: engines.cpu_ms,
            first_byte_ms: Spread::of(first_bytes),
            delivery_ms: Spread::of(deliveries),
            resident,
        })
    }

    /// The largest resident size over that before the call.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.measurement.peak_rss_over_base_kib as f64 / 1024.0
    }

    /// Threads that were there in the end and not before the call.
    pub(crate) fn extra_threads(&self) -> f64 {
        let run = &self.measurement;
        run.threads.saturating_sub(run.threads_at_rest) as f64
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
    use crate::scenario::{Design, LARGE, Rates};

    fn executed(requests: &[Received]) -> Executed {
        Executed {
            measurement: Measurement {
                auction_bytes: 100,
                solvers: 2,
                cpu_ms: 1.0,
                peak_rss_over_base_kib: 1,
                base_rss_kib: 1,
                threads_at_rest: 3,
                threads: 3,
                wall_ms: 1.0,
                productions: 1.0,
                called_at_ns: 5_000_000,
                timers: None,
            },
            engines: EngineReport {
                cpu_ms: 1.0,
                requests: requests.to_vec(),
            },
            resident: Vec::new(),
        }
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

    fn scenario(rates: Rates) -> Scenario {
        Scenario {
            auction: LARGE,
            solvers: 2,
            rates,
            design: Design::OursGzip,
        }
    }

    fn sample(executed: Executed) -> Result<Sample> {
        Sample::new(executed, &scenario(&[]), &Execution::default())
    }

    /// What came of a run in which everybody had everything after so many milliseconds.
    pub(crate) fn delivered(last_ms: f64) -> Sample {
        Sample {
            measurement: executed(&[]).measurement,
            engines_cpu_ms: 1.0,
            first_byte_ms: Spread::of([1.0]),
            delivery_ms: Spread::of([last_ms]),
            resident: Vec::new(),
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
        let found = sample(executed(&requests)).unwrap();
        let ends = |found: Spread| (found.min, found.median, found.max);
        assert_eq!(ends(found.first_byte_ms), (1.0, 2.5, 4.0));
        assert_eq!(ends(found.delivery_ms), (6.0, 13.0, 20.0));
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
        assert!(sample(executed(&whole(0, 100))).is_ok());
        assert!(sample(executed(&whole(1, 100))).is_err());
        assert!(sample(executed(&whole(0, 99))).is_err());
        assert!(sample(executed(&whole(0, 100)[..3])).is_err());
    }

    #[test]
    fn the_healthy_must_have_everything_and_the_stalled_must_not() {
        let healthy = [received(0, 0, 7, 1), received(0, 0, 100, 9_000_000)];
        let found = |requests: &[_], rates, wall_ms| {
            let mut executed = executed(requests);
            executed.measurement.wall_ms = wall_ms;
            let execution = Execution {
                deadline_ms: 50,
                ..Execution::default()
            };
            Sample::new(executed, &scenario(rates), &execution)
        };
        assert_eq!(found(&healthy, &[0], 50.0).unwrap().delivery_ms.max, 4.0);
        assert!(found(&healthy, &[0], 49.0).is_err());
        assert!(found(&healthy, &[], 50.0).is_err());
        let all = [received(1, 0, 7, 1), received(1, 0, 100, 2)];
        let all = [&healthy[..], &all].concat();
        assert!(found(&all, &[0], 50.0).is_err());
        assert!(found(&all, &[2], 50.0).is_ok());
    }

    #[test]
    fn slow_ones_without_healthy_ones_must_have_everything() {
        let first = [received(0, 0, 7, 1), received(0, 0, 100, 2)];
        let second = [received(1, 0, 7, 1), received(1, 0, 100, 2)];
        let found = |requests: &[_]| {
            let execution = Execution::default();
            Sample::new(executed(requests), &scenario(&[4, 5]), &execution)
        };
        assert!(found(&first).is_err());
        assert!(found(&[first, second].concat()).is_ok());
    }
}
