//! A real S3 server inside the test process, and one that loses answers.

use std::{
    path::Path as FilePath,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use archive_sink::AttributeSupport;
use http_body_util::BodyExt;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder as HttpServer,
};
use object_store::{
    BackoffConfig, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};

use crate::support::{Target, files};

/// The least that S3 takes, and this server too.
pub(crate) const PART: usize = 5 * 1024 * 1024;

const BUCKET: &str = "archive";

/// What becomes of the answers to requests that make an object visible, though they are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Sent,
    /// The connection is closed instead of the first one.
    FirstReset,
    /// The first one is 503.
    FirstUnavailable,
    /// The connection is closed instead of any.
    AllReset,
    /// The first request is not carried out, and answered with this status and code instead.
    FirstIs(u16, &'static str),
    /// A bit is flipped on the way in the first object or part, or in every one. Damaged ones are refused by their
    /// checksum, as S3 does it.
    FirstFlipped,
    AllFlipped,
    /// Objects and parts are read slowly.
    Slow,
    /// The first object, or the second part, is neither read nor answered.
    FirstStalls,
    /// Requests that are conditional are not carried out, and answered with 501.
    NoConditions,
    /// Conditions are ignored.
    IgnoresConditions,
    /// Those of completions are.
    IgnoresConditionsOfUploads,
}

impl Answers {
    /// The answer to the n-th such request, from 0, if it is not carried out.
    fn instead(
        self,
        nth: usize,
        request: &Request<Incoming>,
        root: &FilePath,
    ) -> Option<Response<s3s::Body>> {
        let is_conditional = request.headers().contains_key("if-none-match");
        let file = root.join(request.uri().path().trim_start_matches('/'));
        let ignores = match self {
            Self::IgnoresConditions => true,
            Self::IgnoresConditionsOfUploads => request.method() == Method::POST,
            _ => false,
        };
        if ignores && is_conditional {
            // Its condition is part of what is signed.
            let _replaced = std::fs::remove_file(&file);
        }
        let (status, code) = match self {
            Self::FirstIs(status, code) if nth == 0 => (status, code),
            Self::NoConditions if is_conditional => (501, "NotImplemented"),
            _ => return None,
        };
        Some(error(status, code))
    }

    /// What becomes of the n-th object or part, from 0, on its way; the answer to it, if it does not get there.
    async fn on_the_way(
        self,
        nth: usize,
        request: Request<Incoming>,
    ) -> Result<Request<s3s::Body>, Response<s3s::Body>> {
        let flips = self == Self::AllFlipped || self == Self::FirstFlipped && nth == 0;
        let is_second = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("partNumber=2"));
        let stalls = nth == 0 && commits(&request) || nth == 1 && is_second;
        if self == Self::FirstStalls && stalls {
            std::future::pending::<()>().await;
        }
        if !flips && self != Self::Slow {
            return Ok(request.map(s3s::Body::from));
        }
        let (parts, mut body) = request.into_parts();
        let mut bytes = vec![];
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(frame.unwrap().data_ref().unwrap());
            if self == Self::Slow {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        match flips.then(|| flipped(&parts.headers, &mut bytes)).flatten() {
            Some(refused) => Err(refused),
            None => Ok(Request::from_parts(
                parts,
                s3s::Body::from(bytes::Bytes::from(bytes)),
            )),
        }
    }

    /// How the answer to the n-th such request, from 0, is lost.
    fn lost(self, nth: usize) -> Option<std::io::Result<Response<s3s::Body>>> {
        match self {
            Self::AllReset => Some(Err(std::io::Error::other("reset"))),
            Self::FirstReset if nth == 0 => Some(Err(std::io::Error::other("reset"))),
            Self::FirstUnavailable if nth == 0 => {
                let mut response = Response::new(s3s::Body::empty());
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                Some(Ok(response))
            }
            _ => None,
        }
    }
}

/// Flips a bit of a body on its way. Says how it is refused, if the store was given a checksum to tell by.
fn flipped(headers: &hyper::HeaderMap, body: &mut [u8]) -> Option<Response<s3s::Body>> {
    let middle = body.len() / 2;
    body[middle] ^= 1;
    let expected = headers.get("x-amz-checksum-sha256")?;
    let mut hasher = archive_sink::Sha256Hasher::default();
    hasher.update(body);
    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        hasher.finish().as_bytes(),
    );
    assert_ne!(*expected, digest);
    Some(error(400, "BadDigest"))
}

