use futures_util::future::join;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::support::{
    answer, client, listen, patiently, post, read_answer, read_small, small_body,
};

/// Serves `count` requests on one connection.
async fn serve_on_one(listener: &TcpListener, count: usize) {
    let (mut socket, _) = listener.accept().await.unwrap();
    for _ in 0..count {
        read_small(&mut socket).await;
        answer(&mut socket, "answer").await;
    }
}

#[tokio::test]
async fn a_finished_request_leaves_its_connection_to_the_next() {
    let (listener, url) = listen().await;
    let client = client();
    let requests = async {
        for _ in 0..10 {
            let mut response = client.send(post(&url), small_body()).await.unwrap();
            assert_eq!(read_answer(&mut response).await.unwrap(), b"answer");
            response.guard.finished();
        }
    };
    patiently(join(requests, serve_on_one(&listener, 10))).await;
}

#[tokio::test]
async fn one_that_is_dropped_unfinished_does_not() {
    let (listener, url) = listen().await;
    let client = client();
    let requests = async {
        for _ in 0..10 {
            let mut response = client.send(post(&url), small_body()).await.unwrap();
            assert_eq!(read_answer(&mut response).await.unwrap(), b"answer");
            drop(response);
        }
    };
    let server = async {
        for _ in 0..10 {
            serve_on_one(&listener, 1).await;
        }
    };
    patiently(join(requests, server)).await;
}

#[tokio::test]
async fn a_guard_that_is_dropped_late_spares_the_next_request() {
    let (listener, url) = listen().await;
    let client = client();
    let (begun, has_begun) = oneshot::channel();
    let (dropped, is_dropped) = oneshot::channel();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await;
        answer(&mut socket, "first").await;
        read_small(&mut socket).await;
        begun.send(()).unwrap();
        is_dropped.await.unwrap();
        answer(&mut socket, "second").await;
    };
    let requests = async {
        let mut first = client.send(post(&url), small_body()).await.unwrap();
        assert_eq!(read_answer(&mut first).await.unwrap(), b"first");
        let second = client.send(post(&url), small_body());
        let late = async {
            has_begun.await.unwrap();
            drop(first);
            dropped.send(()).unwrap();
        };
        let (second, ()) = join(second, late).await;
        read_answer(&mut second.unwrap()).await.unwrap()
    };
    let (answer, ()) = patiently(join(requests, server)).await;
    assert_eq!(answer, b"second");
}
