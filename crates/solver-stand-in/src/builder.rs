use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::status::StatusCode;
use tokio::net::TcpSocket;

use super::{KeptRequest, RequestReport, StandIn};

/// Configures what a [`StandIn`] does with requests. Created by [`StandIn::builder`].
///
/// Bytes are counted as they arrive, before decoding. By default, a request is read and answered at once, with the status
/// 200 and `{"solutions":[]}`.
#[derive(Clone, Debug)]
#[must_use = "a stand-in solver does not exist until it is bound"]
pub struct StandInBuilder {
    pub(super) read_rate: Option<u64>,
    pub(super) faults: Vec<(u64, Fault)>,
    pub(super) resets_when_read: bool,
    pub(super) delay: Duration,
    status: u16,
    pub(super) headers: HeaderMap,
    pub(super) response: Bytes,
    pub(super) answer_fault: Option<(usize, AnswerFault)>,
    pub(super) callbacks: Callbacks,
}

type Choose = dyn Fn(&Parts, u64) -> Option<StandInBuilder> + Send + Sync;

/// The caller's functions.
#[derive(Clone, Default)]
pub(super) struct Callbacks {
    pub(super) choose: Option<Arc<Choose>>,
    pub(super) on_connection: Option<Arc<dyn Fn(u64) + Send + Sync>>,
    pub(super) on_request: Option<Arc<dyn Fn(RequestReport) + Send + Sync>>,
    pub(super) on_kept: Option<Arc<dyn Fn(KeptRequest) + Send + Sync>>,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Callbacks").finish_non_exhaustive()
    }
}

/// What happens in the middle of a body. It is also the error that tells the reader of the body that the offset is reached.
///
/// Several faults at one offset happen in the order of these variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Fault {
    #[error("the body has reached the offset of a reset")]
    Reset,
    #[error("the body has reached the offset of a stall")]
    Stall,
    #[error("the body has reached the offset of an early answer")]
    Answer(EarlyAnswer),
}

impl Fault {
    /// Returns the fault that an error of reading a body carries.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// What happens in the middle of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerFault {
    /// Nothing more is sent.
    Stall,
    /// The connection is closed.
    Close,
}

/// What happens to the rest of a body after an early answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EarlyAnswer {
    /// The connection is closed and the rest is not read. The sender may see this as a reset.
    ThenClose,
    /// The connection stays open, and the rest is not read.
    ThenHold,
    /// The rest is read. Over HTTP/1.1 with `Connection: close`, the connection still ends with the answer.
    ThenRead,
}

