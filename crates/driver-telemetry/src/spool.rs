use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use driver_streaming::{Spool, SpoolStatus};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// For how long a look at the folder serves all metrics: those of one export come one after the other.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Records with `meter` what is in a spool and what becomes of it. The README lists the metrics.
///
/// Whenever metrics are collected, the spool's folder is listed, on the thread that collects. The meter keeps the spool open.
pub fn observe_spool(meter: &Meter, spool: &Spool) {
    let depth = Arc::new(Depth {
        spool: spool.clone(),
        last: Mutex::default(),
    });
    let by_state = Arc::clone(&depth);
    meter
        .u64_observable_gauge("driver_streaming.spool.objects")
        .with_unit("{object}")
        .with_description("Objects in the spool.")
        .with_callback(move |gauge| {
            if let Some(status) = by_state.look() {
                gauge.observe(status.objects, &[state("waiting")]);
                gauge.observe(status.failed, &[state("set_aside")]);
            }
        })
        .build();
    let bytes = Arc::clone(&depth);
    meter
        .u64_observable_gauge("driver_streaming.spool.size")
        .with_unit("By")
        .with_description("Size of the objects that wait in the spool.")
        .with_callback(move |gauge| {
            if let Some(status) = bytes.look() {
                gauge.observe(status.bytes, &[]);
            }
        })
        .build();
    meter
        .f64_observable_gauge("driver_streaming.spool.oldest.age")
        .with_unit("s")
        .with_description("For how long the oldest object has waited in the spool.")
        .with_callback(move |gauge| {
            if let Some(status) = depth.look() {
                gauge.observe(status.oldest.unwrap_or_default().as_secs_f64(), &[]);
            }
        })
        .build();
    let counted = spool.clone();
    meter
        .u64_observable_counter("driver_streaming.spool.uploads")
        .with_unit("{upload}")
        .with_description("Uploads from the spool.")
        .with_callback(move |counter| {
            let counts = counted.counts();
            for (result, count) in [
                ("uploaded", counts.uploaded),
                ("set_aside", counts.set_aside),
                ("failed", counts.failed),
            ] {
                let result = KeyValue::new("driver_streaming.spool.result", result);
                counter.observe(count, &[result]);
            }
        })
        .build();
    let refusing = spool.clone();
    meter
        .u64_observable_counter("driver_streaming.spool.refused")
        .with_unit("{object}")
        .with_description("Objects that were refused because the spool or its disk was full.")
        .with_callback(move |counter| counter.observe(refusing.counts().refused, &[]))
        .build();
}

fn state(state: &'static str) -> KeyValue {
    KeyValue::new("driver_streaming.spool.state", state)
}

/// What is in a spool, by a look that is not older than a second.
struct Depth {
    spool: Spool,
    last: Mutex<Option<(Instant, SpoolStatus)>>,
}

impl Depth {
    fn look(&self) -> Option<SpoolStatus> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((at, status)) if at.elapsed() < LOOK_AGAIN => Some(status),
            _ => {
                let status = self.spool.status_now().ok()?;
                *last = Some((Instant::now(), status));
                Some(status)
            }
        }
    }
}
