use std::time::Duration;

use futures_util::future::join;
use http::{Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;
use upload_client::{
    Failure, RequestError, ReusedConnection, Sent, UploadClient, costs_no_attempt,
};

use crate::peers::frame;
use crate::support::{
    accept_http2, answer, builder, client, endless_body, http2_post, large_body, listen, patiently,
    post, read_answer, read_head, read_http2_head, read_small, send, small_body, tasks_are_back_to,
};

/// Serves `count` requests on one connection.
async fn serve_on_one(listener: &TcpListener, count: usize) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    for _ in 0..count {
        read_small(&mut socket).await;
        answer(&mut socket, "answer").await;
    }
    socket
}

#[tokio::test]
async fn a_finished_request_leaves_its_connection_to_the_next() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        for number in 0..10 {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            let reused = response.extensions().get::<ReusedConnection>();
            assert_eq!(reused.is_some(), number > 0);
            assert_eq!(read_answer(response).await.unwrap(), "answer");
        }
    };
    patiently(join(requests, serve_on_one(&listener, 10))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_where_connections_have_threads_of_their_own() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        for _ in 0..500 {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            assert_eq!(read_answer(response).await.unwrap(), "answer");
        }
    };
    patiently(join(requests, serve_on_one(&listener, 500))).await;
}

#[tokio::test]
async fn one_whose_answer_is_dropped_unread_does_not() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        for _ in 0..10 {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
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

/// A reader that knows the length need not ask for the end.
#[tokio::test]
async fn one_whose_answer_has_nothing_left_does() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        for text in ["", "answer", ""] {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            let mut body = response.into_body();
            assert_eq!(body.is_end_stream(), text.is_empty());
            if !text.is_empty() {
                let frame = body.frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), text);
            }
            assert!(body.is_end_stream());
        }
    };
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        for text in ["", "answer", ""] {
            read_small(&mut socket).await;
            answer(&mut socket, text).await;
        }
    };
    patiently(join(requests, server)).await;
}

#[tokio::test]
async fn requests_one_after_another_use_one_connection_and_overlapping_ones_do_not() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        for _ in 0..3 {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            assert_eq!(read_answer(response).await.unwrap(), "answer");
        }
        let request = || send(&client, post(&uri, small_body()));
        let (first, second) = join(request(), request()).await;
        for answer in [first, second] {
            assert_eq!(answer.unwrap().status(), 200);
        }
    };
    let server = async {
        let mut first = serve_on_one(&listener, 3).await;
        let (mut second, _) = listener.accept().await.unwrap();
        for socket in [&mut first, &mut second] {
            read_small(socket).await;
        }
        for socket in [&mut first, &mut second] {
            answer(socket, "answer").await;
        }
    };
    patiently(join(requests, server)).await;
}