impl StandInBuilder {
    pub(super) fn new() -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            read_rate: None,
            faults: Vec::new(),
            resets_when_read: false,
            delay: Duration::ZERO,
            status: 200,
            headers: HeaderMap::from_iter([
                (CONTENT_TYPE, json),
                (ACCEPT_ENCODING, HeaderValue::from_static("zstd, gzip, br")),
            ]),
            response: Bytes::from_static(br#"{"solutions":[]}"#),
            answer_fault: None,
            callbacks: Callbacks::default(),
        }
    }

    /// Reads each body at this rate, in steps of at most 64 KiB.
    ///
    /// The buffers in between fill faster: a body of less than about 100 KB leaves its sender at once.
    pub fn read_rate(mut self, bytes_per_second: u64) -> Self {
        self.read_rate = Some(bytes_per_second);
        self
    }

    /// Stops reading after this many bytes of a body and never answers, until the peer disconnects or this server is dropped.
    ///
    /// The request is reported when the stall begins. A shorter body is answered as usual.
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.faults.push((bytes, Fault::Stall));
        self
    }

    /// Resets the connection (TCP RST) after this many bytes of a body. A shorter body is answered as usual.
    ///
    /// Over HTTP/2, this ends every request on the connection.
    pub fn reset_after(mut self, bytes: u64) -> Self {
        self.faults.push((bytes, Fault::Reset));
        self
    }

    /// Reads and reports the whole request, then resets the connection instead of answering.
    pub fn reset_when_read(mut self) -> Self {
        self.resets_when_read = true;
        self
    }

    /// Answers after this many bytes of a body. A shorter body is answered as usual.
    ///
    /// If the rest of the body is not read, the request is reported as incomplete before the answer. If the rest is read,
    /// the request is reported at the end of the body.
    pub fn answer_after(mut self, bytes: u64, then: EarlyAnswer) -> Self {
        self.faults.push((bytes, Fault::Answer(then)));
        self
    }

    /// Waits before it answers. With [`Duration::MAX`], it never answers.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the status of answers, 200 to 599.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header of answers, such as `Retry-After` or `Content-Encoding`. It replaces a header of the same name.
    ///
    /// `Accept-Encoding` names in every answer the encodings that are accepted (RFC 7694), by default `zstd, gzip, br`. A body
    /// in another encoding is answered with 415.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body of answers. Its type is `application/json`, unless [`header`](Self::header) sets another one.
    pub fn response(mut self, response: impl Into<Bytes>) -> Self {
        self.response = response.into();
        self
    }

    /// Sends the head of each answer and this many bytes of its body, and withholds the rest. A shorter body is sent whole.
    pub fn stall_answer_after(mut self, bytes: usize) -> Self {
        self.answer_fault = Some((bytes, AnswerFault::Stall));
        self
    }

    /// Sends the head of each answer and this many bytes of its body, and closes the connection. A shorter body is sent whole.
    pub fn close_answer_after(mut self, bytes: usize) -> Self {
        self.answer_fault = Some((bytes, AnswerFault::Close));
        self
    }

    /// Uses the builder `first` for the first `count` requests, and this builder for all others.
    ///
    /// This replaces the function of [`choose`](Self::choose), and follows the same rules.
    pub fn first(self, count: u64, first: StandInBuilder) -> Self {
        self.choose(move |_head, number| (number < count).then(|| first.clone()))
    }

    /// Chooses another builder for some requests. `choose` is called with the head of each request and the number of
    /// requests before it. If it returns `None`, this builder is used.
    ///
    /// The callbacks of the other builder are ignored, including its own `choose`. If [`bind`](Self::bind) would refuse that
    /// builder, the request is answered with the status 500.
    pub fn choose(
        mut self,
        choose: impl Fn(&Parts, u64) -> Option<StandInBuilder> + Send + Sync + 'static,
    ) -> Self {
        self.callbacks.choose = Some(Arc::new(choose));
        self
    }

    /// Calls `on_connection` with the number of each connection, from 0, when it is accepted.
    pub fn on_connection(mut self, on_connection: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.callbacks.on_connection = Some(Arc::new(on_connection));
        self
    }

    /// Calls `on_request` exactly once for each request.
    ///
    /// It runs in a task of the server, so it must not block for long. If it panics, the connection of the request is
    /// closed.
    pub fn on_request(
        mut self,
        on_request: impl Fn(RequestReport) + Send + Sync + 'static,
    ) -> Self {
        self.callbacks.on_request = Some(Arc::new(on_request));
        self
    }

    /// Keeps every request in memory, with its body as it arrived, and calls `on_kept` with it. The call comes right before
    /// [`on_request`](Self::on_request), and follows the same rules.
    pub fn on_kept(mut self, on_kept: impl Fn(KeptRequest) + Send + Sync + 'static) -> Self {
        self.callbacks.on_kept = Some(Arc::new(on_kept));
        self
    }

    /// Listens on `address`. Port 0 chooses a free port. Connections wait until [`StandIn::serve`] is polled.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::InvalidInput`] for a read rate of 0 and for a status outside 200 to 599. Otherwise returns
    /// the error of the operating system, such as [`io::ErrorKind::AddrInUse`].
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with I/O enabled.
    pub async fn bind(self, address: SocketAddr) -> io::Result<StandIn> {
        self.check()?;
        StandIn::bind(address, self)
    }

    /// Listens on a bound socket. Until this call, the port is reserved and connections to it are refused.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`bind`](Self::bind).
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with I/O enabled.
    pub fn listen(self, socket: TcpSocket) -> io::Result<StandIn> {
        self.check()?;
        StandIn::listen(socket, self)
    }

    fn check(&self) -> io::Result<()> {
        if self.read_rate == Some(0) {
            let message = "a read rate of 0 bytes per second is not supported: to read nothing, stall after 0 bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if !(200..600).contains(&self.status) {
            let status = self.status;
            let message = format!("status {status} is not between 200 and 599");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(())
    }

    /// Returns the script for a request.
    pub(super) fn for_request(self: &Arc<Self>, head: &Parts, number: u64) -> Arc<Self> {
        let choose = self.callbacks.choose.as_ref();
        let chosen = choose.and_then(|choose| choose(head, number));
        match chosen {
            None => Arc::clone(self),
            Some(chosen) if chosen.check().is_ok() => Arc::new(chosen),
            Some(_) => Arc::new(Self::new().status(500)),
        }
    }

    pub(super) fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).expect("bind has checked the status")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn refuses_what_makes_no_sense() {
        for status in [0, 99, 101, 199, 600, 1_000] {
            let error = StandIn::builder()
                .status(status)
                .bind(anywhere())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{status}");
        }
        let error = StandIn::builder()
            .read_rate(0)
            .bind(anywhere())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error() {
        let first = StandIn::builder().bind(anywhere()).await.unwrap();
        let error = StandIn::builder().bind(first.address()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_bound_socket_can_be_listened_at() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(anywhere()).unwrap();
        let address = socket.local_addr().unwrap();
        let stand_in = StandIn::builder().listen(socket).unwrap();
        assert_eq!(stand_in.address(), address);
    }
}
