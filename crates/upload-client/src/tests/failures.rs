use bytes::Bytes;
use futures_util::future::join;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::support::error_chain;
use super::support::{
    answer, body_of, client, endless_body, listen, patiently, post, read_head, read_small, reset,
    small_body, tasks_are_back_to, upload_client,
};
use crate::client::OutgoingRequest;
use crate::{RequestError, SendBytesError};

#[tokio::test]
async fn a_reset_without_an_answer_is_named() {
    let (listener, url) = listen().await;
    let client = client();
    for _ in 0..20 {
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            reset(socket).await;
        };
        let (response, ()) = patiently(join(client.send(post(&url), endless_body()), server)).await;
        let error = response.unwrap_err();
        assert!(
            matches!(error, RequestError::Disconnected { .. }),
            "{error:?}"
        );
        let chain = error_chain(&error);
        assert!(chain.to_lowercase().contains("reset"), "{chain}");
    }
    tasks_are_back_to(0).await;
}

#[tokio::test]
async fn an_end_without_an_answer_is_a_disconnection() {
    let (listener, url) = listen().await;
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await;
    };
    let (response, ()) = patiently(join(client.send(post(&url), small_body()), server)).await;
    let error = response.unwrap_err();
    assert_eq!(
        error_chain(&error),
        "the connection broke: connection closed before message completed"
    );
    assert!(matches!(error, RequestError::Disconnected { .. }));
}

#[tokio::test]
async fn what_refuses_cannot_be_connected_to() {
    let (listener, url) = listen().await;
    drop(listener);
    for http2 in [false, true] {
        let request = OutgoingRequest {
            http2,
            ..post(&url)
        };
        let error = patiently(client().send(request, small_body()))
            .await
            .unwrap_err();
        assert!(matches!(error, RequestError::Connect { .. }), "{error:?}");
        let chain = error_chain(&error);
        assert!(
            chain.starts_with("cannot connect: tcp connect error: "),
            "{chain}"
        );
    }
}

#[tokio::test]
async fn the_bodys_own_error_is_the_cause() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        let _reset_or_not = socket.read_to_end(&mut received).await;
        received
    };
    let chunks = [
        Ok(Bytes::from_static(b"part")),
        Err("the disk is on fire".into()),
    ];
    let (response, received) =
        patiently(join(client().send(post(&url), body_of(chunks)), server)).await;
    let error = response.unwrap_err();
    assert!(matches!(error, RequestError::Body { .. }), "{error:?}");
    assert_eq!(
        error_chain(&error),
        "the request's body failed: the disk is on fire"
    );
    assert!(
        !received.ends_with(b"\r\n0\r\n\r\n"),
        "the request looks whole"
    );
}

#[tokio::test]
async fn what_is_not_http_breaks_the_protocol() {
    let (listener, url) = listen().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        socket.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap();
        // It holds the connection until the client leaves it.
        let _reset_or_not = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    };
    let (response, ()) = patiently(join(client().send(post(&url), endless_body()), server)).await;
    let error = response.unwrap_err();
    assert!(matches!(error, RequestError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn nothing_shows_the_password() {
    let (listener, url) = listen().await;
    let mut secret = url.clone();
    secret.set_username("user").unwrap();
    secret.set_password(Some("hunter2")).unwrap();
    let client = client();
    let request = post(&secret);
    let mut shown = format!("{client:?} {request:?}");
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await
    };
    let pending = client.send(request, small_body());
    shown += &format!("{pending:?}");
    let (response, head) = patiently(join(pending, server)).await;
    let error = response.unwrap_err();
    shown += &format!("{error:?} {}", error_chain(&error));
    assert!(
        head.contains("authorization: Basic dXNlcjpodW50ZXIy\r\n"),
        "{head}"
    );
    assert!(
        head.contains(concat!(
            "user-agent: upload-client/",
            env!("CARGO_PKG_VERSION")
        )),
        "{head}"
    );
    assert!(head.starts_with("POST /solve HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("hunter2"), "{head}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("dXNlcjpodW50ZXIy"),
        "{shown}"
    );
}

#[tokio::test]
async fn an_authorization_of_the_callers_own_wins() {
    let (listener, url) = listen().await;
    let mut secret: Url = url.clone();
    secret.set_username("user").unwrap();
    let mut request = post(&secret);
    request
        .headers
        .insert("authorization", "Bearer token".parse().unwrap());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await
    };
    let (_, head) = patiently(join(client().send(request, small_body()), server)).await;
    assert!(head.contains("authorization: Bearer token\r\n"), "{head}");
    assert!(!head.contains("Basic"), "{head}");
}

#[tokio::test]
async fn small_requests_have_answers_up_to_a_limit() {
    let (listener, url) = listen().await;
    let client = upload_client();
    let server = async {
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_small(&mut socket).await;
            answer(&mut socket, "0123456789").await;
        }
    };
    let requests = async {
        let mut outcomes = Vec::new();
        for limit in [9, 10] {
            let mut request = http::Request::new(Bytes::from_static(b"small"));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = url.as_str().parse().unwrap();
            outcomes.push(client.send_bytes(request, limit).await);
        }
        outcomes
    };
    let (mut outcomes, ()) = patiently(join(requests, server)).await;
    let within = outcomes.pop().unwrap().unwrap();
    assert_eq!(
        (within.status().as_u16(), within.body().as_ref()),
        (200, &b"0123456789"[..])
    );
    let beyond = outcomes.pop().unwrap().unwrap_err();
    assert!(
        matches!(beyond, SendBytesError::TooLarge { limit: 9 }),
        "{beyond:?}"
    );
}