/// One request after which its connection is kept, and what the server does with that before the next request begins.
async fn after_one(client: &UploadClient, listener: &TcpListener, uri: &http::Uri) -> TcpStream {
    let request = async {
        let response = send(client, post(uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    patiently(join(request, serve_on_one(listener, 1))).await.1
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let (listener, uri) = listen().await;
    let client = client();
    for said in [
        &b""[..],
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut socket = after_one(&client, &listener, &uri).await;
        socket.write_all(said).await.unwrap();
        drop(socket);
        // The end is in the kernel, and no task has had a turn since; the body is one that cannot be sent twice.
        let request = async {
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            assert_eq!(response.extensions().get::<ReusedConnection>(), None);
            read_answer(response).await.unwrap()
        };
        let (body, _) = patiently(join(request, serve_on_one(&listener, 1))).await;
        assert_eq!(body, "answer");
        tasks_are_back_to(1).await;
    }
}

/// Requests on one connection whose second is answered so, after its head and five bytes of its body.
async fn second_answered(said: &[u8]) -> Result<http::Response<bytes::Bytes>, RequestError> {
    let (listener, uri) = listen().await;
    let client = client();
    let mut socket = after_one(&client, &listener, &uri).await;
    let request = async {
        let response = send(&client, post(&uri, small_body())).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(http::Response::from_parts(head, body))
    };
    let server = async {
        read_small(&mut socket).await;
        socket.write_all(said).await.unwrap();
        drop(socket);
    };
    patiently(join(request, server)).await.0
}

#[tokio::test]
async fn a_connection_that_is_closed_at_that_moment_costs_no_attempt() {
    let error = second_answered(b"").await.unwrap_err();
    assert_eq!(error.failure, Failure::Stale, "{error:?}");
    assert!(error.may_be_made_again());
    assert!(costs_no_attempt::<()>(&Err(error.into())));

    // But one that has begun to answer does.
    let error = second_answered(b"HTTP/1.1 2").await.unwrap_err();
    assert_eq!(error.failure, Failure::Disconnected, "{error:?}");
    assert!(!costs_no_attempt::<()>(&Err(error.into())));
}

#[tokio::test]
async fn a_408_by_a_reused_connection_is_marked() {
    let said = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let answer = second_answered(said).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(answer.extensions().get::<ReusedConnection>().is_some());
}

#[tokio::test]
async fn a_connection_is_kept_for_so_long_and_no_longer() {
    let (listener, uri) = listen().await;
    let limit = Duration::from_millis(20);
    let client = builder().idle_timeout(limit).build();
    let mut socket = after_one(&client, &listener, &uri).await;
    // Closed by the client's own clock, without another request.
    let end = patiently(tokio::io::copy(&mut socket, &mut tokio::io::sink())).await;
    assert_eq!(end.unwrap(), 0);
    tasks_are_back_to(0).await;
}

#[tokio::test]
async fn no_more_are_kept_than_allowed() {
    let (listener, uri) = listen().await;
    let client = builder().idle_connections(1).build();
    let request = || async {
        let response = send(&client, post(&uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    let server = async {
        let (mut first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        for socket in [&mut first, &mut second] {
            read_small(socket).await;
            answer(socket, "answer").await;
        }
        (first, second)
    };
    let (_, _sockets) = patiently(join(join(request(), request()), server)).await;
    tasks_are_back_to(1).await;
}

#[tokio::test]
async fn several_are_kept() {
    let (listener, uri) = listen().await;
    let client = client();
    let request = || async {
        let response = send(&client, post(&uri, small_body())).await.unwrap();
        read_answer(response).await.unwrap()
    };
    let requests = async {
        for _ in 0..2 {
            join(request(), request()).await;
        }
    };
    let server = async {
        let (mut first, _) = listener.accept().await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            for socket in [&mut first, &mut second] {
                read_small(socket).await;
            }
            for socket in [&mut first, &mut second] {
                answer(socket, "answer").await;
            }
        }
    };
    patiently(join(requests, server)).await;
}

/// What the server has not taken of a request is not waited for, and does not come before the next one.
#[tokio::test]
async fn a_connection_with_a_rest_of_a_request_is_not_kept() {
    let (listener, uri) = listen().await;
    let client = client();
    for body in [endless_body(), large_body(300)] {
        let requests = async {
            let response = send(&client, post(&uri, body)).await.unwrap();
            read_answer(response).await.unwrap();
            let response = send(&client, post(&uri, small_body())).await.unwrap();
            // It is given up, so that the next round begins anew.
            drop(response);
        };
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            answer(&mut socket, "early").await;
            serve_on_one(&listener, 1).await;
            socket
        };
        patiently(join(requests, server)).await;
    }
}

/// But one that it closes for a reason does.
#[tokio::test]
async fn nor_does_one_by_which_the_server_goes_away_at_that_moment() {
    for (reason, failure) in [
        (h2::Reason::NO_ERROR, Failure::Stale),
        (h2::Reason::ENHANCE_YOUR_CALM, Failure::Disconnected),
    ] {
        let (listener, uri) = listen().await;
        let client = client();
        let server = async {
            let mut socket = accept_http2(&listener).await;
            // SETTINGS, and an answer that is a head with `:status 200`.
            let answer = [frame(4, 0, 0, &[]), frame(1, 5, 1, &[0x88])].concat();
            socket.write_all(&answer).await.unwrap();
            read_http2_head(&mut socket).await;
            // GOAWAY: the first stream is the last that was taken up.
            let reason = u32::from(reason).to_be_bytes();
            let goodbye = frame(7, 0, 0, &[[0, 0, 0, 1], reason].concat());
            socket.write_all(&goodbye).await.unwrap();
            let _given_up = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
        };
        let requests = async {
            let first = http2_post(&uri, small_body());
            read_answer(send(&client, first).await.unwrap())
                .await
                .unwrap();
            let second = http2_post(&uri, endless_body());
            send(&client, second).await.unwrap_err()
        };
        let (error, ()) = patiently(join(requests, server)).await;
        assert_eq!(error.failure, failure, "{error:?}");
    }
}

/// Without a body, the server may have had all of a request that nothing was taken of.
#[tokio::test]
async fn a_request_without_a_body_is_not_made_twice_unless_that_is_the_same() {
    for (method, is_repeated) in [
        (Method::POST, false),
        (Method::GET, true),
        (Method::DELETE, true),
    ] {
        let (listener, uri) = listen().await;
        let mut client = client();
        let mut socket = after_one(&client, &listener, &uri).await;
        let request = Request::builder().method(method).uri(&uri);
        let request = client.call(request.body(Empty::<bytes::Bytes>::new()).unwrap());
        let server = async {
            read_head(&mut socket).await;
            drop(socket);
            if is_repeated {
                let (mut socket, _) = listener.accept().await.unwrap();
                read_head(&mut socket).await;
                answer(&mut socket, "again").await;
            }
        };
        let (response, ()) = patiently(join(request, server)).await;
        if is_repeated {
            assert_eq!(read_answer(response.unwrap()).await.unwrap(), "again");
        } else {
            let error = response.unwrap_err();
            assert_eq!((error.failure, error.sent), (Failure::Stale, Sent::Whole));
        }
    }
}
