use futures_util::future::join;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use upload_client::{Failure, Sent, Stage, UploadClient};

use crate::peers::{Case, Peer, Then, answer as expected, cases, frame};
use crate::support::{
    accept_http2, alive_tasks, answer, builder, certificate, client, error_chain, http2_post,
    large_body, listen, patiently, post, read_answer, read_head, reset, send, small_body,
    tasks_are_back_to,
};

/// 8 MB: more than any buffer on the way holds.
const CHUNKS: usize = 128;

fn trusting() -> UploadClient {
    builder().trust(certificate("authority.pem")).build()
}

/// Sends so many requests to a peer of this case, and checks each answer.
async fn check(case: Case, times: usize) {
    let peer = Peer::start(case, times);
    let client = trusting();
    for number in 0..times {
        let make = if case.http2 && !case.tls {
            http2_post
        } else {
            post
        };
        let exchange = async {
            let answer = send(&client, make(&peer.uri, large_body(CHUNKS))).await;
            let answer = answer.unwrap_or_else(|error| {
                panic!("{case:?}, {number}: {}", error_chain(&error));
            });
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
            read_answer(answer).await
        };
        match patiently(exchange).await {
            Ok(body) => assert!(body == expected(number), "{case:?}, {number}"),
            Err(error) => panic!("{case:?}, {number}: {}", error_chain(&error)),
        }
        peer.release();
    }
    peer.finish();
    tasks_are_back_to(0).await;
}

#[tokio::test]
async fn every_early_answer_is_whole() {
    for case in cases() {
        check(case, 20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_it_lost_when_the_connection_has_a_thread_of_its_own() {
    for case in cases() {
        check(case, 20).await;
    }
}

/// `cargo test -p upload-client --test it -- --ignored two_hundred`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long"]
async fn two_hundred_times_each() {
    for case in cases() {
        check(case, 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_last_bytes_do_not_come_is_an_error_that_says_so() {
    for case in cases() {
        if matches!(case.then, Then::Lingers | Then::StopsStream) {
            // It may still come; or it was said to end well.
            continue;
        }
        let case = Case {
            withheld: 3,
            ..case
        };
        let peer = Peer::start(case, 20);
        let client = trusting();
        for number in 0..20 {
            let make = if case.http2 && !case.tls {
                http2_post
            } else {
                post
            };
            let exchange = async {
                let answer = send(&client, make(&peer.uri, large_body(CHUNKS))).await?;
                read_answer(answer).await
            };
            let error = patiently(exchange).await.unwrap_err();
            let chain = error_chain(&error);
            let length = expected(number).len();
            let broke = format!(
                "the answer broke off after {} of {length} bytes",
                length - 3
            );
            assert!(chain.contains(&broke), "{case:?}, {number}: {chain}");
            assert_eq!(error.stage, Stage::Answering);
            assert_eq!(error.sent, Sent::Part, "{case:?}: {error:?}");
            assert!(error.is_safe_to_repeat());
            peer.release();
        }
        peer.finish();
    }
}

#[tokio::test]
async fn of_a_large_early_answer_no_part_looks_whole() {
    let (listener, uri) = listen().await;
    let client = client();
    for _ in 0..50 {
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            answer(&mut socket, &"a".repeat(200_000)).await;
            reset(socket).await;
        };
        let request = async {
            let answer = send(&client, post(&uri, large_body(CHUNKS))).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            read_answer(answer).await
        };
        match patiently(join(request, server)).await.0 {
            Ok(body) => assert_eq!(body.len(), 200_000),
            Err(error) => assert_eq!(error.failure, Failure::Disconnected, "{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_only_a_reset_ends_is_not_whole() {
    let (listener, uri) = listen().await;
    let client = client();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\npart";
        socket.write_all(answer).await.unwrap();
        reset(socket).await;
    };
    let request = async {
        let answer = send(&client, post(&uri, large_body(CHUNKS))).await.unwrap();
        read_answer(answer).await
    };
    let (body, ()) = patiently(join(request, server)).await;
    assert_eq!(body.unwrap_err().failure, Failure::Disconnected);
}

/// Nor one over HTTP/2 whose stream does not end, where no length is known.
#[tokio::test]
async fn an_answer_that_only_the_end_of_the_connection_ends_is_not_whole() {
    let (listener, uri) = listen().await;
    let client = client();
    let server = async {
        let mut socket = accept_http2(&listener).await;
        // SETTINGS, a head with `:status 200`, and DATA.
        let answer = [
            frame(4, 0, 0, &[]),
            frame(1, 4, 1, &[0x88]),
            frame(0, 0, 1, b"part"),
        ];
        socket.write_all(&answer.concat()).await.unwrap();
        socket.shutdown().await.unwrap();
        read_to_end(socket).await
    };
    let request = async {
        let answer = send(&client, http2_post(&uri, small_body())).await.unwrap();
        read_answer(answer).await
    };
    let (body, _) = patiently(join(request, server)).await;
    assert_eq!(body.unwrap_err().failure, Failure::Disconnected);
}

#[tokio::test]
async fn an_answer_may_come_while_the_server_goes_on_reading() {
    let (listener, uri) = listen().await;
    let client = client();
    let before = alive_tasks();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_head(&mut socket).await;
        answer(&mut socket, "early").await;
        read_to_end(socket).await
    };
    let request = async {
        let answer = send(&client, post(&uri, large_body(480))).await.unwrap();
        // The rest of the body is of no use to anybody.
        read_answer(answer).await.unwrap()
    };
    let (answer, received) = patiently(join(request, server)).await;
    assert_eq!(answer, "early");
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
