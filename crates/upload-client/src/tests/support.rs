use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use url::Url;

use crate::client::{HttpClient, OutgoingRequest};
use crate::response::Response;

use crate::{BoxError, ClientSettings, Proxies, RequestError, UploadClient};

/// The bodies of these tests.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// Fails a test that would never end.
pub(super) async fn patiently<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it ends")
}

pub(super) async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/solve").parse().unwrap();
    (listener, url)
}

pub(super) fn client() -> HttpClient {
    client_by(Matcher::builder().build())
}

pub(super) fn client_by(proxies: Matcher) -> HttpClient {
    HttpClient::new(&ClientSettings {
        proxies: Proxies::new(proxies),
        ..ClientSettings::default()
    })
    .unwrap()
}

/// The client as it is used from outside, without proxies.
pub(super) fn upload_client() -> UploadClient {
    UploadClient::new(&ClientSettings {
        proxies: Proxies::new(Matcher::builder().build()),
        ..ClientSettings::default()
    })
    .unwrap()
}

pub(super) fn post(url: &Url) -> OutgoingRequest<'_> {
    OutgoingRequest {
        method: Method::POST,
        url,
        headers: HeaderMap::new(),
        http2: false,
    }
}

pub(super) fn small_body() -> RequestBody {
    Full::new(Bytes::from_static(b"small"))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of unknown length.
pub(super) fn body_of<I>(chunks: I) -> RequestBody
where
    I: IntoIterator<Item = Result<Bytes, BoxError>>,
    I::IntoIter: Send + 'static,
{
    let frames = chunks.into_iter().map(|chunk| chunk.map(Frame::data));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A body of as many times 64 KiB.
pub(super) fn large_body(chunks: usize) -> RequestBody {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    body_of(std::iter::repeat_n(chunk, chunks).map(Ok))
}

/// A body without an end.
pub(super) fn endless_body() -> RequestBody {
    large_body(usize::MAX)
}

/// Reads a request's head; what follows it stays in the socket.
pub(super) async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads a request with [`small_body`].
pub(super) async fn read_small(socket: &mut TcpStream) -> String {
    let head = read_head(socket).await;
    let mut body = [0; 5];
    socket.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"small");
    head
}

pub(super) async fn answer(socket: &mut TcpStream, body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await.unwrap();
}

/// Closes a socket in which something lies unread, so that the kernel resets the connection.
pub(super) async fn reset(socket: TcpStream) {
    let peeked = socket.peek(&mut [0]).await.unwrap();
    assert_eq!(peeked, 1, "nothing to leave unread");
}

/// Reads the answer's body to its end, without finishing.
pub(super) async fn read_answer(response: &mut Response) -> Result<Vec<u8>, RequestError> {
    let mut answer = Vec::new();
    while let Some(frame) = response.body.frame().await {
        let frame = frame.map_err(|error| response.guard.explain(error))?;
        answer.extend_from_slice(&frame.into_data().unwrap());
    }
    Ok(answer)
}

pub(super) fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until there are no more tasks than `count`.
pub(super) async fn tasks_are_back_to(count: usize) {
    patiently(async {
        while alive_tasks() > count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The messages of an error and its sources, outermost first.
pub(super) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    let messages: Vec<_> = sources.map(ToString::to_string).collect();
    messages.join(": ")
}
