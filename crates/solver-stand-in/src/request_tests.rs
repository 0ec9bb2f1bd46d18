//! What is read, reported and answered, over real sockets.

use std::time::Duration;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::support_tests::{Running, client, content, rest, sha256};
use super::{EarlyAnswer, RequestReport, StandIn};

async fn read_all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn hashes_reports_and_answers() {
    let mut stand_in = StandIn::running().await;
    let client = client();
    // The sizes around buffers, and the same connection again.
    for length in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
        let body = content(length);
        let url = format!("{}/any/path?query=1", stand_in.url);
        let response = client.post(url).body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.text().await.unwrap(), r#"{"solutions":[]}"#);
        let expected = RequestReport {
            bytes: length as u64,
            sha256: sha256(&body),
            complete: true,
            content_encoding: None,
        };
        assert_eq!(stand_in.report().await, expected);
    }
}

#[tokio::test]
async fn answers_what_was_chosen() {
    let stand_in = Running::start(StandIn::builder().status(503).response("{}")).await;
    let response = client().post(&stand_in.url).body("x").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "{}");
}

#[tokio::test]
async fn decodes_what_it_knows() {
    let mut stand_in = StandIn::running().await;
    let body = content(300_000);
    let encoded = [
        ("gzip", read_all(GzipEncoder::new(&body[..])).await),
        ("zstd", read_all(ZstdEncoder::new(&body[..])).await),
        ("br", read_all(BrotliEncoder::new(&body[..])).await),
    ];
    for (name, bytes) in encoded {
        assert!(bytes.len() < body.len());
        let request = client()
            .post(&stand_in.url)
            .header("content-encoding", name)
            .body(bytes);
        assert_eq!(request.send().await.unwrap().status(), 200, "{name}");
        let expected = RequestReport {
            bytes: body.len() as u64,
            sha256: sha256(&body),
            complete: true,
            content_encoding: Some(String::from(name)),
        };
        assert_eq!(stand_in.report().await, expected);
    }
}

#[tokio::test]
async fn loses_nothing_of_an_encoded_body_that_is_answered_early() {
    // So small that it arrives in one piece.
    let body = content(3_000);
    let encoded = [
        ("gzip", read_all(GzipEncoder::new(&body[..])).await),
        ("zstd", read_all(ZstdEncoder::new(&body[..])).await),
        ("br", read_all(BrotliEncoder::new(&body[..])).await),
    ];
    for (name, bytes) in encoded {
        let half = bytes.len() as u64 / 2;
        let script = StandIn::builder().answer_after(half, EarlyAnswer::ThenRead);
        let mut stand_in = Running::start(script).await;
        let request = client().post(&stand_in.url).body(bytes);
        let request = request.header("content-encoding", name);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let report = stand_in.report().await;
        assert_eq!((report.bytes, report.complete), (3_000, true), "{name}");
        assert_eq!(report.sha256, sha256(&body), "{name}");
    }
}

#[tokio::test]
async fn several_members_are_one_content() {
    let mut stand_in = StandIn::running().await;
    let body = content(1_000);
    let mut encoded = read_all(GzipEncoder::new(&body[..600])).await;
    encoded.extend(read_all(GzipEncoder::new(&body[600..])).await);
    let request = client()
        .post(&stand_in.url)
        .header("content-encoding", "gzip")
        .body(encoded);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(stand_in.report().await.sha256, sha256(&body));
}

#[tokio::test]
async fn a_cut_off_encoding_is_incomplete() {
    let mut stand_in = StandIn::running().await;
    let body = content(300_000);
    let encoded = [
        ("gzip", read_all(GzipEncoder::new(&body[..])).await),
        ("zstd", read_all(ZstdEncoder::new(&body[..])).await),
        ("br", read_all(BrotliEncoder::new(&body[..])).await),
    ];
    for (name, bytes) in encoded {
        let whole = bytes.len();
        for cut in [1, whole / 2, whole - 1] {
            let request = client()
                .post(&stand_in.url)
                .header("content-encoding", name)
                .body(bytes[..cut].to_vec());
            assert_eq!(
                request.send().await.unwrap().status(),
                400,
                "{name} cut at {cut} of {whole}"
            );
            let report = stand_in.report().await;
            assert!(!report.complete, "{name} cut at {cut} of {whole}");
            assert_eq!(report.sha256, sha256(&body[..report.bytes as usize]));
        }
        let mut trailing = bytes;
        trailing.extend(b"not encoded");
        let request = client()
            .post(&stand_in.url)
            .header("content-encoding", name)
            .body(trailing);
        assert_eq!(
            request.send().await.unwrap().status(),
            400,
            "{name} with more behind it"
        );
        assert!(!stand_in.report().await.complete);
    }
}

