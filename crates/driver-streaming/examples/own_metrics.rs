//! Your own metrics, by an `Observer`: here as Prometheus text. The crates `metrics`, `prometheus` and `opentelemetry` work the
//! same way.
//!
//! ```console
//! $ cargo run -p driver-streaming --example own_metrics --features client
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use driver_streaming::{
    Dispatch, JsonDocument, Measurements, Observer, Outcome, Pipeline, ProductionMeter, Solver,
    SolverFailure, SolverOutcome,
};
use solver_stand_in::StandIn;

/// Counters by name and labels.
#[derive(Clone, Debug, Default)]
struct Metrics(Arc<Mutex<BTreeMap<String, f64>>>);

impl Metrics {
    fn add(&self, name: String, value: f64) {
        let mut counters = self.0.lock().expect("no code that panics holds it");
        *counters.entry(name).or_default() += value;
    }

    fn text(&self) -> String {
        let counters = self.0.lock().expect("no code that panics holds it");
        counters
            .iter()
            .map(|(name, value)| format!("{name} {value}\n"))
            .collect()
    }
}

impl Observer for Metrics {
    fn body_ended(&self, solver: usize, body: &Measurements) {
        let labels = format!("{{solver=\"{solver}\",ending=\"{}\"}}", body.ending);
        self.add(
            format!("auction_sent_bytes_total{labels}"),
            body.bytes as f64,
        );
        let transmission = body.transmission.unwrap_or_default();
        self.add(
            format!("auction_transmission_seconds_total{labels}"),
            transmission.as_secs_f64(),
        );
    }

    fn solver_ended(&self, _solver: usize, outcome: &SolverOutcome) {
        let result = outcome.failure.as_ref().map_or("ok", SolverFailure::kind);
        let name = &outcome.name;
        self.add(
            format!("solver_requests_total{{solver={name:?},result={result:?}}}"),
            1.0,
        );
    }

    fn run_ended(&self, _outcome: &Outcome, production: &ProductionMeter) {
        self.add(
            "auction_serialize_seconds_total".to_owned(),
            production.busy().as_secs_f64(),
        );
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::default();
    let mut pipeline = Pipeline::builder();
    for (name, status) in [("baseline", 200), ("naive", 422)] {
        let engine = StandIn::builder().status(status);
        let engine = engine
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await?;
        pipeline = pipeline.solver(Solver::new(name, &engine.url())?);
        tokio::spawn(engine.serve());
    }
    let of_every_run = metrics.clone();
    let pipeline = pipeline
        .observe(move |_run| Arc::new(of_every_run.clone()))
        .build()?;
    for _ in 0..2 {
        pipeline
            .run(Dispatch::new(JsonDocument::new(vec!["order"; 10_000])))
            .await;
    }
    println!("{}", metrics.text());
    Ok(())
}
