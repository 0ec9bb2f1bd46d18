use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use driver_streaming::Solver;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::runtime;

/// A solver engine in this process that speaks HTTP/2 and keeps what it is sent. It ends with this value.
pub(crate) struct Http2Engine {
    address: SocketAddr,
    requests: Receiver<Http2Request>,
    task: JoinHandle<()>,
}

/// A request as it came over HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2Request {
    /// What came of the body.
    pub(crate) body: Vec<u8>,
    /// Why the stream ended before its time, all causes in one line.
    pub(crate) error: Option<String>,
}

/// What an engine that refuses says.
pub(crate) const REFUSAL: &str = r#"{"reason":"too much"}"#;

impl Http2Engine {
    /// One that reads everything and answers well.
    pub(crate) fn start() -> Self {
        Self::reading(true)
    }

    /// One that refuses requests when they begin, and reads nothing of their bodies.
    pub(crate) fn refusing() -> Self {
        Self::reading(false)
    }

    fn reading(reads: bool) -> Self {
        let (sender, requests) = channel();
        let listener = runtime()
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("an engine can listen");
        let address = listener.local_addr().expect("it has an address");
        let task = runtime().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        answer(request, reads, sender.clone())
                    });
                    let builder = Builder::new(TokioExecutor::new());
                    // A connection's error is its client's to report.
                    let _served = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// This engine, for the library.
    pub(crate) fn solver(&self, name: &str) -> Solver {
        let url = format!("http://{}", self.address);
        let solver = Solver::new(name, &url).expect("the URL is one");
        solver.with_http2()
    }

    /// The next request, if it has come.
    pub(crate) fn try_request(&self) -> Option<Http2Request> {
        self.requests.try_recv().ok()
    }
}

impl Drop for Http2Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    reads: bool,
    sender: Sender<Http2Request>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.version(), Version::HTTP_2);
    if !reads {
        let mut response = Response::new(Full::from(REFUSAL));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(response);
    }
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    let mut error = None;
    while let Some(frame) = incoming.frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().expect("no trailers")),
            Err(found) => {
                error = Some(chain(&found));
                break;
            }
        }
    }
    let _heard = sender.send(Http2Request { body, error });
    Ok(Response::new(Full::from(&br#"{"solutions":[]}"#[..])))
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
