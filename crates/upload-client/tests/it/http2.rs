use std::convert::Infallible;

use bytes::Bytes;
use futures_util::future::join;
use http::{Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{
    alive_tasks, client, endless_body, http2_post, large_body, listen, patiently, read_answer,
    send, small_body, tasks_are_back_to,
};

/// Where requests are answered before they are read.
const EARLY: &str = "/early";

/// Serves connections: reads requests to their end, answers with their length, and tells how each was read, and that a
/// connection has begun.
async fn serve(listener: TcpListener, seen: mpsc::UnboundedSender<Seen>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        seen.send(Seen::Connection).unwrap();
        let seen = seen.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = seen.clone();
            async move {
                assert_eq!(request.version(), Version::HTTP_2);
                let early = request.uri().path() == EARLY;
                let reading = tokio::spawn(async move {
                    let body = request.into_body().collect().await;
                    let length = body.map(|body| body.to_bytes().len()).ok();
                    seen.send(Seen::Request(length)).unwrap();
                    format!("{length:?}")
                });
                let text = if early {
                    "early".to_owned()
                } else {
                    reading.await.unwrap()
                };
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
            }
        });
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            let _given_up = builder
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Connection,
    /// Read to its end, with so many bytes, or not.
    Request(Option<usize>),
}

fn early(uri: &Uri) -> Uri {
    uri.to_string().replace("/solve", EARLY).parse().unwrap()
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own_and_one_that_is_given_up_costs_the_others_nothing()
 {
    let (listener, uri) = listen().await;
    let client = client();
    let (seen, mut reports) = mpsc::unbounded_channel();
    let _server = tokio::spawn(serve(listener, seen));

    let mut given_up = send(&client, http2_post(&uri, endless_body()));
    let other = tokio::select! {
        response = &mut given_up => panic!("{response:?}"),
        response = patiently(send(&client, http2_post(&uri, small_body()))) => response.unwrap(),
    };
    assert_eq!(other.version(), Version::HTTP_2);
    assert_eq!(read_answer(other).await.unwrap(), "Some(5)");

    let last = send(&client, http2_post(&uri, large_body(40)));
    let (last, ()) = patiently(join(last, async { drop(given_up) })).await;
    assert_eq!(read_answer(last.unwrap()).await.unwrap(), "Some(2621440)");
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(patiently(reports.recv()).await.unwrap());
    }
    // The third request went by the connection of the second.
    let connections = all.iter().filter(|seen| **seen == Seen::Connection);
    assert_eq!(connections.count(), 2, "{all:?}");
    for length in [None, Some(5), Some(2_621_440)] {
        assert!(all.contains(&Seen::Request(length)), "{all:?}");
    }
}

#[tokio::test]
async fn the_rest_of_a_request_is_given_up_once_its_answer_was_read() {
    let (listener, uri) = listen().await;
    let client = client();
    let (seen, mut reports) = mpsc::unbounded_channel();
    let _server = tokio::spawn(serve(listener, seen));
    let before = alive_tasks();
    let waiting = StreamBody::new(futures_util::stream::pending()).boxed_unsync();
    for body in [endless_body(), waiting] {
        let response = send(&client, http2_post(&early(&uri), body));
        let response = patiently(response).await.unwrap();
        assert_eq!(read_answer(response).await.unwrap(), "early");
        // A connection whose request was not sent to its end serves no other.
        assert_eq!(patiently(reports.recv()).await.unwrap(), Seen::Connection);
        let seen = patiently(reports.recv()).await.unwrap();
        assert_eq!(seen, Seen::Request(None));
    }
    tasks_are_back_to(before).await;
}

/// A stream is reset with this reason, whether its request was given up before or after the head of an answer.
#[tokio::test]
async fn a_request_that_is_given_up_is_reset_with_cancel() {
    for answers in [false, true] {
        let (listener, uri) = listen().await;
        let client = client();
        let (begun, mut has_begun) = mpsc::channel(1);
        let server = async {
            let (socket, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(socket).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let mut _stream = None;
            if answers {
                _stream = Some(respond.send_response(Response::new(()), false).unwrap());
            }
            begun.send(()).await.unwrap();
            let mut body = request.into_body();
            let driving = async {
                while connection.accept().await.is_some() {}
                connection
            };
            let reading = async {
                loop {
                    match body.data().await {
                        Some(Ok(chunk)) => {
                            let freed = body.flow_control().release_capacity(chunk.len());
                            freed.unwrap();
                        }
                        end => return end,
                    }
                }
            };
            join(driving, reading).await.1
        };
        let request = async {
            let mut pending = send(&client, http2_post(&uri, endless_body()));
            if answers {
                let response = pending.await.unwrap();
                has_begun.recv().await.unwrap();
                drop(response);
            } else {
                tokio::select! {
                    response = &mut pending => panic!("{response:?}"),
                    _ = has_begun.recv() => {}
                }
                drop(pending);
            }
        };
        let (end, ()) = patiently(join(server, request)).await;
        let error = end.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL), "{error:?}");
    }
}
