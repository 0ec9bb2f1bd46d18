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

/// The slowest uplink whose requests are not considered stuck, in bytes per second.
const SLOWEST_UPLINK: usize = 8 * 1024;

/// The HTTP client for an S3 store that an archive writes to. It wraps the client that `object_store` would use.
///
/// - It completes uploads only where there is no object, which `object_store` cannot ask for. If a server does not implement
///   that condition, it asks again without.
/// - It passes each failed PUT to the archive, which repeats it, and says what the request has done: a connection that was
///   never made leaves no doubt. `object_store` retries the other requests; let its retries last as long as the archive may
///   take.
/// - It repeats requests that conflicted with others, that S3 says timed out, or whose body arrived damaged. It finds
///   the error in the body of a completion that was answered with 200, and ignores a key that looks like such an error.
/// - A request has 30 s ([`answer_within`](Self::answer_within)) and one more second for each 8 KiB, so that no uplink is cut
///   off for being slow. Switch off the client's own time limit ([`ClientOptions::with_timeout_disabled`]). On Linux, the
///   kernel notices earlier if a server acknowledges nothing for 30 s, because reqwest sets `TCP_USER_TIMEOUT`.
#[derive(Debug)]
pub struct S3Connector<C> {
    inner: C,
    create_only: bool,
    answer_within: Duration,
}

impl<C: HttpConnector> S3Connector<C> {
    /// Wraps a client, and completes uploads only where there is no object.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            create_only: true,
            answer_within: ANSWER_WITHIN,
        }
    }

    /// Sets how long the store may take to answer, not counting the time for sending. Default: 30 s.
    #[must_use]
    pub fn answer_within(self, limit: Duration) -> Self {
        let answer_within = limit;
        Self {
            answer_within,
            ..self
        }
    }

    /// Completes uploads unconditionally, for [`Overwrite::Replace`](crate::Overwrite::Replace).
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

/// A request that carries an object or a part, or makes an object visible.
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
                // Without the key, which object_store would search for the names of errors.
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

/// The status that belongs to an error that was sent with 200.
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

/// The text of the first element of this name in an answer from S3.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (found, _) = rest.split_once(&format!("</{name}>"))?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;
    use tokio::time::Instant;

    use super::*;

    /// Answers every request with this status and code of an error, or none.
    #[derive(Debug)]
    struct Server(Option<(u16, &'static str)>);

    #[async_trait]
    impl HttpService for Server {
        async fn call(&self, _request: HttpRequest) -> Result<HttpResponse, HttpError> {
            let Some((status, code)) = self.0 else {
                return std::future::pending().await;
            };
            let text = format!("<Error><Code>{code}</Code></Error>");
            let mut answer = HttpResponse::new(text.into());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(answer)
        }
    }

    /// What the client makes of the answer: a status, or what has been done.
    async fn answer(
        server: Server,
        (method, query): (&str, &str),
        bytes: usize,
    ) -> Result<u16, RequestEffect> {
        let client = S3Client {
            inner: HttpClient::new(server),
            asks_condition: AtomicBool::new(false),
            answer_within: ANSWER_WITHIN,
        };
        let request = http::Request::builder().method(method);
        let request = request.uri(format!("http://s3/a{query}"));
        let body = HttpRequestBody::from(vec![0; bytes]);
        let answer = client.call(request.body(body).unwrap()).await;
        answer
            .map(|answer| answer.status().as_u16())
            .map_err(|error| {
                let source = Box::new(error);
                RequestEffect::of(&object_store::Error::Generic {
                    store: "S3",
                    source,
                })
            })
    }

    const PUT: (&str, &str) = ("PUT", "");
    const PART: (&str, &str) = ("PUT", "?partNumber=1&uploadId=a");
    const COMPLETION: (&str, &str) = ("POST", "?uploadId=a");

    #[tokio::test(start_paused = true)]
    async fn a_request_has_thirty_seconds_and_one_more_for_each_8_kib() {
        for (bytes, seconds) in [(8_191, 30), (80 * 1024, 40)] {
            let start = Instant::now();
            let answer = answer(Server(None), PUT, bytes).await;
            assert_eq!(answer, Err(RequestEffect::Unclear));
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test]
    async fn the_error_in_the_body_of_a_completion_counts_and_not_its_status() {
        for (code, expected) in [
            ("", Ok(503)),
            ("InternalError", Ok(503)),
            ("ConditionalRequestConflict", Ok(503)),
            ("NoSuchUpload", Ok(404)),
            ("PreconditionFailed", Ok(412)),
            ("AccessDenied", Ok(403)),
            ("NotImplemented", Err(RequestEffect::Unsupported)),
            ("InvalidPart", Err(RequestEffect::Refused)),
        ] {
            let answer = answer(Server(Some((200, code))), COMPLETION, 0).await;
            assert_eq!(answer, expected, "{code}");
        }
    }

    #[tokio::test]
    async fn the_archive_repeats_puts_and_the_client_what_belongs_to_an_upload() {
        for (status, code, of_put, of_part) in [
            (500, "InternalError", RequestEffect::Unclear, 500),
            (429, "TooManyRequests", RequestEffect::Unclear, 429),
            (400, "RequestTimeout", RequestEffect::Unclear, 503),
            (400, "BadDigest", RequestEffect::NotSent, 503),
            (400, "EntityTooLarge", RequestEffect::Refused, 400),
            (501, "NotImplemented", RequestEffect::Unsupported, 501),
        ] {
            let server = || Server(Some((status, code)));
            assert_eq!(answer(server(), PUT, 1).await, Err(of_put), "{code}");
            assert_eq!(answer(server(), PART, 1).await, Ok(of_part), "{code}");
        }
    }
}
