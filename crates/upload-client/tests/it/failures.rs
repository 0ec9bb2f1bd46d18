use bytes::Bytes;
use futures_util::future::join;
use http::{Request, Uri, Version};
use http_body::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_service::Service;
use upload_client::{Failure, Sent, Stage};

use crate::support::{
    body_of, client, endless_body, error_chain, http2_post, listen, patiently, post, read_answer,
    read_head, read_small, reset, send, small_body, tasks_are_back_to,
};

#[tokio::test]
async fn a_reset_without_an_answer_is_named() {
    let (listener, uri) = listen().await;
    let client = client();
    for _ in 0..20 {
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            reset(socket).await;
        };
        let request = send(&client, post(&uri, endless_body()));
        let (response, ()) = patiently(join(request, server)).await;
        let error = response.unwrap_err();
        assert_eq!(error.failure, Failure::Disconnected, "{error:?}");
        assert_eq!((error.stage, error.sent), (Stage::Sending, Sent::Part));
        assert!(error.may_be_made_again() && error.is_safe_to_repeat());
        let chain = error_chain(&error);
        assert!(chain.to_lowercase().contains("reset"), "{chain}");
    }
    tasks_are_back_to(0).await;
}

#[tokio::test]
async fn an_end_without_an_answer_is_a_disconnection() {
    let (listener, uri) = listen().await;
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await;
    };
    let request = send(&client, post(&uri, small_body()));
    let (response, ()) = patiently(join(request, server)).await;
    let error = response.unwrap_err();
    assert_eq!(
        error_chain(&error),
        "the connection broke: connection closed before message completed"
    );
    assert_eq!(error.failure, Failure::Disconnected, "{error:?}");
    // It was sent whole: the server may have done what it asks for.
    assert_eq!(error.sent, Sent::Whole);
    assert!(error.may_be_made_again() && !error.is_safe_to_repeat());
}

#[tokio::test]
async fn what_refuses_cannot_be_connected_to() {
    let (listener, uri) = listen().await;
    drop(listener);
    for make in [post, http2_post] {
        let error = patiently(send(&client(), make(&uri, small_body()))).await;
        let error = error.unwrap_err();
        assert_eq!(error.failure, Failure::Connect, "{error:?}");
        let facts = (error.stage, error.sent, error.may_be_made_again());
        assert_eq!(facts, (Stage::Connecting, Sent::Nothing, true));
        let chain = error_chain(&error);
        let start = format!(
            "cannot connect: {} cannot be reached: ",
            uri.authority().unwrap()
        );
        assert!(chain.starts_with(&start), "{chain}");
    }
}

#[tokio::test]
async fn what_is_no_http_uri_is_no_target() {
    for uri in ["/solve", "ftp://localhost/", "localhost:80"] {
        let error = patiently(send(&client(), post(&uri.parse().unwrap(), small_body()))).await;
        let error = error.unwrap_err();
        assert_eq!(error.failure, Failure::Target, "{error:?}");
        assert!(!error.may_be_made_again());
    }
}

#[tokio::test]
async fn the_bodys_own_error_is_the_cause() {
    let (listener, uri) = listen().await;
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
    let client = client();
    let request = send(&client, post(&uri, body_of(chunks)));
    let (response, received) = patiently(join(request, server)).await;
    let error = response.unwrap_err();
    assert_eq!(error.failure, Failure::Body, "{error:?}");
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
    let (listener, uri) = listen().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        socket.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap();
        // It holds the connection until the client leaves it.
        let _reset_or_not = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    };
    let client = client();
    let request = async {
        let response = send(&client, post(&uri, endless_body())).await;
        response.unwrap_err()
    };
    let (error, ()) = patiently(join(request, server)).await;
    assert_eq!(error.failure, Failure::Protocol, "{error:?}");
    assert!(!error.may_be_made_again());
}

/// `uri` with this before its host.
fn with_user(uri: &Uri, user: &str) -> Uri {
    uri.to_string()
        .replace("http://", &format!("http://{user}@"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn nothing_shows_the_password() {
    let (listener, uri) = listen().await;
    let secret = with_user(&uri, "user:hunter2");
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await
    };
    let pending = send(&client, post(&secret, small_body()));
    let mut shown = format!("{client:?}");
    let (response, head) = patiently(join(pending, server)).await;
    let error = response.unwrap_err();
    shown += &format!("{error:?} {} {client:?}", error_chain(&error));
    assert!(
        head.contains("authorization: Basic dXNlcjpodW50ZXIy\r\n"),
        "{head}"
    );
    let agent = concat!("user-agent: upload-client/", env!("CARGO_PKG_VERSION"));
    assert!(head.contains(agent), "{head}");
    assert!(head.starts_with("POST /solve HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("hunter2"), "{head}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("dXNlcjpodW50ZXIy"),
        "{shown}"
    );
}

#[tokio::test]
async fn an_authorization_of_the_callers_own_wins() {
    let (listener, uri) = listen().await;
    let mut request = post(&with_user(&uri, "user"), small_body());
    let token = "Bearer token".parse().unwrap();
    request.headers_mut().insert("authorization", token);
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_small(&mut socket).await
    };
    let client = client();
    let (_, head) = patiently(join(send(&client, request), server)).await;
    assert!(head.contains("authorization: Bearer token\r\n"), "{head}");
    assert!(!head.contains("Basic"), "{head}");
}

/// A body of data that is not `Bytes`, and of an error of its own.
#[tokio::test]
async fn any_body_will_do() {
    let (listener, uri) = listen().await;
    let data = std::io::Cursor::new("small");
    let request = Request::post(uri).body(http_body_util::Full::new(data));
    let mut client = client();
    let sending = client.call(request.unwrap());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let head = read_small(&mut socket).await;
        crate::support::answer(&mut socket, "answer").await;
        head
    };
    let (response, head) = patiently(join(sending, server)).await;
    assert_eq!(read_answer(response.unwrap()).await.unwrap(), "answer");
    assert!(head.contains("content-length: 5\r\n"), "{head}");
}

/// Over HTTP/2 too, where nobody else would end its stream.
#[tokio::test]
async fn a_body_that_panics_has_failed() {
    for make in [post, http2_post] {
        for chunks in [0, 3] {
            let (listener, uri) = listen().await;
            let client = client();
            let body = (0..=chunks).map(move |number| {
                assert!(number < chunks, "the body panics");
                Ok(Bytes::from_static(b"chunk"))
            });
            let server = async {
                let (mut socket, _) = listener.accept().await.unwrap();
                let _reset_or_not = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
            };
            let request = async {
                let response = send(&client, make(&uri, body_of(body))).await;
                response.unwrap_err()
            };
            let (error, ()) = patiently(join(request, server)).await;
            assert_eq!(error.failure, Failure::Body, "{error:?}");
            assert!(!error.may_be_made_again());
        }
    }
    tasks_are_back_to(0).await;
}

/// hyper panics at some.
#[tokio::test]
async fn the_version_is_the_connections() {
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_3] {
        let (listener, uri) = listen().await;
        let client = client();
        let mut request = post(&uri, small_body());
        *request.version_mut() = version;
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let head = read_small(&mut socket).await;
            crate::support::answer(&mut socket, "answer").await;
            head
        };
        let (response, head) = patiently(join(send(&client, request), server)).await;
        let response = response.unwrap();
        assert_eq!(response.body().size_hint().exact(), Some(6));
        assert_eq!(read_answer(response).await.unwrap(), "answer");
        assert!(head.starts_with("POST /solve HTTP/1.1\r\n"), "{head}");
    }
}
