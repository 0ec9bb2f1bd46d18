use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use url::Url;

use super::{HttpClient, OutgoingRequest, SendBytesError};

impl HttpClient {
    /// Sends a request that is small, and reads an answer of up to `limit` bytes.
    ///
    /// # Errors
    /// When there is no answer, or no whole one, or a larger one.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the request: see [`RequestGuard`].
    pub async fn send_bytes(
        &self,
        request: Request<Bytes>,
        limit: usize,
    ) -> Result<http::Response<Bytes>, SendBytesError> {
        let (head, body) = request.into_parts();
        let url =
            Url::parse(&head.uri.to_string()).map_err(|source| SendBytesError::Url { source })?;
        let outgoing = OutgoingRequest {
            method: head.method,
            url: &url,
            headers: head.headers,
            http2: false,
        };
        let body = Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync();
        let mut response = self.send(outgoing, body).await?;
        let mut answer = Vec::new();
        while let Some(frame) = response.body.frame().await {
            let frame = frame.map_err(|error| response.guard.explain(error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit - answer.len() {
                return Err(SendBytesError::TooLarge { limit });
            }
            answer.extend_from_slice(&data);
        }
        response.guard.finished();
        Ok(http::Response::from_parts(response.head, answer.into()))
    }
}