fn error(status: u16, code: &str) -> Response<s3s::Body> {
    let body = format!("<Error><Code>{code}</Code><Message>said</Message></Error>");
    let mut response = Response::new(s3s::Body::from(bytes::Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Whether a request makes an object visible: a PUT that is no part, or completing an upload.
fn commits(request: &Request<Incoming>) -> bool {
    let has_upload = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("uploadId="));
    match *request.method() {
        Method::PUT => !has_upload,
        Method::POST => has_upload,
        _ => false,
    }
}

/// Serves the directory as S3 for as long as the test's runtime lives, and says where.
pub(crate) async fn serve(directory: &FilePath, answers: Answers) -> String {
    serve_counting(directory, answers).await.0
}

/// The same, and how many requests there were that make an object visible.
pub(crate) async fn serve_counting(
    directory: &FilePath,
    answers: Answers,
) -> (String, Arc<AtomicUsize>) {
    std::fs::create_dir_all(directory.join(BUCKET)).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory).unwrap());
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let commits_so_far = Arc::new(AtomicUsize::new(0));
    let (count, root) = (Arc::clone(&commits_so_far), directory.to_owned());
    let puts = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, counter) = (service.clone(), Arc::clone(&commits_so_far));
            let (root, puts) = (root.clone(), Arc::clone(&puts));
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (service, counter) = (service.clone(), Arc::clone(&counter));
                let (root, puts) = (root.clone(), Arc::clone(&puts));
                async move {
                    let nth = commits(&request).then(|| counter.fetch_add(1, SeqCst));
                    let instead = nth.and_then(|nth| answers.instead(nth, &request, &root));
                    if let Some(instead) = instead {
                        let _read = request.into_body().collect().await;
                        return Ok(instead);
                    }
                    let lost = nth.and_then(|nth| answers.lost(nth));
                    let request = if request.method() == Method::PUT {
                        let nth = puts.fetch_add(1, SeqCst);
                        match answers.on_the_way(nth, request).await {
                            Ok(request) => request,
                            Err(refused) => return Ok(refused),
                        }
                    } else {
                        request.map(s3s::Body::from)
                    };
                    let answer = service.call(request).await;
                    lost.unwrap_or(answer.map_err(std::io::Error::other))
                }
            });
            tokio::spawn(async move {
                let server = HttpServer::new(TokioExecutor::new());
                // A client that goes away is no failure of the server.
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    (format!("http://{address}"), count)
}

pub(crate) fn client(endpoint: &str, secret: &str, max_retries: usize) -> AmazonS3 {
    builder(endpoint, secret, max_retries).build().unwrap()
}

/// A client as one should be for archives.
#[cfg(feature = "s3")]
pub(crate) fn careful_client(endpoint: &str, max_retries: usize, replaces: bool) -> AmazonS3 {
    careful_client_within(Duration::from_secs(30), endpoint, max_retries, replaces)
}

/// One whose store has so much time to answer, besides what sending takes.
#[cfg(feature = "s3")]
pub(crate) fn careful_client_within(
    answer_within: Duration,
    endpoint: &str,
    max_retries: usize,
    replaces: bool,
) -> AmazonS3 {
    use archive_sink::S3Connector;
    use object_store::{ClientOptions, aws::Checksum, client::ReqwestConnector};

    let options = ClientOptions::new().with_allow_http(true);
    let connector = S3Connector::new(ReqwestConnector::default()).answer_within(answer_within);
    let connector = if replaces {
        connector.replacing()
    } else {
        connector
    };
    builder(endpoint, "secret", max_retries)
        .with_client_options(options.with_timeout_disabled())
        .with_http_connector(connector)
        .with_checksum_algorithm(Checksum::SHA256)
        .build()
        .unwrap()
}

fn builder(endpoint: &str, secret: &str, max_retries: usize) -> AmazonS3Builder {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(2),
        ..Default::default()
    };
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id("key")
        .with_secret_access_key(secret)
        .with_retry(RetryConfig {
            max_retries,
            backoff,
            ..Default::default()
        })
}

pub(crate) async fn target(directory: &FilePath, answers: Answers, max_retries: usize) -> Target {
    let endpoint = serve(directory, answers).await;
    let root = directory.to_owned();
    Target {
        store: Arc::new(client(&endpoint, "secret", max_retries)),
        attributes: AttributeSupport::Kept,
        part_size: PART,
        leftovers: Arc::new(move || files(&root, |name| name.contains(".upload"))),
    }
}
