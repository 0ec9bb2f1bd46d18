//! Stalls and resets, over real sockets.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::support_tests::{Running, client, content, rest, sha256};
use super::{EarlyAnswer, StandIn};

/// Long enough for a buffer on loopback to drain, if something read from it.
const NO_PROGRESS: Duration = Duration::from_millis(100);

/// The timeout of a test that would never end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends `body`, then reads. Returns the first error.
async fn first_error(mut socket: TcpStream, body: &[u8]) -> io::Error {
    let exchange = async {
        socket.write_all(body).await?;
        socket.read_to_end(&mut Vec::new()).await
    };
    exchange.await.expect_err("the connection is reset")
}

#[tokio::test]
async fn resets_after_exactly_so_many_bytes() {
    let body = content(300_000);
    for at in [0, 1, 1_000, 65_536, 299_999, 300_000] {
        let mut stand_in = Running::start(StandIn::builder().reset_after(at)).await;
        let socket = stand_in.begin("content-length: 300000").await;
        assert_eq!(
            first_error(socket, &body).await.kind(),
            io::ErrorKind::ConnectionReset,
            "after {at}"
        );
        let report = stand_in.report().await;
        assert_eq!((report.bytes, report.complete), (at, false));
        assert_eq!(report.sha256, sha256(&body[..at as usize]));
    }
}

