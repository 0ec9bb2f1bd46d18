use std::convert::Infallible;

use bytes::Bytes;
use futures_util::future::join;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::support::{
    client, endless_body, large_body, listen, patiently, post, read_answer, small_body,
};
use crate::client::OutgoingRequest;

/// Where requests are answered before they are read.
const EARLY: &str = "/early";

/// Reads requests to their end, answers with their length, and tells how each was read.
async fn serve(listener: TcpListener, seen: mpsc::UnboundedSender<Result<usize, hyper::Error>>) {
    let (socket, _) = listener.accept().await.unwrap();
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            assert_eq!(request.version(), Version::HTTP_2);
            let early = request.uri().path() == EARLY;
            let reading = tokio::spawn(async move {
                let body = request.into_body().collect().await;
                let length = body.map(|body| body.to_bytes().len());
                let text = format!("{:?}", length.as_ref().ok());
                seen.send(length).unwrap();
                text
            });
            let text = if early {
                "early".to_owned()
            } else {
                reading.await.unwrap()
            };
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
        }
    });
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), service)
        .await
        .unwrap();
}

#[tokio::test]
async fn requests_share_a_connection_and_one_that_is_given_up_costs_the_others_nothing() {
    let (listener, url) = listen().await;
    let client = client();
    let (seen, mut reports) = mpsc::unbounded_channel();
    let server = tokio::spawn(serve(listener, seen));
    let request = || OutgoingRequest {
        http2: true,
        ..post(&url)
    };

    let mut given_up = client.send(request(), endless_body());
    let mut other = tokio::select! {
        response = &mut given_up => panic!("{response:?}"),
        response = patiently(client.send(request(), small_body())) => response.unwrap(),
    };
    assert_eq!(other.head.version, Version::HTTP_2);
    assert_eq!(read_answer(&mut other).await.unwrap(), b"Some(5)");
    other.guard.finished();
    assert_eq!(patiently(reports.recv()).await.unwrap().unwrap(), 5);

    let last = client.send(request(), large_body(40));
    let (last, ()) = patiently(join(last, async { drop(given_up) })).await;
    assert_eq!(
        read_answer(&mut last.unwrap()).await.unwrap(),
        b"Some(2621440)"
    );
    let mut read = [
        patiently(reports.recv()).await.unwrap().ok(),
        patiently(reports.recv()).await.unwrap().ok(),
    ];
    read.sort_unstable();
    assert_eq!(read, [None, Some(2_621_440)]);
    assert!(!server.is_finished());
}

#[tokio::test]
async fn the_rest_of_a_request_is_given_up_once_its_answer_was_read() {
    let (listener, mut url) = listen().await;
    url.set_path(EARLY);
    let client = client();
    let (seen, mut reports) = mpsc::unbounded_channel();
    let server = tokio::spawn(serve(listener, seen));
    let waiting = StreamBody::new(futures_util::stream::pending()).boxed_unsync();
    for body in [endless_body(), waiting] {
        let request = OutgoingRequest {
            http2: true,
            ..post(&url)
        };
        let mut response = patiently(client.send(request, body)).await.unwrap();
        assert_eq!(read_answer(&mut response).await.unwrap(), b"early");
        response.guard.finished();
        assert!(patiently(reports.recv()).await.unwrap().is_err());
    }
    assert!(!server.is_finished());
}
