use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use tokio::runtime::Handle;

use super::last_failure::LastFailure;
use driver_streaming::error_chain;
use upload_client::UploadClient;

/// What a collector says of an export is short: the longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Sends exports with the HTTP client that solvers are sent to with as well.
///
/// The SDK exports from threads of its own, where that client cannot run: each request is a task of the runtime.
#[derive(Debug)]
pub(super) struct CollectorClient {
    runtime: Handle,
    client: UploadClient,
    timeout: Duration,
    failure: LastFailure,
}

#[derive(Debug, thiserror::Error)]
enum CollectorError {
    #[error("the collector did not answer within {timeout:?}")]
    Timeout { timeout: Duration },
    #[error("the program is ending")]
    Stopped,
}

impl CollectorClient {
    /// A client whose requests run in `runtime` and take no longer than `timeout`.
    pub(super) fn new(
        runtime: Handle,
        client: UploadClient,
        timeout: Duration,
        failure: LastFailure,
    ) -> Self {
        Self {
            runtime,
            client,
            timeout,
            failure,
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let timeout = self.timeout;
        let exchange = async move {
            let sent = client.send_bytes(request, ANSWER_LIMIT);
            match tokio::time::timeout(timeout, sent).await {
                Ok(answer) => answer.map_err(HttpError::from),
                Err(_elapsed) => Err(CollectorError::Timeout { timeout }.into()),
            }
        };
        match self.runtime.spawn(exchange).await {
            Ok(answer) => answer,
            Err(_shut_down) => Err(CollectorError::Stopped.into()),
        }
    }
}

#[async_trait]
impl opentelemetry_http::HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request).await;
        self.failure.set(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(error_chain(error.as_ref())),
        });
        answer
    }
}
