use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::ANSWER;
use super::taking::Taking;
use crate::ledger::Ledger;
use crate::plan::Behaviour;

/// An engine for what the library's stand-in does not do, and with other decoders.
#[derive(Debug)]
pub(super) struct Scripted {
    behaviour: Behaviour,
    ledger: Arc<Ledger>,
    /// How many requests there were of each auction, by their id.
    requests: Mutex<HashMap<Vec<u8>, u32>>,
}

impl Scripted {
    pub(super) fn new(behaviour: Behaviour, ledger: Arc<Ledger>) -> Self {
        Self {
            behaviour,
            ledger,
            requests: Mutex::default(),
        }
    }

    /// Serves for as long as it is polled.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        continue;
                    };
                    let engine = Arc::clone(&self);
                    connections.spawn(async move {
                        let service = service_fn(move |request| Arc::clone(&engine).answer(request));
                        let builder = auto::Builder::new(TokioExecutor::new());
                        // Connections break as they are meant to.
                        let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let mut taking = Taking::new(&head.headers, body, Arc::clone(&self.ledger));
        match self.behaviour {
            Behaviour::Early { after, drained } => {
                let ended = taking.take(after).await;
                if drained && !ended {
                    tokio::spawn(async move { taking.take(u64::MAX).await });
                }
                Ok(good())
            }
            Behaviour::Flaky { failures, status } => {
                let id = head.headers.get("x-request-id");
                let id = id.map(|id| id.as_bytes().to_owned()).unwrap_or_default();
                taking.take(u64::MAX).await;
                if self.count(id) > failures {
                    return Ok(good());
                }
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                let at_once = HeaderValue::from_static("0");
                response.headers_mut().insert(RETRY_AFTER, at_once);
                Ok(response)
            }
            _ => {
                taking.take(u64::MAX).await;
                Ok(good())
            }
        }
    }

    fn count(&self, id: Vec<u8>) -> u32 {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = requests.entry(id).or_default();
        *count += 1;
        *count
    }
}

fn good() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
