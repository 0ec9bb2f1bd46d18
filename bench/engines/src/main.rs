//! Solver engines, all in one process: each reads request bodies to their end and throws them away, and answers that it
//! has found nothing.
//!
//! The first line of the output says where they listen. Each line of the input is answered by one line: what has been
//! received since the last. The end of the input ends the process. What a stalled engine was sent is never told.

use std::future::pending;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use bench_records::{
    EngineReport, Listening, Received, monotonic_nanoseconds, process_cpu_nanoseconds,
};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

/// Threads that serve all engines.
const WORKERS: usize = 2;

/// Solver engines that read bodies to their end and find nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many engines.
    #[arg(long, default_value_t = 1)]
    engines: usize,
    /// Hash every body.
    #[arg(long)]
    check: bool,
    /// How fast the last engines read, in MB/s, separated by commas. At 0 one reads 64 KiB of each body and then nothing
    /// more.
    #[arg(long, value_delimiter = ',')]
    rates: Vec<u32>,
}

fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?
        .block_on(serve(&Arguments::parse()))
}

async fn serve(arguments: &Arguments) -> Result<()> {
    let (log, mut received) = unbounded_channel();
    let mut addresses = Vec::new();
    let healthy = arguments.engines.saturating_sub(arguments.rates.len());
    for index in 0..arguments.engines {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?);
        let engine = Engine {
            index,
            rate: arguments.rates.get(index.wrapping_sub(healthy)).copied(),
            is_hashing: arguments.check,
            log: log.clone(),
        };
        tokio::spawn(engine.serve(listener));
    }
    println!("{}", serde_json::to_string(&Listening { addresses })?);
    let mut cpu = process_cpu_nanoseconds();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let before = std::mem::replace(&mut cpu, process_cpu_nanoseconds());
        let report = EngineReport {
            cpu_ms: (cpu - before) as f64 / 1e6,
            requests: std::iter::from_fn(|| received.try_recv().ok()).collect(),
        };
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(())
}

/// So much a stalled engine reads.
const STALLED_BYTES: u64 = 64 * 1024;

/// One engine.
#[derive(Clone, Debug)]
struct Engine {
    index: usize,
    is_hashing: bool,
    /// In MB/s, where it does not read as fast as it can.
    rate: Option<u32>,
    log: UnboundedSender<Received>,
}

impl Engine {
    /// Serves every connection, for ever.
    async fn serve(self, listener: TcpListener) {
        for connection in 0.. {
            let (stream, _client) = listener.accept().await.expect("a listener accepts");
            let engine = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| engine.answer(connection, request));
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                // Who is slow is given up.
                if let (Err(error), None) = (served, engine.rate) {
                    eprintln!("engine {}: {error}", engine.index);
                }
            });
        }
    }

    async fn answer(
        &self,
        connection: u64,
        request: Request<Incoming>,
    ) -> hyper::Result<Response<Full<Bytes>>> {
        let mut body = request.into_body();
        let mut hasher = self.is_hashing.then(Sha256::new);
        let (mut first_byte_at_ns, mut bytes) = (None, 0);
        let began = Instant::now();
        while let Some(frame) = body.frame().await {
            let Some(data) = frame?.into_data().ok().filter(|data| !data.is_empty()) else {
                continue;
            };
            first_byte_at_ns.get_or_insert_with(monotonic_nanoseconds);
            bytes += data.len() as u64;
            match self.rate {
                // The connection stays, and with it what the kernel holds for it, until the process ends.
                Some(0) if bytes >= STALLED_BYTES => return pending().await,
                None | Some(0) => {}
                Some(rate) => {
                    let due = Duration::from_micros(bytes / u64::from(rate));
                    sleep_until(began + due).await;
                }
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&data);
            }
        }
        let _process_ends = self.log.send(Received {
            engine: self.index,
            connection,
            first_byte_at_ns,
            end_at_ns: monotonic_nanoseconds(),
            bytes,
            sha256: hasher.map(|hasher| hasher.finalize().into()),
        });
        let mut response = Response::new(Full::new(Bytes::from_static(br#"{"solutions":[]}"#)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}
