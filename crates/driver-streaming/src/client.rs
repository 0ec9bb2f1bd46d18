use std::error::Error;
use std::io;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::{Request, Response};
use http_body::Body;

use crate::request_body::RequestBody;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an answer as it arrives.
pub(crate) type AnswerStream = BoxStream<'static, io::Result<Bytes>>;

pub(crate) type Exchange = BoxFuture<'static, Result<Response<AnswerStream>, BoxError>>;

/// Sends a request with any HTTP client. Returns the head of the answer, and its body as it arrives.
///
/// Cancel safety: as for the client's future and body.
pub(crate) type Client = Box<dyn Fn(Request<RequestBody>) -> Exchange + Send + Sync>;

/// Returns the data of a body, without trailers.
pub(crate) fn data<B>(body: B) -> AnswerStream
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Box::pin(body);
    stream::poll_fn(move |context| body.as_mut().poll_frame(context))
        .map_err(io::Error::other)
        .try_filter_map(|frame| future::ok(frame.into_data().ok()))
        .boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};

    use chunked_writer::JsonDocument;
    use http_body_util::{BodyExt, Full};
    use tower_service::Service;

    use super::*;
    use crate::{Dispatch, Pipeline, Solver, SolverStatus};

    /// Answers with what it is sent, but for the first request, which fails.
    #[derive(Clone)]
    struct Echo {
        failure: Arc<Mutex<Option<io::Error>>>,
    }

    impl Service<Request<RequestBody>> for Echo {
        type Response = Response<Full<Bytes>>;
        type Error = BoxError;
        type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
            let failure = self.failure.lock().unwrap().take();
            Box::pin(async move {
                if let Some(failure) = failure {
                    return Err(failure.into());
                }
                let sent = request.into_body().collect().await?;
                Ok(Response::new(Full::new(sent.to_bytes())))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_service_will_do_and_what_broke_is_made_again() {
        for (kind, status, attempts) in [
            (io::ErrorKind::ConnectionReset, SolverStatus::Ok, 2),
            (io::ErrorKind::InvalidData, SolverStatus::Failed, 1),
        ] {
            let failure = Arc::new(Mutex::new(Some(io::Error::from(kind))));
            let pipeline = Pipeline::builder()
                .solver(Solver::new("a", "http://nowhere").unwrap())
                .client(Echo { failure })
                .build()
                .unwrap();
            let outcome = pipeline.run(Dispatch::new(JsonDocument::new([1, 2]))).await;
            let solver = &outcome.solvers[0];
            assert_eq!((solver.status, solver.attempts), (status, attempts));
            let response = solver.response.as_ref().map(|answer| answer.get());
            assert_eq!(response, (status == SolverStatus::Ok).then_some("[1,2]"));
        }
    }
}
