//! Solver engines, all in one process: each reads request bodies to their end and throws them away, and answers that it
//! has found nothing.
//!
//! The first line of the output has their addresses, separated by commas. Each line of the input is answered by one line:
//! what has been received since the last. The end of the input ends the process. A request that a stalled engine was sent is
//! never reported.

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bench_records::{
    EngineReport, Manner, Received, monotonic_nanoseconds, process_cpu_nanoseconds,
};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
    /// What the last engines do, a JSON array.
    #[arg(long, default_value = "[]")]
    last: String,
    /// What they speak: `http`, or over TLS `tls` (HTTP/1.1) or `http2`.
    #[arg(long, default_value = "http")]
    protocol: String,
}

/// For this machine; the tests of `upload-client` made them.
const CERTIFICATE: &[u8] =
    include_bytes!("../../../crates/upload-client/tests/it/certificates/server.pem");
const KEY: &[u8] =
    include_bytes!("../../../crates/upload-client/tests/it/certificates/server.key.pem");

fn acceptor(protocol: &str) -> Result<Option<TlsAcceptor>> {
    let application = match protocol {
        "http" => return Ok(None),
        "tls" => "http/1.1",
        _ => "h2",
    };
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_slice(KEY)?;
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![application.into()];
    Ok(Some(Arc::new(config).into()))
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
    let last: Vec<Manner> = serde_json::from_str(&arguments.last)?;
    let healthy = arguments.engines.saturating_sub(last.len());
    let acceptor = acceptor(&arguments.protocol)?;
    for index in 0..arguments.engines {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        addresses.push(listener.local_addr()?.to_string());
        let engine = Engine {
            index,
            manner: last.get(index.wrapping_sub(healthy)).copied(),
            acceptor: acceptor.clone(),
            is_hashing: arguments.check,
            log: log.clone(),
        };
        tokio::spawn(engine.serve(listener));
    }
    println!("{}", addresses.join(","));
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

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A stalled engine reads this much. A warm-up is shorter.
const STALLED_BYTES: u64 = 64 * 1024;

/// One engine.
#[derive(Clone)]
struct Engine {
    index: usize,
    is_hashing: bool,
    /// `None` when it is healthy.
    manner: Option<Manner>,
    acceptor: Option<TlsAcceptor>,
    log: UnboundedSender<Received>,
}

impl Engine {
    /// Serves every connection, for ever.
    async fn serve(self, listener: TcpListener) {
        for connection in 0.. {
            // TCP_NODELAY stays off, as in many servers.
            let (stream, _client) = listener.accept().await.expect("a listener accepts");
            let engine = self.clone();
            tokio::spawn(async move {
                let manner = engine.manner;
                // The driver gives up an engine that is not healthy.
                if let (Err(error), None) = (engine.converse(connection, stream).await, manner) {
                    eprintln!("an engine: {error}");
                }
            });
        }
    }

    async fn converse(self, connection: u64, stream: TcpStream) -> Result<(), BoxError> {
        let acceptor = self.acceptor.clone();
        let service = service_fn(move |request| self.clone().answer(connection, request));
        let server = auto::Builder::new(TokioExecutor::new());
        match acceptor {
            None => server.serve_connection(TokioIo::new(stream), service).await,
            Some(acceptor) => {
                let stream = TokioIo::new(acceptor.accept(stream).await?);
                server.serve_connection(stream, service).await
            }
        }
    }

    async fn answer(
        self,
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
            match self.manner {
                // The connection stays, and with it what the kernel holds for it, until the process ends.
                Some(Manner::Stalls) if bytes >= STALLED_BYTES => return pending().await,
                Some(Manner::Reads(rate)) => {
                    let due = Duration::from_micros(bytes / u64::from(rate));
                    sleep_until(began + due).await;
                }
                _ => {}
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
        if let Some(Manner::Thinks(ms)) = self.manner.filter(|_| bytes >= STALLED_BYTES) {
            sleep(Duration::from_millis(ms.into())).await;
        }
        let mut response = Response::new(Full::new(Bytes::from_static(br#"{"solutions":[]}"#)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}
