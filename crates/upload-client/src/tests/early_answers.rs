use futures_util::future::join;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::support::{
    alive_tasks, answer, client, large_body, listen, patiently, post, read_answer, read_head,
    reset, tasks_are_back_to,
};
use crate::RequestError;
use crate::client::HttpClient;
use crate::response::Response;

/// 30 MB: more than any buffer on the way holds.
const CHUNKS: usize = 480;

async fn refuse(listener: &TcpListener, length: usize) {
    let (mut socket, _) = listener.accept().await.unwrap();
    read_head(&mut socket).await;
    let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\n\r\n");
    // In one piece: a second one could wait for an acknowledgement, and be lost in the server's own kernel.
    let answer = head + &"a".repeat(length);
    socket.write_all(answer.as_bytes()).await.unwrap();
    reset(socket).await;
}

/// One request that is refused before it was read: the head of the answer, and its body.
async fn refused(
    client: &HttpClient,
    listener: &TcpListener,
    url: &Url,
    length: usize,
) -> (Response, Result<Vec<u8>, RequestError>) {
    let request = async {
        let mut response = client.send(post(url), large_body(CHUNKS)).await.unwrap();
        let body = read_answer(&mut response).await;
        (response, body)
    };
    patiently(join(request, refuse(listener, length))).await.0
}

#[tokio::test]
async fn an_early_answer_arrives_whole_and_its_connection_is_not_used_again() {
    let (listener, url) = listen().await;
    let client = client();
    for _ in 0..50 {
        // Each is accepted anew.
        let (response, body) = refused(&client, &listener, &url, 5).await;
        assert_eq!(response.head.status, StatusCode::BAD_REQUEST);
        assert_eq!(body.unwrap(), b"aaaaa");
        response.guard.finished();
    }
    tasks_are_back_to(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_it_lost_when_the_connection_has_a_thread_of_its_own() {
    let (listener, url) = listen().await;
    let client = client();
    for _ in 0..50 {
        let (response, body) = refused(&client, &listener, &url, 5).await;
        assert_eq!(response.head.status, StatusCode::BAD_REQUEST);
        assert_eq!(body.unwrap(), b"aaaaa");
    }
    tasks_are_back_to(0).await;
}

#[tokio::test]
async fn of_a_large_early_answer_no_part_looks_whole() {
    let (listener, url) = listen().await;
    let client = client();
    for _ in 0..50 {
        let (response, body) = refused(&client, &listener, &url, 200_000).await;
        assert_eq!(response.head.status, StatusCode::BAD_REQUEST);
        match body {
            Ok(body) => assert_eq!(body.len(), 200_000),
            Err(error) => assert!(
                matches!(error, RequestError::Disconnected { .. }),
                "{error:?}"
            ),
        }
    }
}

#[tokio::test]
async fn an_answer_that_only_a_reset_ends_is_not_whole() {
    let (listener, url) = listen().await;
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\npart";
        socket.write_all(answer).await.unwrap();
        reset(socket).await;
    };
    let request = async {
        let mut response = client.send(post(&url), large_body(CHUNKS)).await.unwrap();
        read_answer(&mut response).await
    };
    let (body, ()) = patiently(join(request, server)).await;
    assert!(
        matches!(body, Err(RequestError::Disconnected { .. })),
        "{body:?}"
    );
}

#[tokio::test]
async fn an_answer_may_come_while_the_server_goes_on_reading() {
    let (listener, url) = listen().await;
    let client = client();
    let before = alive_tasks();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        read_to_end(socket).await
    };
    let request = async {
        let mut response = client.send(post(&url), large_body(CHUNKS)).await.unwrap();
        let answer = read_answer(&mut response).await.unwrap();
        // The rest of the body is of no use to anybody.
        response.guard.finished();
        answer
    };
    let (answer, received) = patiently(join(request, server)).await;
    assert_eq!(answer, b"early");
    assert!(
        !received.ends_with(b"\r\n0\r\n\r\n"),
        "the request looks whole"
    );
    tasks_are_back_to(before).await;
}

async fn read_to_end(mut socket: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let _reset_or_not = socket.read_to_end(&mut received).await;
    received
}
