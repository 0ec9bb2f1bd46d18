use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use backon::ExponentialBuilder;
use futures_util::future::join;
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Request, Response, Uri};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tower_service::Service;
use upload_client::{BoxError, Retry, ReusedConnection, UploadClient, retry_after};

use crate::support::{
    RequestBody, answer, body_of, client, listen, patiently, post, read_answer, read_small, send,
    small_body,
};

type Outcome = Result<Response<()>, BoxError>;

/// A service that has these outcomes, and counts what it is sent. It must be asked whether it is ready.
#[derive(Clone)]
struct Scripted {
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
    bodies: Arc<Mutex<Vec<(Instant, usize)>>>,
    ready: bool,
}

impl Service<Request<usize>> for Scripted {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = Ready<Outcome>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<usize>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready));
        assert_eq!(request.headers()["x-kept"], "yes");
        let mut bodies = self.bodies.lock().unwrap();
        bodies.push((Instant::now(), request.into_body()));
        ready(self.outcomes.lock().unwrap().pop_front().expect("one more"))
    }
}

fn status(code: u16) -> Outcome {
    Ok(Response::builder().status(code).body(()).unwrap())
}

fn asking(code: u16, after: &str) -> Outcome {
    let mut response = status(code)?;
    let after = HeaderValue::from_str(after)?;
    response.headers_mut().insert(RETRY_AFTER, after);
    Ok(response)
}

fn by_reused(code: u16) -> Outcome {
    let mut response = status(code)?;
    response.extensions_mut().insert(ReusedConnection);
    Ok(response)
}

fn broken(kind: io::ErrorKind) -> Outcome {
    Err(io::Error::from(kind).into())
}

/// As by default, with so many retries.
fn backoff(retries: usize) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(retries)
        .with_jitter()
}

/// What comes of one request, after how many calls, and the pauses before each but the first.
async fn retried(
    outcomes: Vec<Outcome>,
    set: impl Fn(Retry<Scripted>) -> Retry<Scripted>,
) -> (Result<u16, String>, Vec<Duration>) {
    let service = Scripted {
        outcomes: Arc::new(Mutex::new(outcomes.into())),
        bodies: Arc::default(),
        ready: false,
    };
    let bodies = Arc::clone(&service.bodies);
    let left = Arc::clone(&service.outcomes);
    let mut retry = set(Retry::new(service));
    let mut made = 0;
    let factory = move || {
        made += 1;
        made
    };
    let mut request = Request::new(factory);
    let yes = HeaderValue::from_static("yes");
    request.headers_mut().insert("x-kept", yes);
    let outcome = retry.call(request).await;
    let bodies = bodies.lock().unwrap();
    // Each has a body of its own.
    assert!(bodies.iter().map(|(_, body)| *body).eq(1..=bodies.len()));
    assert!(left.lock().unwrap().is_empty(), "it was given up too soon");
    let pauses = bodies.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let outcome = outcome.map(|response| response.status().as_u16());
    (outcome.map_err(|error| error.to_string()), pauses.collect())
}

