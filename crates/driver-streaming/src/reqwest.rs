//! `reqwest` in place of our own client.

use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use reqwest::{Body, Client, Error};
use tower_service::Service;

use crate::builder::PipelineBuilder;
use crate::request_body::RequestBody;

/// For [`RequestBuilder::body`](reqwest::RequestBuilder::body). Like every streamed body of reqwest, it cannot be cloned:
/// a retry takes [another one](crate::BodyHandle::another_body).
impl From<RequestBody> for Body {
    fn from(body: RequestBody) -> Self {
        Self::wrap(body)
    }
}

impl PipelineBuilder {
    /// Sends requests with `client`, as [`client`](Self::client) does. The README says which promises are lost.
    #[must_use]
    pub fn reqwest(self, client: Client) -> Self {
        self.client(ReqwestService(client))
    }
}

/// A client as a service of the requests that a pipeline makes.
#[derive(Clone, Debug)]
struct ReqwestService(Client);

impl Service<Request<RequestBody>> for ReqwestService {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let client = self.0.clone();
        async move { Ok(client.execute(request.try_into()?).await?.into()) }.boxed()
    }
}
