//! Solver engines, all in one process: each reads request bodies to their end and throws them away, and answers that it
//! has found nothing.
//!
//! The first line of the output says where they listen. Each line of the input that is `report` is answered by one line:
//! what has been received since the last. The end of the input ends the process. What a stalled engine was sent is never
//! told.

use std::error::Error;
use std::future::pending;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bench_records::{
    EngineReport, Listening, Received, monotonic_nanoseconds, process_cpu_nanoseconds,
};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

/// Solver engines that read bodies to their end and find nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many engines.
    #[arg(long, default_value_t = 1)]
    engines: usize,
    /// Hash every body.
    #[arg(long)]
    check: bool,
    /// How many of the engines, the last ones, read 64 KiB of each body and then nothing more.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    /// Threads that serve all engines.
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.workers)
        .enable_all()
        .build()?
        .block_on(serve(&arguments))
}

async fn serve(arguments: &Arguments) -> Result<()> {
    let log = Arc::new(Log::new());
    let mut addresses = Vec::new();
    for index in 0..arguments.engines {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?);
        let stalls = index + arguments.stalled >= arguments.engines;
        let engine = Engine {
            index,
            stalls,
            is_hashing: arguments.check,
            log: Arc::clone(&log),
        };
        tokio::spawn(engine.serve(listener));
    }
    print(&serde_json::to_value(Listening { addresses })?)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "report" => print(&serde_json::to_value(log.report())?)?,
            _ => return Err("expected `report`".into()),
        }
    }
    Ok(())
}

fn print(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}

/// So much a stalled engine reads.
const STALLED_BYTES: u64 = 64 * 1024;

/// One engine.
#[derive(Clone, Debug)]
struct Engine {
    index: usize,
    is_hashing: bool,
    stalls: bool,
    log: Arc<Log>,
}

impl Engine {
    /// Serves every connection, for ever.
    async fn serve(self, listener: TcpListener) {
        for connection in 0.. {
            let stream = match listener.accept().await {
                Ok((stream, _client)) => stream,
                Err(error) => {
                    eprintln!("engine {}: {error}", self.index);
                    return;
                }
            };
            let engine = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| engine.answer(connection, request));
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                if let Err(error) = served {
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
        if request.headers().contains_key(CONTENT_ENCODING) {
            let mut refused = Response::new(Full::default());
            *refused.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Ok(refused);
        }
        let mut body = request.into_body();
        let mut hasher = self.is_hashing.then(Sha256::new);
        let (mut first_byte_at_ns, mut bytes) = (None, 0);
        while let Some(frame) = body.frame().await {
            let Some(data) = frame?.into_data().ok().filter(|data| !data.is_empty()) else {
                continue;
            };
            first_byte_at_ns.get_or_insert_with(monotonic_nanoseconds);
            bytes += data.len() as u64;
            if self.stalls && bytes >= STALLED_BYTES {
                // The connection stays, and with it what the kernel holds for it, until the process ends.
                return pending().await;
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&data);
            }
        }
        self.log.requests().push(Received {
            engine: self.index,
            connection,
            first_byte_at_ns,
            end_at_ns: monotonic_nanoseconds(),
            bytes,
            sha256: hasher.map(|hasher| hex(&hasher.finalize())),
        });
        let mut response = Response::new(Full::new(Bytes::from_static(br#"{"solutions":[]}"#)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What happened since the last report.
#[derive(Debug)]
struct Log {
    cpu_nanoseconds: AtomicU64,
    requests: Mutex<Vec<Received>>,
}

impl Log {
    fn new() -> Self {
        Self {
            cpu_nanoseconds: AtomicU64::new(process_cpu_nanoseconds()),
            requests: Mutex::default(),
        }
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Received>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> EngineReport {
        let now = process_cpu_nanoseconds();
        EngineReport {
            cpu_ms: (now - self.cpu_nanoseconds.swap(now, Relaxed)) as f64 / 1e6,
            requests: std::mem::take(&mut *self.requests()),
        }
    }
}