#[tokio::test(start_paused = true)]
async fn what_may_be_gone_is_made_again_after_longer_pauses() {
    let reset = || broken(io::ErrorKind::ConnectionReset);
    let script = vec![
        reset(),
        status(503),
        status(502),
        status(504),
        status(429),
        status(200),
    ];
    let (outcome, pauses) = retried(script, |retry| retry.backoff(backoff(8))).await;
    assert_eq!(outcome, Ok(200));
    let least = [50, 100, 200, 400, 800].map(Duration::from_millis);
    assert_eq!(pauses.len(), least.len());
    for (pause, least) in pauses.into_iter().zip(least) {
        // The clock of these tests has milliseconds.
        let most = 2 * least + Duration::from_millis(2);
        assert!(pause >= least && pause <= most, "{pause:?} {least:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_have_a_limit_and_attempts_are_counted() {
    let script = (0..7).map(|_| status(503)).collect();
    let set = |retry: Retry<_>| {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(300));
        retry.backoff(backoff(6).with_min_delay(first).with_max_delay(longest))
    };
    let (outcome, pauses) = retried(script, set).await;
    assert_eq!((outcome, pauses.len()), (Ok(503), 6));
    assert!(
        pauses[3..]
            .iter()
            .all(|pause| *pause <= Duration::from_millis(602))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_made_again() {
    for outcome in [200, 400, 408, 413, 500, 501] {
        let found = retried(vec![status(outcome)], |retry| retry).await;
        assert_eq!(found, (Ok(outcome), vec![]));
    }
    let garbled = broken(io::ErrorKind::InvalidData);
    assert!(retried(vec![garbled], |retry| retry).await.0.is_err());
    let once = |retry: Retry<_>| retry.backoff(backoff(0));
    assert_eq!(retried(vec![status(503)], once).await.0, Ok(503));
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_the_server_costs_neither_an_attempt_nor_a_pause() {
    let script = vec![by_reused(408), by_reused(408), status(200)];
    let found = retried(script, |retry| retry.backoff(backoff(0))).await;
    assert_eq!(found.0, Ok(200));
    assert!(
        found
            .1
            .iter()
            .all(|pause| *pause < Duration::from_millis(2)),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_waited_for_unless_it_is_too_late() {
    let script = || vec![asking(503, "7"), status(200)];
    let (outcome, pauses) = retried(script(), |retry| retry).await;
    assert_eq!(outcome, Ok(200));
    assert_eq!(pauses[0].as_secs(), 7);
    let within = |seconds| move |retry: Retry<_>| retry.within(Duration::from_secs(seconds));
    assert_eq!(retried(script(), within(8)).await.0, Ok(200));
    let (outcome, pauses) = retried(vec![asking(503, "7")], within(7)).await;
    assert_eq!((outcome, pauses.len()), (Ok(503), 0));
    let endless = vec![asking(503, "99999999999999999999999")];
    assert_eq!(retried(endless, |retry| retry).await.0, Ok(503));
}

#[test]
fn retry_after_is_seconds_or_a_date_in_any_form() {
    let now: SystemTime = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    for (text, seconds) in [
        ("0", Some(0)),
        (" 120 ", Some(120)),
        ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
        ("Sunday, 06-Nov-94 08:49:40 GMT", Some(3)),
        ("Sun Nov  6 08:49:40 1994", Some(3)),
        ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
        ("9223372036854775807", Some(i64::MAX as u64)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("99999999999999999999999999999999999999999", Some(u64::MAX)),
        ("0000000000000000000000000000000000000000007", Some(7)),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
        let found = retry_after(&headers, now);
        assert_eq!(found, seconds.map(Duration::from_secs), "{text}");
    }
}

/// A request after one that was answered, whose connection is kept.
async fn after_another(client: &UploadClient, uri: &Uri) -> Request<fn() -> RequestBody> {
    let response = send(client, post(uri, small_body())).await.unwrap();
    read_answer(response).await.unwrap();
    let factory: fn() -> RequestBody = small_body;
    Request::post(uri.clone()).body(factory).unwrap()
}

/// A kept connection that is closed at that moment, and one that answers 408 then, cost no attempt.
#[tokio::test]
async fn around_the_client_idle_connections_cost_nothing() {
    for said in [
        "",
        "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (listener, uri) = listen().await;
        let client = client();
        let requests = async {
            let request = after_another(&client, &uri).await;
            let mut retry = Retry::new(client.clone()).backoff(backoff(0));
            let response = retry.call(request).await.unwrap();
            read_answer(response).await.unwrap()
        };
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_small(&mut socket).await;
            answer(&mut socket, "first").await;
            read_small(&mut socket).await;
            socket.write_all(said.as_bytes()).await.unwrap();
            drop(socket);
            let (mut socket, _) = listener.accept().await.unwrap();
            read_small(&mut socket).await;
            answer(&mut socket, "second").await;
            socket
        };
        let (body, _socket) = patiently(join(requests, server)).await;
        assert_eq!(body, "second");
    }
}

/// A server that would keep the connection after each 408, and answer 408 again.
#[tokio::test]
async fn after_a_408_the_next_attempt_has_a_new_connection() {
    let (listener, uri) = listen().await;
    let client = client();
    let requests = async {
        let request = after_another(&client, &uri).await;
        Retry::new(client.clone()).call(request).await.unwrap()
    };
    let server = async {
        let late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
        let mut sockets = Vec::new();
        for answered in [true, false] {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_small(&mut socket).await;
            if answered {
                answer(&mut socket, "first").await;
                read_small(&mut socket).await;
            }
            socket.write_all(late).await.unwrap();
            sockets.push(socket);
        }
        sockets
    };
    let (response, _sockets) = patiently(join(requests, server)).await;
    assert_eq!(response.status(), 408);
    assert!(response.extensions().get::<ReusedConnection>().is_none());
}

/// As a layer between may have it.
#[derive(Debug, thiserror::Error)]
#[error("a layer's error")]
struct Wrapped(#[source] BoxError);

#[tokio::test]
async fn errors_of_the_client_are_known_within_those_of_layers() {
    // An I/O error that is nobody's but the body's own, and would be made again if any other service had it.
    let (_listener, uri) = listen().await;
    let body = body_of([Err(io::Error::from(io::ErrorKind::NotFound).into())]);
    let error = send(&client(), post(&uri, body)).await.unwrap_err();
    let wrapped = Err(Wrapped(error.into()).into());
    assert!(retried(vec![wrapped], |retry| retry).await.0.is_err());
}
