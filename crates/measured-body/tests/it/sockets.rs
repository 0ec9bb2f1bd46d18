//! Measured bodies with hyper over real sockets.

use crate::support::Step::{Data, Pending, Trailers};
use crate::support::{Reports, Scripted};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::{TokioExecutor, TokioIo};
use measured_body::{Ending, MeasuredBody, Measurements};
use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The tasks of a client's connections: dropping this closes them.
type Connections = JoinSet<hyper::Result<()>>;
type Cause = Box<dyn Error + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// What a server received of one request.
#[derive(Debug)]
struct Seen {
    content_length: Option<String>,
    transfer_encoding: Option<String>,
    /// `None` if the body arrived incomplete.
    body: Option<Bytes>,
    trailers: bool,
}

async fn see(request: Request<Incoming>) -> Seen {
    let header = |name| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let content_length = header("content-length");
    let transfer_encoding = header("transfer-encoding");
    let collected = request.into_body().collect().await.ok();
    Seen {
        content_length,
        transfer_encoding,
        trailers: collected
            .as_ref()
            .is_some_and(|body| body.trailers().is_some()),
        body: collected.map(|body| body.to_bytes()),
    }
}

/// A server for one connection, whose requests `answer` handles.
async fn serve<A, F, B>(version: Version, answer: A) -> std::net::SocketAddr
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Cause>,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let io = TokioIo::new(socket);
        let service = service_fn(|request| {
            let answer = answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        // The client of each test checks how the connection ends.
        let _ = match version {
            Version::Http1 => {
                server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await
            }
            Version::Http2 => {
                server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(io, service)
                    .await
            }
        };
    });
    address
}

/// Sends one request on a new connection.
async fn send<B>(
    version: Version,
    address: std::net::SocketAddr,
    body: B,
    connections: &mut Connections,
) -> hyper::Result<Response<Incoming>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Cause>,
{
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let request = Request::post("http://solver.example/solve")
        .header("host", "solver.example")
        .body(body)
        .unwrap();
    match version {
        Version::Http1 => {
            let (mut sender, connection) = client::conn::http1::handshake(io).await.unwrap();
            connections.spawn(connection);
            sender.send_request(request).await
        }
        Version::Http2 => {
            let (mut sender, connection) = client::conn::http2::handshake(TokioExecutor::new(), io)
                .await
                .unwrap();
            connections.spawn(connection);
            sender.send_request(request).await
        }
    }
}

/// Sends `source`, measured, to a server that reads all of it.
async fn deliver(version: Version, source: Scripted, reports: &Reports) -> Seen {
    let (seen_sender, mut seen) = mpsc::unbounded_channel();
    let address = serve(version, move |request| {
        let seen = seen_sender.clone();
        async move {
            // A test may ignore this.
            let _ = seen.send(see(request).await);
            Response::new(Empty::<Bytes>::new())
        }
    })
    .await;
    let answer = send(
        version,
        address,
        MeasuredBody::new(source, reports.recorder()),
        &mut Connections::new(),
    )
    .await;
    let seen = seen.recv().await.unwrap();
    assert!(answer.is_ok());
    seen
}

const STEPS: [crate::support::Step; 4] = [Data("first "), Pending, Data("second "), Data("last")];

#[tokio::test]
async fn http1_without_length() {
    let reports = Reports::default();
    let seen = deliver(Version::Http1, Scripted::new(STEPS), &reports).await;
    assert_eq!(seen.transfer_encoding.as_deref(), Some("chunked"));
    assert_eq!(seen.body.unwrap(), "first second last");
    let report = reports.only();
    assert_eq!(report.ending, Ending::Complete);
    assert_eq!(
        (report.bytes, report.chunks, report.largest_chunk),
        (17, 3, 7)
    );
}

#[tokio::test]
async fn http1_with_length() {
    let reports = Reports::default();
    let source = Scripted::new(STEPS).with_known_length();
    let polls = source.polls();
    let seen = deliver(Version::Http1, source, &reports).await;
    assert_eq!(seen.content_length.as_deref(), Some("17"));
    assert_eq!(seen.transfer_encoding, None);
    assert_eq!(seen.body.unwrap(), "first second last");
    assert_eq!(reports.only().ending, Ending::Complete);
    assert_eq!(reports.only().bytes, 17);
    assert_eq!(
        polls.load(Ordering::Relaxed),
        STEPS.len(),
        "the client no longer stops when the length is reached: this test has lost its point"
    );
}

#[tokio::test]
async fn http2_with_and_without_length() {
    for (source, content_length) in [
        (Scripted::new(STEPS), None),
        (Scripted::new(STEPS).with_known_length(), Some("17")),
        (Scripted::new(STEPS).that_knows_its_end(), None),
    ] {
        let reports = Reports::default();
        let seen = deliver(Version::Http2, source, &reports).await;
        assert_eq!(seen.content_length.as_deref(), content_length);
        assert_eq!(seen.body.unwrap(), "first second last");
        assert_eq!(reports.only().ending, Ending::Complete);
        assert_eq!(reports.only().bytes, 17);
    }
}

#[tokio::test]
async fn http2_trailers() {
    let reports = Reports::default();
    let source = Scripted::new([Data("data"), Trailers]);
    let seen = deliver(Version::Http2, source, &reports).await;
    assert!(seen.trailers);
    assert_eq!(reports.only().ending, Ending::Trailers);
}

#[tokio::test]
async fn an_empty_body_that_says_so_is_never_polled() {
    for version in [Version::Http1, Version::Http2] {
        let reports = Reports::default();
        let source = Scripted::new([]).with_known_length().that_knows_its_end();
        let seen = deliver(version, source, &reports).await;
        assert_eq!(seen.body.unwrap(), "");
        assert_eq!(reports.only().ending, Ending::NeverPolled, "{version:?}");
    }
}

