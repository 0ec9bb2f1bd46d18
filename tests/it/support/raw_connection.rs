use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::Request;

/// A connection to an engine, read and written by hand, so that it shares nothing with what it tests.
pub(crate) struct RawConnection {
    stream: TcpStream,
    /// Read from the socket and not yet taken.
    received: Vec<u8>,
}

impl RawConnection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Reads one request as far as it comes; `None` if there is none.
    pub(crate) async fn request(&mut self) -> Option<Request> {
        let head = self.head().await?;
        Some(self.rest_of(head).await)
    }

    /// Reads the head of a request; `None` if the peer has gone before.
    pub(crate) async fn head(&mut self) -> Option<Request> {
        loop {
            if let Some(end) = position(&self.received, b"\r\n\r\n") {
                let head: Vec<u8> = self.received.drain(..end + 4).collect();
                return Some(Request::new(String::from_utf8(head).ok()?));
            }
            self.more().await?;
        }
    }

    /// Reads the body of a request of which there is the head, as far as it comes.
    pub(crate) async fn rest_of(&mut self, mut request: Request) -> Request {
        let read = match request.header("content-length") {
            Some(length) => {
                let length = length.parse().expect("a length is a number");
                self.take_exactly(length, &mut request).await
            }
            None if request.header("transfer-encoding").is_none() => Some(()),
            None => self.take_chunks(&mut request).await,
        };
        request.is_whole = read.is_some();
        request
    }

    /// Waits for the first byte of a body; what has come stays to be read.
    pub(crate) async fn peek(&mut self) -> Option<()> {
        if self.received.is_empty() {
            self.more().await?;
        }
        Some(())
    }

    /// Reads so many bytes more, as they are on the wire, and forgets them.
    pub(crate) async fn skip(&mut self, bytes: usize) -> Option<()> {
        while self.received.len() < bytes {
            self.more().await?;
        }
        self.received.drain(..bytes);
        Some(())
    }

    /// Answers with this status, these header lines and this body, in one piece.
    pub(crate) async fn answer(&mut self, status: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
        self.write(&[head.as_bytes(), body].concat()).await;
    }

    /// Answers as an engine that has found nothing.
    pub(crate) async fn answer_well(&mut self) {
        self.answer("200 OK", "", br#"{"solutions":[]}"#).await;
    }

    /// Writes this. Whether the peer is still there is for later reads to tell.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _heard = self.stream.write_all(bytes).await;
    }

    /// Reads nothing more, and resets the connection.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("the socket is there");
    }

    /// Reads and forgets until the peer has closed or reset the connection.
    pub(crate) async fn closed(&mut self) {
        while self.more().await.is_some() {
            self.received.clear();
        }
    }

    /// The socket, for an engine that reads by another library. Nothing has been read by then.
    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.received.is_empty(), "it would be lost");
        self.stream
    }

    /// Reads nothing more, and stays open for as long as the engine is there.
    pub(crate) async fn hold(self) {
        std::future::pending::<()>().await;
    }

    async fn take_exactly(&mut self, length: usize, request: &mut Request) -> Option<()> {
        while request.body.len() < length {
            if self.received.is_empty() {
                self.more().await?;
            }
            let taken = self.received.len().min(length - request.body.len());
            request.body.extend_from_slice(&self.received[..taken]);
            self.received.drain(..taken);
        }
        Some(())
    }

    async fn take_chunks(&mut self, request: &mut Request) -> Option<()> {
        loop {
            let line = loop {
                match position(&self.received, b"\r\n") {
                    Some(end) => break end,
                    None => self.more().await?,
                }
            };
            let digits = std::str::from_utf8(&self.received[..line]).expect("a length is text");
            let length = usize::from_str_radix(digits, 16).expect("a length is hexadecimal");
            self.received.drain(..line + 2);
            if length == 0 {
                return self.skip(2).await;
            }
            let end = request.body.len() + length;
            self.take_exactly(end, request).await?;
            self.skip(2).await?;
        }
    }

    /// Reads what there is; `None` at the end.
    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.received).await;
        (read.ok()? > 0).then_some(())
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|found| found == wanted)
}
