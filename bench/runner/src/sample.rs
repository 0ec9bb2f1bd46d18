use comparison_records::{EngineReport, Measurement, Received};
use serde::Serialize;

use crate::Result;
use crate::statistics::median;

/// One run of one design.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// What the program says of itself.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// User and system time of the engines' process, in milliseconds.
    pub engines_cpu_ms: f64,
    /// From the call to the first byte at the engine that had it first, in milliseconds.
    pub first_byte_earliest_ms: f64,
    /// The same at the engine in the middle.
    pub first_byte_median_ms: f64,
    /// The same at the engine that had it last.
    pub first_byte_latest_ms: f64,
}

impl Sample {
    /// Puts together what the program and the engines say, if they agree.
    ///
    /// # Errors
    /// When an engine was not sent the whole auction once, by the connection of the request before.
    pub(crate) fn new(measurement: Measurement, report: &EngineReport) -> Result<Self> {
        let mut first_bytes = Vec::new();
        for engine in 0..measurement.solvers {
            let auction = auction_at(engine, &measurement, report)?;
            let at = auction.first_byte_at_ns.ok_or("an empty body")?;
            // An engine cannot have a byte before the call; signed, so that a mistake shows.
            first_bytes.push((at as f64 - measurement.called_at_ns as f64) / 1e6);
        }
        Ok(Self {
            measurement,
            engines_cpu_ms: report.cpu_ms,
            first_byte_earliest_ms: first_bytes.iter().copied().fold(f64::INFINITY, f64::min),
            first_byte_median_ms: median(first_bytes.iter().copied()),
            first_byte_latest_ms: first_bytes
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// The request by which an engine was sent the auction.
///
/// # Errors
/// When it was not sent the whole auction once, by the connection of the request before.
pub(crate) fn auction_at<'a>(
    engine: usize,
    measurement: &Measurement,
    report: &'a EngineReport,
) -> Result<&'a Received> {
    let mut requests = report
        .requests
        .iter()
        .filter(|request| request.engine == engine);
    let (Some(warm_up), Some(auction), None) = (requests.next(), requests.next(), requests.next())
    else {
        return Err(format!("engine {engine} was not sent two requests").into());
    };
    if warm_up.connection != auction.connection {
        return Err(format!("engine {engine} was sent the auction by a new connection").into());
    }
    if auction.bytes != measurement.auction_bytes {
        let (found, expected) = (auction.bytes, measurement.auction_bytes);
        return Err(format!("engine {engine} was sent {found} bytes of {expected}").into());
    }
    Ok(auction)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn measurement() -> Measurement {
        Measurement {
            design: "ours".to_owned(),
            codec: "gzip".to_owned(),
            auction_bytes: 100,
            solvers: 2,
            cpu_ms: 1.0,
            system_ms: 0.0,
            peak_rss_over_base_kib: 1,
            base_rss_kib: 1,
            threads_at_rest: 3,
            threads: 3,
            wall_ms: 1.0,
            archive_bytes: 1,
            archives: 1,
            productions: 1.0,
            called_at_ns: 5_000_000,
            timers: None,
        }
    }

    pub(crate) fn received(engine: usize, connection: u64, bytes: u64, first: u64) -> Received {
        Received {
            engine,
            connection,
            first_byte_at_ns: Some(first),
            end_at_ns: first,
            bytes,
            sha256: None,
        }
    }

    pub(crate) fn report(requests: &[Received]) -> EngineReport {
        EngineReport {
            cpu_ms: 1.0,
            requests: requests.to_vec(),
        }
    }

    #[test]
    fn first_bytes_are_counted_from_the_call() {
        let requests = [
            received(0, 0, 7, 1),
            received(1, 0, 7, 1),
            received(1, 0, 100, 9_000_000),
            received(0, 0, 100, 6_000_000),
        ];
        let sample = Sample::new(measurement(), &report(&requests)).unwrap();
        assert_eq!(sample.first_byte_earliest_ms, 1.0);
        assert_eq!(sample.first_byte_median_ms, 2.5);
        assert_eq!(sample.first_byte_latest_ms, 4.0);
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
        assert!(Sample::new(measurement(), &report(&whole(0, 100))).is_ok());
        assert!(Sample::new(measurement(), &report(&whole(1, 100))).is_err());
        assert!(Sample::new(measurement(), &report(&whole(0, 99))).is_err());
        assert!(Sample::new(measurement(), &report(&whole(0, 100)[..3])).is_err());
    }
}
