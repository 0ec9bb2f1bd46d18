//! A driver that sends each solver its own document, with its own deadline and its own prefix in S3. The module
//! `infra::solver::streaming` of the production driver does the same without this crate.
//!
//! ```console
//! $ cargo run -p driver-streaming --example per_solver --features archive,gzip,reqwest
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use archive_sink::Archive;
use archive_sink::object_store::memory::InMemory;
use archive_sink::object_store::path::Path;
use driver_streaming::{ArchiveHandle, BodyHandle, stream_body, stream_body_and_archive};
use serde::Serialize;
use solver_stand_in::StandIn;
use tokio_util::task::TaskTracker;

/// What one solver is sent.
#[derive(Clone, Serialize)]
struct Auction {
    id: Option<i64>,
    orders: Vec<String>,
}

/// One solver of the driver.
struct Solver {
    name: &'static str,
    endpoint: String,
    client: reqwest::Client,
    /// With this solver's prefix.
    archive: Archive,
    /// Tasks that continue after a request.
    background: TaskTracker,
}

impl Solver {
    async fn solve(&self, auction: Auction, timeout: Duration) -> Result<String, reqwest::Error> {
        // Quotes have no id, and are not archived.
        let (body, sent) = match auction.id {
            None => stream_body(auction),
            Some(id) => {
                let name = format!("{id}.json");
                let (body, sent, archived) = stream_body_and_archive(auction, &self.archive, &name);
                self.background.spawn(note_archive(self.name, archived));
                (body, sent)
            }
        };
        self.background.spawn(note_measurements(self.name, sent));
        let request = self.client.post(format!("{}/solve", self.endpoint));
        let request = request.header("content-type", "application/json");
        let response = request.timeout(timeout).body(body).send().await?;
        response.error_for_status()?.text().await
    }
}

async fn note_archive(solver: &str, archived: ArchiveHandle) {
    match archived.ended().await {
        Ok(receipt) => println!(
            "{solver}: archived as {}, {} of {} bytes",
            receipt.location, receipt.stored_bytes, receipt.raw_bytes
        ),
        Err(error) => eprintln!("{solver}: {}", driver_streaming::error_chain(&error)),
    }
}

/// The driver would record its metrics `serialize_request` and `stream_request` here.
async fn note_measurements(solver: &str, sent: BodyHandle) {
    let found = sent.measurements().await;
    println!(
        "{solver}: {}, serialised in {:?}, began after {:?}, sent in {:?}, {:?} in all",
        found.body.ending,
        found.serializing,
        found.body.to_first_poll,
        found.body.transmission,
        found.body.total
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = StandIn::builder();
    let engine = engine
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await?;
    let endpoint = engine.url();
    tokio::spawn(engine.serve());

    let store = Arc::new(InMemory::new());
    let archive = |name| {
        Archive::builder(store.clone())
            .prefix(Path::from(name))
            .build()
    };
    let client = reqwest::Client::builder().no_proxy().build()?;
    let auction = Auction {
        id: Some(8_339_027),
        orders: vec!["order".repeat(20); 10_000],
    };
    let background = TaskTracker::new();
    for name in ["baseline", "naive"] {
        let solver = Solver {
            name,
            endpoint: endpoint.clone(),
            client: client.clone(),
            archive: archive(name)?,
            background: background.clone(),
        };
        let answer = solver.solve(auction.clone(), Duration::from_secs(15)).await;
        println!("{name}: answered {}", answer?);
    }
    background.close();
    background.wait().await;
    Ok(())
}
