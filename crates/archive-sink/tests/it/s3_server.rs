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
        let body = format!("<Error><Code>{code}</Code><Message>said</Message></Error>");
        let mut response = Response::new(s3s::Body::from(bytes::Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Some(response)
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
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, counter) = (service.clone(), Arc::clone(&commits_so_far));
            let root = root.clone();
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (service, counter) = (service.clone(), Arc::clone(&counter));
                let root = root.clone();
                async move {
                    let nth = commits(&request).then(|| counter.fetch_add(1, SeqCst));
                    let instead = nth.and_then(|nth| answers.instead(nth, &request, &root));
                    if let Some(instead) = instead {
                        use http_body_util::BodyExt;
                        let _read = request.into_body().collect().await;
                        return Ok(instead);
                    }
                    let lost = nth.and_then(|nth| answers.lost(nth));
                    let answer = service
                        .call(request.map(s3s::Body::from))
                        .await
                        .map_err(std::io::Error::other);
                    lost.unwrap_or(answer)
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
    use archive_sink::S3Connector;
    use object_store::{ClientOptions, aws::Checksum, client::ReqwestConnector};

    let options = ClientOptions::new().with_allow_http(true);
    let connector = S3Connector::new(ReqwestConnector::default());
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
