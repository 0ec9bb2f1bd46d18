use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use comparison_records::{Received, monotonic_nanoseconds};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use crate::log::Log;

/// So much a stalled engine reads.
const STALLED_BYTES: u64 = 64 * 1024;

/// One engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    index: usize,
    is_hashing: bool,
    stalls: bool,
    log: Arc<Log>,
}

impl Engine {
    pub(crate) fn new(index: usize, is_hashing: bool, stalls: bool, log: Arc<Log>) -> Self {
        Self {
            index,
            is_hashing,
            stalls,
            log,
        }
    }

    /// Serves every connection, for ever.
    pub(crate) async fn serve(self, listener: TcpListener) {
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
        self.log.add(Received {
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