#[tokio::test]
async fn a_shorter_body_is_not_reset() {
    let mut stand_in = Running::start(StandIn::builder().reset_after(1_001)).await;
    assert_eq!(
        client()
            .post(&stand_in.url)
            .body(content(1_000))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(stand_in.report().await.complete);
}

#[tokio::test]
async fn an_encoded_body_is_reset_where_its_encoded_bytes_say() {
    let mut stand_in = Running::start(StandIn::builder().reset_after(5)).await;
    // The header of a gzip member, of which five bytes decode to nothing.
    let encoded = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let request = client()
        .post(&stand_in.url)
        .header("content-encoding", "gzip")
        .body(encoded);
    request.send().await.unwrap_err();
    let report = stand_in.report().await;
    assert_eq!((report.bytes, report.complete), (0, false));
}

#[tokio::test]
async fn resets_http_2() {
    let mut stand_in = Running::start(StandIn::builder().reset_after(100_000)).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    client
        .post(&stand_in.url)
        .body(content(1_000_000))
        .send()
        .await
        .unwrap_err();
    let report = stand_in.report().await;
    assert_eq!((report.bytes, report.complete), (100_000, false));
}

#[tokio::test]
async fn a_stall_stops_the_sender_and_nobody_else() {
    const MORE_THAN_BUFFERS_TAKE: usize = 64 << 20;
    let mut stand_in = Running::start(StandIn::builder().stall_after(200_000)).await;
    let mut socket = stand_in
        .begin(&format!("content-length: {MORE_THAN_BUFFERS_TAKE}"))
        .await;
    let piece = content(65_536);
    let mut sent = 0;
    while sent < MORE_THAN_BUFFERS_TAKE {
        match timeout(NO_PROGRESS, socket.write(&piece)).await {
            Ok(written) => sent += written.unwrap(),
            Err(_) => break,
        }
    }
    assert!(sent < MORE_THAN_BUFFERS_TAKE / 2, "{sent} bytes were taken");
    let report = stand_in.report().await;
    assert_eq!((report.bytes, report.complete), (200_000, false));

    // A body that ends before the stall is answered meanwhile, also on the same server.
    assert_eq!(
        client()
            .post(&stand_in.url)
            .body(content(1_000))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(stand_in.report().await.complete);

    // Nothing arrives, not even an end.
    assert!(timeout(NO_PROGRESS, socket.read_u8()).await.is_err());
}

#[tokio::test]
async fn stalls_http_2() {
    let mut stand_in = Running::start(StandIn::builder().stall_after(200_000)).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let request = client.post(&stand_in.url).body(content(1_000_000)).send();
    let mut request = std::pin::pin!(request);
    let report = tokio::select! {
        response = &mut request => panic!("answered {response:?}"),
        report = stand_in.reports.recv() => report.unwrap(),
    };
    assert_eq!((report.bytes, report.complete), (200_000, false));
    assert!(timeout(NO_PROGRESS, request).await.is_err());
}

#[tokio::test]
async fn dropping_the_server_ends_a_stall() {
    let mut stand_in = Running::start(StandIn::builder().stall_after(3)).await;
    let mut socket = stand_in.begin("content-length: 1000").await;
    socket.write_all(b"abc").await.unwrap();
    assert_eq!(stand_in.report().await.bytes, 3);
    stand_in.serving.shutdown().await;
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(stand_in.reports.recv().await.is_none());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stalled_connection_ends_with_its_peer() {
    let mut stand_in = Running::start(StandIn::builder().stall_after(3)).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut socket = stand_in.begin("content-length: 1000").await;
    socket
        .write_all(b"abc, and what is never read")
        .await
        .unwrap();
    assert_eq!(stand_in.report().await.bytes, 3);
    assert!(tasks() > before);
    drop(socket);
    let ended = async {
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended)
        .await
        .expect("the connection is given up");
}

#[tokio::test]
async fn resets_instead_of_answering() {
    let mut stand_in = Running::start(StandIn::builder().reset_when_read()).await;
    let body = content(300_000);
    let socket = stand_in.begin("content-length: 300000").await;
    let error = first_error(socket, &body).await;
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let report = stand_in.report().await;
    assert!(report.complete);
    assert_eq!(report.sha256, sha256(&body));
}

/// Reads the default answer on a connection that stays open.
async fn answer_of(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"solutions":[]}"#) {
        let read = timeout(PATIENCE, socket.read_buf(&mut answer)).await;
        assert!(read.expect("an answer").unwrap() > 0, "it broke off");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn answers_early_and_reads_no_more() {
    const MORE_THAN_BUFFERS_TAKE: usize = 64 << 20;
    for then in [EarlyAnswer::ThenHold, EarlyAnswer::ThenClose] {
        let script = StandIn::builder().answer_after(3, then).status(413);
        let mut stand_in = Running::start(script).await;
        let mut socket = stand_in
            .begin(&format!("content-length: {MORE_THAN_BUFFERS_TAKE}"))
            .await;
        socket.write_all(b"abc").await.unwrap();
        let report = stand_in.report().await;
        assert_eq!((report.bytes, report.complete), (3, false));
        if then == EarlyAnswer::ThenClose {
            let answer = rest(&mut socket).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            assert!(answer.ends_with(r#"{"solutions":[]}"#), "{answer}");
            continue;
        }
        let answer = answer_of(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        // Neither an end nor progress.
        let more = timeout(NO_PROGRESS, socket.read_u8()).await;
        assert!(more.is_err(), "{more:?}");
        let (piece, mut sent) = (content(65_536), 0);
        while let Ok(written) = timeout(NO_PROGRESS, socket.write(&piece)).await {
            sent += written.unwrap();
            assert!(sent < MORE_THAN_BUFFERS_TAKE / 2, "{sent} bytes were taken");
        }
        // Dropping the server ends it.
        stand_in.serving.shutdown().await;
        let _reset = socket.read_to_end(&mut Vec::new()).await;
        assert!(stand_in.reports.recv().await.is_none());
    }
}

#[tokio::test]
async fn answers_early_and_reads_on() {
    let script = StandIn::builder().answer_after(3, EarlyAnswer::ThenRead);
    let mut stand_in = Running::start(script).await;
    let body = content(300_000);
    let mut socket = stand_in.begin("content-length: 300000").await;
    socket.write_all(&body[..3]).await.unwrap();
    let answer = answer_of(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(stand_in.reports.try_recv().is_err(), "reported too early");
    socket.write_all(&body[3..]).await.unwrap();
    let report = stand_in.report().await;
    assert_eq!((report.bytes, report.complete), (300_000, true));
    assert_eq!(report.sha256, sha256(&body));
}

#[tokio::test]
async fn answers_http_2_early() {
    for then in [
        EarlyAnswer::ThenHold,
        EarlyAnswer::ThenClose,
        EarlyAnswer::ThenRead,
    ] {
        let script = StandIn::builder().answer_after(0, then).status(413);
        let mut stand_in = Running::start(script).await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .http2_prior_knowledge()
            .build()
            .unwrap();
        let request = client.post(&stand_in.url).body(content(300_000));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.text().await.unwrap(), r#"{"solutions":[]}"#);
        let report = stand_in.report().await;
        assert_eq!(report.bytes == 0, then != EarlyAnswer::ThenRead);
    }
}

#[tokio::test]
async fn a_body_that_ends_before_an_early_answer_is_answered_as_usual() {
    for then in [
        EarlyAnswer::ThenHold,
        EarlyAnswer::ThenClose,
        EarlyAnswer::ThenRead,
    ] {
        let mut stand_in = Running::start(StandIn::builder().answer_after(1_001, then)).await;
        let request = client().post(&stand_in.url).body(content(1_000));
        assert_eq!(request.send().await.unwrap().status(), 200);
        assert!(stand_in.report().await.complete);
    }
}

#[tokio::test]
async fn an_answer_stalls_or_ends_in_its_middle() {
    for bytes in [0, 7] {
        let head_and = |answer: &str| {
            assert!(answer.contains("content-length: 16\r\n"), "{answer}");
            let whole = r#"{"solutions":[]}"#;
            assert!(
                answer.ends_with(&format!("\r\n\r\n{}", &whole[..bytes])),
                "{answer}"
            );
        };
        let stand_in = Running::start(StandIn::builder().close_answer_after(bytes)).await;
        let mut socket = stand_in.begin("content-length: 0").await;
        head_and(&rest(&mut socket).await);

        let stand_in = Running::start(StandIn::builder().stall_answer_after(bytes)).await;
        let mut socket = stand_in.begin("content-length: 0").await;
        let mut answer = Vec::new();
        while let Ok(read) = timeout(NO_PROGRESS, socket.read_buf(&mut answer)).await {
            assert!(read.unwrap() > 0, "the answer has ended");
        }
        head_and(std::str::from_utf8(&answer).unwrap());
    }
}