#[tokio::test]
async fn a_body_that_fails_does_not_arrive_whole() {
    for version in [Version::Http1, Version::Http2] {
        let reports = Reports::default();
        let (arrived_sender, mut arrived) = mpsc::unbounded_channel();
        let (seen_sender, mut seen) = mpsc::unbounded_channel();
        let address = serve(version, move |request| {
            let (arrived, seen) = (arrived_sender.clone(), seen_sender.clone());
            async move {
                arrived.send(()).unwrap();
                seen.send(see(request).await).unwrap();
                Response::new(Empty::<Bytes>::new())
            }
        })
        .await;
        // Fail once the server has the request. Before that, hyper would not even send the head.
        let data = stream::once(async { Ok(Frame::data(Bytes::from_static(b"data"))) });
        let failure = stream::once(async move {
            arrived.recv().await;
            Err("source fails on purpose")
        });
        let body = MeasuredBody::new(
            StreamBody::new(Box::pin(data.chain(failure))),
            reports.recorder(),
        );
        let answer = send(version, address, body, &mut Connections::new()).await;
        assert!(answer.is_err());
        let seen = seen.recv().await.unwrap();
        assert!(seen.body.is_none(), "{version:?}: {seen:?}");
        assert_eq!(reports.only().ending, Ending::Failed);
        assert_eq!(reports.only().bytes, 4);
    }
}

/// Never ends, and is always ready.
fn endless() -> impl Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static {
    let chunks = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b' '; 65_536]))));
    StreamBody::new(chunks)
}

/// Waits for the report, which a task of hyper makes.
fn awaited_report() -> (
    impl FnOnce(&Measurements) + Send + Sync + 'static,
    mpsc::UnboundedReceiver<Measurements>,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let recorder = move |measurements: &Measurements| {
        // A test that has failed no longer listens.
        let _ = sender.send(measurements.clone());
    };
    (recorder, receiver)
}

// The clock is paused: it jumps to the timeout once no task has anything to do, which is when the
// socket takes no more.
#[tokio::test(start_paused = true)]
async fn client_timeout() {
    for version in [Version::Http1, Version::Http2] {
        let (arrived_sender, mut arrived) = mpsc::unbounded_channel();
        let address = serve(version, move |request| {
            let arrived = arrived_sender.clone();
            async move {
                // Keep the body without reading it.
                arrived.send(request).unwrap();
                std::future::pending::<Response<Empty<Bytes>>>().await
            }
        })
        .await;
        let (recorder, mut report) = awaited_report();
        let mut connections = Connections::new();
        let body = MeasuredBody::new(endless(), recorder);
        let request = send(version, address, body, &mut connections);
        let timed_out = tokio::time::timeout(Duration::from_secs(15), request).await;
        assert!(timed_out.is_err());
        // hyper 1.12 keeps an HTTP/1.1 connection whose request was given up, and with it the body,
        // until the socket has taken what is buffered: with a server that reads nothing, for ever.
        drop(connections);
        let report = report.recv().await.unwrap();
        assert_eq!(report.ending, Ending::Cancelled, "{version:?}");
        assert!(report.bytes > 0);
        assert!(arrived.recv().await.is_some());
    }
}

#[tokio::test]
async fn server_closes_early() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // Read some of the body, then disconnect.
        socket.read_exact(&mut [0; 100_000]).await.unwrap();
    });
    let (recorder, mut report) = awaited_report();
    let answer = send(
        Version::Http1,
        address,
        MeasuredBody::new(endless(), recorder),
        &mut Connections::new(),
    )
    .await;
    assert!(answer.is_err());
    let report = report.recv().await.unwrap();
    assert_eq!(report.ending, Ending::Cancelled);
    assert!(report.bytes >= 65_536);
    assert_eq!(report.bytes, report.chunks * 65_536);
}

#[tokio::test]
async fn http2_server_resets_the_stream() {
    let address = serve(Version::Http2, |request| async move {
        let mut body = request.into_body();
        assert!(body.frame().await.is_some());
        // The reset refuses the rest.
        drop(body);
        Response::new(Empty::<Bytes>::new())
    })
    .await;
    let (recorder, mut report) = awaited_report();
    let answer = send(
        Version::Http2,
        address,
        MeasuredBody::new(endless(), recorder),
        &mut Connections::new(),
    )
    .await;
    assert!(answer.is_ok());
    let report = report.recv().await.unwrap();
    assert_eq!(report.ending, Ending::Cancelled);
    assert!(report.bytes > 0);
}

#[tokio::test]
async fn response_bodies_on_both_sides() {
    for version in [Version::Http1, Version::Http2] {
        let sent = Reports::default();
        let received = Reports::default();
        let sent_by_server = sent.clone();
        let address = serve(version, move |request| {
            let recorder = sent_by_server.recorder();
            async move {
                see(request).await;
                Response::new(MeasuredBody::new(
                    Full::new(Bytes::from_static(b"{\"solutions\":[]}")),
                    recorder,
                ))
            }
        })
        .await;
        let mut connections = Connections::new();
        let answer = send(version, address, Empty::<Bytes>::new(), &mut connections)
            .await
            .unwrap();
        let body = MeasuredBody::new(answer.into_body(), received.recorder());
        assert_eq!(body.size_hint().exact(), Some(16));
        let collected = body.collect().await.unwrap().to_bytes();
        assert_eq!(collected, "{\"solutions\":[]}");
        for reports in [sent, received] {
            assert_eq!(reports.only().ending, Ending::Complete, "{version:?}");
            assert_eq!(reports.only().bytes, 16);
        }
    }
}