#[tokio::test]
async fn an_unknown_encoding_is_refused_and_reported_as_it_came() {
    let mut stand_in = StandIn::running().await;
    let body = content(100_000);
    let request = client()
        .post(&stand_in.url)
        .header("content-encoding", "compress")
        .body(body.clone());
    assert_eq!(request.send().await.unwrap().status(), 415);
    let report = stand_in.report().await;
    assert_eq!(
        (report.bytes, report.sha256, report.complete),
        (100_000, sha256(&body), true)
    );
    assert_eq!(report.content_encoding.as_deref(), Some("compress"));
}

#[tokio::test]
async fn only_posts_are_served() {
    let mut stand_in = StandIn::running().await;
    let response = client().get(&stand_in.url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(stand_in.report().await.bytes, 0);
}

#[tokio::test]
async fn speaks_http_2() {
    let mut stand_in = StandIn::running().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let body = content(1_000_000);
    let response = client
        .post(&stand_in.url)
        .body(body.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.text().await.unwrap(), r#"{"solutions":[]}"#);
    let report = stand_in.report().await;
    assert_eq!(
        (report.bytes, report.sha256, report.complete),
        (1_000_000, sha256(&body), true)
    );
}

#[tokio::test]
async fn a_cut_off_body_is_incomplete() {
    let mut stand_in = StandIn::running().await;
    for (framing, sent) in [
        ("transfer-encoding: chunked", "3\r\nabc\r\n3\r\ndef\r\n"),
        ("transfer-encoding: chunked", "3\r\nabc\r\n5\r\ndef"),
        ("content-length: 7", "abcdef"),
    ] {
        let mut socket = stand_in.begin(framing).await;
        socket.write_all(sent.as_bytes()).await.unwrap();
        drop(socket);
        let report = stand_in.report().await;
        assert_eq!((report.bytes, report.complete), (6, false), "{framing}");
        assert_eq!(report.sha256, sha256(b"abcdef"));
    }
    // Each was reported once, and nothing but these.
    stand_in.serving.shutdown().await;
    assert!(stand_in.reports.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn thinks_before_it_answers() {
    let mut stand_in = Running::start(StandIn::builder().delay(Duration::from_secs(3_600))).await;
    let began = Instant::now();
    let mut socket = stand_in
        .begin("connection: close\r\ncontent-length: 2")
        .await;
    socket.write_all(b"{}").await.unwrap();
    assert!(stand_in.report().await.complete);
    assert!(rest(&mut socket).await.ends_with(r#"{"solutions":[]}"#));
    assert!(began.elapsed() >= Duration::from_secs(3_600));
}

#[tokio::test(start_paused = true)]
async fn reads_no_faster_than_told() {
    let mut stand_in = Running::start(StandIn::builder().read_rate(100)).await;
    let began = Instant::now();
    let mut socket = stand_in
        .begin("connection: close\r\ncontent-length: 500000")
        .await;
    socket.write_all(&content(500_000)).await.unwrap();
    let report = stand_in.report().await;
    assert_eq!((report.bytes, report.complete), (500_000, true));
    assert!(began.elapsed() >= Duration::from_secs(5_000));
}

#[tokio::test]
async fn dropping_the_server_closes_and_reports_what_it_was_reading() {
    let mut stand_in = StandIn::running().await;
    let mut socket = stand_in
        .begin("content-length: 7\r\nexpect: 100-continue")
        .await;
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stand_in.serving.shutdown().await;
    assert!(!stand_in.report().await.complete);
    assert!(stand_in.reports.recv().await.is_none());
    assert_eq!(rest(&mut socket).await, "");
}

#[tokio::test]
async fn a_panic_of_the_callback_costs_one_connection() {
    let stand_in = StandIn::builder()
        .on_request(|report| assert_ne!(report.bytes, 13, "the test panics here on purpose"))
        .bind(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let url = stand_in.url();
    let serving = tokio::spawn(stand_in.serve());
    let client = client();
    client
        .post(&url)
        .body(content(13))
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        client
            .post(&url)
            .body(content(14))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    serving.abort();
}

#[tokio::test]
async fn the_first_requests_are_treated_otherwise() {
    let busy = StandIn::builder()
        .status(503)
        .header(RETRY_AFTER, HeaderValue::from_static("1"));
    let stand_in = Running::start(StandIn::builder().first(2, busy)).await;
    let client = client();
    for (status, retry_after) in [(503, Some("1")), (503, Some("1")), (200, None)] {
        let response = client.post(&stand_in.url).body("x").send().await.unwrap();
        assert_eq!(response.status(), status);
        let found = response.headers().get(RETRY_AFTER);
        assert_eq!(found.map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }
}

#[tokio::test]
async fn requests_are_chosen_by_their_heads() {
    let script = StandIn::builder().choose(|head, number| match head.uri.path() {
        "/busy" => Some(StandIn::builder().status(503)),
        "/wrong" => Some(StandIn::builder().status(1)),
        _ => (number == 3).then(|| StandIn::builder().response("[]")),
    });
    let mut stand_in = Running::start(script).await;
    for (path, status, answer) in [
        ("/busy", 503, r#"{"solutions":[]}"#),
        ("/solve", 200, r#"{"solutions":[]}"#),
        ("/wrong", 500, r#"{"solutions":[]}"#),
        ("/solve", 200, "[]"),
    ] {
        let request = client().post(format!("{}{path}", stand_in.url)).body("x");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.text().await.unwrap(), answer);
        // The callbacks of the stand-in itself are used.
        assert!(stand_in.report().await.complete);
    }
}

#[tokio::test]
async fn an_answer_has_the_chosen_headers() {
    let script = StandIn::builder()
        .header(CONTENT_ENCODING, HeaderValue::from_static("gzip"))
        .header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
        .response(&b"not gzip"[..]);
    let stand_in = Running::start(script).await;
    let response = client().post(&stand_in.url).body("x").send().await.unwrap();
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain");
    assert_eq!(response.text().await.unwrap(), "not gzip");
}

#[tokio::test]
async fn requests_are_kept_as_they_came() {
    let (sender, mut kept) = tokio::sync::mpsc::unbounded_channel();
    let (connected, mut connections) = tokio::sync::mpsc::unbounded_channel();
    let script = StandIn::builder()
        .on_kept(move |request| sender.send(request).unwrap())
        .on_connection(move |number| connected.send(number).unwrap());
    let stand_in = Running::start(script).await;
    let encoded = read_all(GzipEncoder::new(&content(1_000)[..])).await;
    let client = client();
    for _ in 0..2 {
        let request = client
            .post(format!("{}/solve", stand_in.url))
            .header("content-encoding", "gzip")
            .body(encoded.clone());
        assert_eq!(request.send().await.unwrap().status(), 200);
        let request = kept.recv().await.unwrap();
        assert_eq!(request.head.uri.path(), "/solve");
        assert_eq!(request.head.headers[CONTENT_ENCODING], "gzip");
        assert!(request.body == encoded);
        assert_eq!((request.connection, request.complete), (0, true));
        assert_eq!(request.error, None);
    }
    let mut socket = stand_in.begin("content-length: 7").await;
    socket.write_all(b"abc").await.unwrap();
    drop(socket);
    let request = kept.recv().await.unwrap();
    assert_eq!((request.connection, request.complete), (1, false));
    assert_eq!(request.body, b"abc");
    drop(stand_in);
    assert_eq!(
        [connections.recv().await, connections.recv().await],
        [Some(0), Some(1)]
    );
}
