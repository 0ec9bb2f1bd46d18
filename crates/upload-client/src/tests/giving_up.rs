use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::support::{
    RequestBody, alive_tasks, answer, body_of, client, listen, patiently, post, read_answer,
    read_head, tasks_are_back_to,
};
use crate::BoxError;
use crate::client::HttpClient;
use crate::response::PendingResponse;

/// Sends a body without end to a server that reads no more than the head, until nothing moves any more.
async fn stall(
    client: &HttpClient,
    listener: &TcpListener,
    url: &Url,
) -> (PendingResponse, TcpStream) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    let chunks = std::iter::from_fn(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        Some(Ok(chunk.clone()))
    });
    let mut pending = client.send(post(url), body_of(chunks));
    let mut socket = tokio::select! {
        response = &mut pending => panic!("{response:?}"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    let mut before = 0;
    loop {
        // A stall that is seen too soon makes the test easier, and never fails it.
        let wait = tokio::time::timeout(Duration::from_millis(50), &mut pending).await;
        assert!(wait.is_err(), "{wait:?}");
        let now = taken.load(Ordering::Relaxed);
        if now == before && now > 0 {
            break;
        }
        before = now;
    }
    read_head(&mut socket).await;
    (pending, socket)
}

/// The connection ends, and without the end of a request.
async fn is_cut_off(mut socket: TcpStream) {
    let mut received = Vec::new();
    let _reset_or_not = patiently(socket.read_to_end(&mut received)).await;
    assert!(
        !received.ends_with(b"\r\n0\r\n\r\n"),
        "the request looks whole"
    );
}

#[tokio::test]
async fn a_request_to_a_stalled_peer_leaves_no_task() {
    let (listener, url) = listen().await;
    let client = client();
    let before = alive_tasks();
    let (pending, socket) = stall(&client, &listener, &url).await;
    assert!(alive_tasks() > before);
    drop(pending);
    tasks_are_back_to(before).await;
    is_cut_off(socket).await;
}

#[tokio::test]
async fn nor_does_the_rest_of_one_that_has_an_answer() {
    let (listener, url) = listen().await;
    let client = client();
    let before = alive_tasks();
    for finish in [false, true] {
        let (pending, mut socket) = stall(&client, &listener, &url).await;
        let answered = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let (response, _) = patiently(join(pending, answered)).await;
        let response = response.unwrap();
        if finish {
            response.guard.finished();
        } else {
            drop(response);
        }
        tasks_are_back_to(before).await;
        is_cut_off(socket).await;
    }
}

/// A body that brings nothing, and holds `held`.
fn waiting_body(held: &Arc<()>) -> RequestBody {
    let held = Arc::clone(held);
    let never = stream::poll_fn(move |_| -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let _held = &held;
        Poll::Pending
    });
    StreamBody::new(never).boxed_unsync()
}

#[tokio::test]
async fn a_body_that_waits_is_let_go() {
    let (listener, url) = listen().await;
    let client = client();
    let before = alive_tasks();
    let held = Arc::new(());
    let mut pending = client.send(post(&url), waiting_body(&held));
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        socket
    };
    let socket = tokio::select! {
        response = &mut pending => panic!("{response:?}"),
        socket = patiently(server) => socket,
    };
    drop(pending);
    tasks_are_back_to(before).await;
    assert_eq!(Arc::strong_count(&held), 1);
    is_cut_off(socket).await;
}

#[tokio::test]
async fn a_body_that_waits_is_let_go_when_the_answer_has_been_read() {
    let (listener, url) = listen().await;
    let client = client();
    let before = alive_tasks();
    let held = Arc::new(());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        socket
    };
    let request = async {
        let mut response = client.send(post(&url), waiting_body(&held)).await.unwrap();
        assert_eq!(read_answer(&mut response).await.unwrap(), b"early");
        response.guard.finished();
    };
    let ((), socket) = patiently(join(request, server)).await;
    tasks_are_back_to(before).await;
    assert_eq!(Arc::strong_count(&held), 1);
    is_cut_off(socket).await;
}
