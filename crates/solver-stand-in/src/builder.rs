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

/// What a [`StandIn`] does with requests; made by [`StandIn::builder`].
///
/// Bytes are counted as they come, before decoding. By default everything is read at once and answered at once, with
/// status 200 and `{"solutions":[]}`.
#[derive(Clone, Debug)]
#[must_use = "a stand-in solver exists once it is bound"]
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

/// Functions of the caller.
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

/// What happens in the middle of a body; also the error by which its reader learns that it is there.
///
/// Of several at one place, the first of these comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Fault {
    #[error("the body has reached the place of a reset")]
    Reset,
    #[error("the body has reached the place of a stall")]
    Stall,
    #[error("the body has reached the place of an early answer")]
    Answer(EarlyAnswer),
}

impl Fault {
    /// The fault that `error`, of whoever reads a body, stands for.
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

/// What becomes of a body after a request is answered early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EarlyAnswer {
    /// The connection is closed with the rest unread, which its sender may see as a reset.
    ThenClose,
    /// The connection stays open, and nothing more is read from it.
    ThenHold,
    /// The rest is read. Over HTTP/1.1 with `Connection: close`, the connection ends with the answer all the same.
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

    /// Reads so many bytes of each body in a second, in steps of at most 64 KiB.
    ///
    /// What the buffers in between take is sent faster: a body of less than about 100 KB leaves its sender at once.
    pub fn read_rate(mut self, bytes_per_second: u64) -> Self {
        self.read_rate = Some(bytes_per_second);
        self
    }

    /// Reads so many bytes of each body, then reads and answers no more, until the peer goes or this server is dropped.
    ///
    /// Reported when it begins. A body that ends before is answered as usual.
    pub fn stall_after(mut self, bytes: u64) -> Self {
        self.faults.push((bytes, Fault::Stall));
        self
    }

    /// Resets the connection (TCP RST) after so many bytes of a body. A body that ends before is answered as usual.
    ///
    /// On HTTP/2 that ends every request on the connection.
    pub fn reset_after(mut self, bytes: u64) -> Self {
        self.faults.push((bytes, Fault::Reset));
        self
    }

    /// Resets the connection instead of answering, having read and reported everything.
    pub fn reset_when_read(mut self) -> Self {
        self.resets_when_read = true;
        self
    }

    /// Answers after so many bytes of a body. A body that ends before is answered as usual.
    ///
    /// A body of which the rest is not read is reported, incomplete, before it is answered; one that is read to its end,
    /// at its end.
    pub fn answer_after(mut self, bytes: u64, then: EarlyAnswer) -> Self {
        self.faults.push((bytes, Fault::Answer(then)));
        self
    }

    /// Waits before it answers; with [`Duration::MAX`] it never does.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers with this status, 200 to 599.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Answers with this header, such as `Retry-After`, instead of any other of this name. A body that is encoded in another
    /// way than its `Accept-Encoding` says (RFC 7694), by default `zstd, gzip, br`, is answered 415.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Answers this, as `application/json` unless [`header`](Self::header) says otherwise.
    pub fn response(mut self, response: impl Into<Bytes>) -> Self {
        self.response = response.into();
        self
    }

    /// Sends the head of each answer and so many bytes of its body, fewer than it has, and withholds the rest.
    pub fn stall_answer_after(mut self, bytes: usize) -> Self {
        self.answer_fault = Some((bytes, AnswerFault::Stall));
        self
    }

    /// Sends the head of each answer and so many bytes of its body, fewer than it has, and closes the connection.
    pub fn close_answer_after(mut self, bytes: usize) -> Self {
        self.answer_fault = Some((bytes, AnswerFault::Close));
        self
    }

    /// Treats the first `count` requests as `first` says, and all others as this builder says.
    ///
    /// As [`choose`](Self::choose), which this replaces.
    pub fn first(self, count: u64, first: StandInBuilder) -> Self {
        self.choose(move |_head, number| (number < count).then(|| first.clone()))
    }

    /// Treats a request as another builder says. `choose` is called with the head of each request and how many there
    /// were before it; for `None` this builder says what is done.
    ///
    /// Of the other builder, callbacks are ignored, and so is what it would choose. One that
    /// [`bind`](Self::bind) refuses makes every request end with status 500.
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

    /// Calls `on_request` once for each request.
    ///
    /// It is called within a task of the server, so it must not block for long. If it panics, the connection of the
    /// request is closed.
    pub fn on_request(
        mut self,
        on_request: impl Fn(RequestReport) + Send + Sync + 'static,
    ) -> Self {
        self.callbacks.on_request = Some(Arc::new(on_request));
        self
    }

    /// Keeps every request in memory, its body as it came, and calls `on_kept` with it, right before
    /// [`on_request`](Self::on_request) and like it.
    pub fn on_kept(mut self, on_kept: impl Fn(KeptRequest) + Send + Sync + 'static) -> Self {
        self.callbacks.on_kept = Some(Arc::new(on_kept));
        self
    }

    /// Listens at `address`; port 0 chooses a free one. Connections wait until [`StandIn::serve`] is polled.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a read rate of 0 and for a status outside 200 to 599; else what the
    /// operating system says, such as [`io::ErrorKind::AddrInUse`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that does I/O.
    pub async fn bind(self, address: SocketAddr) -> io::Result<StandIn> {
        self.check()?;
        StandIn::bind(address, self)
    }

    /// Listens at a socket that is bound: until then its port is taken and connections to it are refused.
    ///
    /// # Errors
    ///
    /// As of [`bind`](Self::bind).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime that does I/O.
    pub fn listen(self, socket: TcpSocket) -> io::Result<StandIn> {
        self.check()?;
        StandIn::listen(socket, self)
    }

    fn check(&self) -> io::Result<()> {
        if self.read_rate == Some(0) {
            let message = "read rate is 0 bytes per second: to read nothing, stall after 0 bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if !(200..600).contains(&self.status) {
            let status = self.status;
            let message = format!("status {status} is none to answer with: not within 200 to 599");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(())
    }

    /// What is done with request number `number`.
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
        StatusCode::from_u16(self.status).expect("bind has checked it")
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
