use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use http::StatusCode;
use object_store::{
    ClientOptions, HeaderValue,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    },
};
use tokio::time::timeout;

use crate::write::attempt::{CreateOnly, RequestEffect, RequestError, no_answer};

/// How long a request without a body may take to be answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The slowest uplink whose requests are not taken for stuck, in bytes for each second.
const SLOWEST_UPLINK: usize = 8 * 1024;

/// The HTTP client of an S3 store that is written to, between `object_store` and another client.
///
/// - It completes uploads only where nothing is, which `object_store` does not ask for. A server that does not
///   implement that is asked again without.
/// - It gives each failed PUT to the archive, which makes it again, with what the request has done: connections that were
///   never made are no doubt. `object_store`'s own retries are for the other requests; let them last as long as the
///   archive may take.
/// - Conflicts of requests at the same time, timeouts that S3 reports, and bodies that have come damaged are made again.
///   What an answer of 200 to a completion has as an error in its body, is one. A key that looks like such an error is
///   none.
/// - A request has 30 s ([`answer_within`](Self::answer_within)) and, so that no uplink is cut off for being slow, a second
///   more for each 8 KiB. Switch the client's own time limit off ([`ClientOptions::with_timeout_disabled`]). On Linux, a
///   server that acknowledges nothing for 30 s is noticed before that by the kernel: reqwest sets `TCP_USER_TIMEOUT`.
#[derive(Debug)]
pub struct S3Connector<C> {
    inner: C,
    create_only: bool,
    answer_within: Duration,
}

impl<C: HttpConnector> S3Connector<C> {
    /// Completes uploads only where nothing is.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            create_only: true,
            answer_within: ANSWER_WITHIN,
        }
    }

    /// How long the store may take to answer, besides the time that sending takes. Default: 30 s.
    #[must_use]
    pub fn answer_within(self, limit: Duration) -> Self {
        let answer_within = limit;
        Self {
            answer_within,
            ..self
        }
    }

    /// Completes uploads whatever is there: for [`Overwrite::Replace`](crate::Overwrite::Replace).
    #[must_use]
    pub fn replacing(self) -> Self {
        let create_only = false;
        Self {
            create_only,
            ..self
        }
    }
}

impl<C: HttpConnector> HttpConnector for S3Connector<C> {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(S3Client {
            inner: self.inner.connect(options)?,
            asks_condition: AtomicBool::new(self.create_only),
            answer_within: self.answer_within,
        }))
    }
}

#[derive(Debug)]
struct S3Client {
    inner: HttpClient,
    asks_condition: AtomicBool,
    answer_within: Duration,
}

/// A request that makes an object visible, or has a part of one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Put,
    Part,
    Completion,
}

impl Sent {
    fn of(request: &HttpRequest) -> Option<Self> {
        let query = request.uri().query().unwrap_or_default();
        let is_upload = query.contains("uploadId=");
        match request.method().as_str() {
            "PUT" if is_upload => Some(Self::Part),
            "PUT" => Some(Self::Put),
            "POST" if is_upload => Some(Self::Completion),
            _ => None,
        }
    }
}

#[async_trait]
impl HttpService for S3Client {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Some(sent) = Sent::of(&request) else {
            return self.send(request).await;
        };
        let asks = sent == Sent::Completion && self.asks_condition.load(Relaxed);
        let again = asks.then(|| request.clone());
        if asks {
            let any = HeaderValue::from_static("*");
            request.headers_mut().insert("if-none-match", any);
        }
        let answer = match (self.send(request).await, sent) {
            (Err(error), Sent::Put) => {
                let effect = match error.kind() {
                    HttpErrorKind::Connect => RequestEffect::NotSent,
                    _ => RequestEffect::Unclear,
                };
                return Err(to_the_archive(effect, error));
            }
            (answer, _) => answer?,
        };
        if answer.status().is_success() && sent != Sent::Completion {
            return Ok(answer);
        }
        let (mut parts, body) = answer.into_parts();
        let body: Vec<_> = body.bytes_stream().try_collect().await?;
        let text = String::from_utf8_lossy(&body.concat()).into_owned();
        let code = element(&text, "Code").unwrap_or_default();
        if parts.status.is_success() {
            if text.contains("<CompleteMultipartUploadResult") {
                if asks {
                    parts.extensions.insert(CreateOnly);
                }
                // Without the key, in which object_store would find the names of errors.
                let e_tag = element(&text, "ETag").unwrap_or_default();
                let text = format!(
                    "<CompleteMultipartUploadResult><ETag>{e_tag}</ETag></CompleteMultipartUploadResult>"
                );
                return Ok(HttpResponse::from_parts(parts, text.into()));
            }
            parts.status = status_of(code);
        }
        match (parts.status, code) {
            (StatusCode::NOT_IMPLEMENTED, _) if sent != Sent::Part => match again {
                Some(request) => {
                    self.asks_condition.store(false, Relaxed);
                    return self.call(request).await;
                }
                None => return Err(to_the_archive(RequestEffect::Unsupported, text)),
            },
            (_, "BadDigest" | "XAmzContentSHA256Mismatch") if sent == Sent::Put => {
                return Err(to_the_archive(RequestEffect::NotSent, text));
            }
            (
                _,
                "ConditionalRequestConflict"
                | "RequestTimeout"
                | "BadDigest"
                | "XAmzContentSHA256Mismatch",
            ) => parts.status = StatusCode::SERVICE_UNAVAILABLE,
            _ => {}
        }
        let effect = match (sent, parts.status.as_u16()) {
            (Sent::Part, _)
            | (_, 401 | 403 | 404 | 409 | 412)
            | (Sent::Completion, 408 | 429 | 500..) => {
                return Ok(HttpResponse::from_parts(parts, text.into()));
            }
            (Sent::Put, 408 | 429 | 500..) => RequestEffect::Unclear,
            _ => RequestEffect::Refused,
        };
        Err(to_the_archive(effect, format!("{}: {text}", parts.status)))
    }
}

impl S3Client {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let for_size = (request.body().content_length() / SLOWEST_UPLINK) as u64;
        let limit = self.answer_within + Duration::from_secs(for_size);
        let answer = timeout(limit, self.inner.execute(request)).await;
        answer.unwrap_or_else(|_elapsed| Err(HttpError::new(HttpErrorKind::Timeout, no_answer())))
    }
}

/// An error that `object_store` does not retry.
fn to_the_archive(
    effect: RequestEffect,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> HttpError {
    HttpError::new(HttpErrorKind::Decode, RequestError::new(effect, source))
}

/// The status that an error has which came with 200.
fn status_of(code: &str) -> StatusCode {
    match code {
        "" | "InternalError" | "SlowDown" | "ServiceUnavailable" | "OperationAborted" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "NoSuchUpload" | "NoSuchBucket" => StatusCode::NOT_FOUND,
        "PreconditionFailed" => StatusCode::PRECONDITION_FAILED,
        "AccessDenied" => StatusCode::FORBIDDEN,
        "NotImplemented" => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The text of the first element of this name in an answer of S3.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (found, _) = rest.split_once(&format!("</{name}>"))?;
    Some(found)
}
