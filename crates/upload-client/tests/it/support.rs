use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, Uri, Version};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use upload_client::{
    BoxError, Proxies, RequestError, ResponseBody, UploadClient, UploadClientBuilder,
};

/// The bodies of these tests.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// Fails a test that would never end.
pub(crate) async fn patiently<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it ends")
}

pub(crate) async fn listen() -> (TcpListener, Uri) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let uri = format!("http://{address}/solve").parse().unwrap();
    (listener, uri)
}

pub(crate) fn builder() -> UploadClientBuilder {
    UploadClient::builder().proxies(Proxies::default())
}

pub(crate) fn client() -> UploadClient {
    builder().build()
}

pub(crate) fn certificate(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.join("tests/it/certificates").join(name)
}

pub(crate) fn post(uri: &Uri, body: RequestBody) -> Request<RequestBody> {
    Request::post(uri.clone()).body(body).unwrap()
}

pub(crate) fn http2_post(uri: &Uri, body: RequestBody) -> Request<RequestBody> {
    let mut request = post(uri, body);
    *request.version_mut() = Version::HTTP_2;
    request
}

/// Sends by a clone of `client`.
pub(crate) fn send(
    client: &UploadClient,
    request: Request<RequestBody>,
) -> upload_client::ResponseFuture {
    tower_service::Service::call(&mut client.clone(), request)
}

pub(crate) fn small_body() -> RequestBody {
    Full::new(Bytes::from_static(b"small"))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of unknown length.
pub(crate) fn body_of<I>(chunks: I) -> RequestBody
where
    I: IntoIterator<Item = Result<Bytes, BoxError>>,
    I::IntoIter: Send + 'static,
{
    let frames = chunks.into_iter().map(|chunk| chunk.map(Frame::data));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A body of as many times 64 KiB.
pub(crate) fn large_body(chunks: usize) -> RequestBody {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    body_of(std::iter::repeat_n(chunk, chunks).map(Ok))
}

/// A body without an end.
pub(crate) fn endless_body() -> RequestBody {
    large_body(usize::MAX)
}

/// Reads a request's head; what follows it stays in the socket.
pub(crate) async fn read_head(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Accepts a connection over HTTP/2, up to the head of its first request.
pub(crate) async fn accept_http2(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    socket.read_exact(&mut [0; 24]).await.unwrap();
    read_http2_head(&mut socket).await;
    socket
}

/// Reads frames up to the head of a request.
pub(crate) async fn read_http2_head(socket: &mut TcpStream) {
    loop {
        let mut header = [0; 9];
        socket.read_exact(&mut header).await.unwrap();
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        socket
            .read_exact(&mut vec![0; length as usize])
            .await
            .unwrap();
        if header[3] == 1 {
            return;
        }
    }
}

/// Reads a request with [`small_body`].
pub(crate) async fn read_small(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let head = read_head(socket).await;
    let mut body = [0; 5];
    socket.read_exact(&mut body).await.unwrap();
    assert_eq!(&body, b"small");
    head
}

pub(crate) async fn answer(socket: &mut (impl AsyncWrite + Unpin), body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
}

/// Closes a socket in which something lies unread, so that the kernel resets the connection.
pub(crate) async fn reset(socket: TcpStream) {
    let peeked = socket.peek(&mut [0]).await.unwrap();
    assert_eq!(peeked, 1, "nothing to leave unread");
}

/// Reads an answer's body to its end.
pub(crate) async fn read_answer(response: Response<ResponseBody>) -> Result<Bytes, RequestError> {
    Ok(response.into_body().collect().await?.to_bytes())
}

pub(crate) fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until there are no more tasks than `count`.
pub(crate) async fn tasks_are_back_to(count: usize) {
    patiently(async {
        while alive_tasks() > count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The messages of an error and its sources, outermost first.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let messages: Vec<_> = sources.map(ToString::to_string).collect();
    messages.join(": ")
}
