//! An answer that arrives before the request was read is not lost.
//!
//! If a server answers and closes before it has read the request, the kernel refuses the next write while the answer is still
//! unread in its receive buffer, or in the TLS layer's. A client that fails with that write loses the answer. Here, a refused
//! write and all later ones appear to succeed, in all protocols. So no layer above fails before the read side has ended,
//! and by then the answer has passed. In the meantime the request's body is not polled
//! ([`TrackedBody`](crate::request_body::TrackedBody) looks at [`Wire::is_refused`]).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

/// What a connection's tasks and its owner share.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Belongs to its stream, and is closed with that.
    tcp: Weak<TcpStream>,
    /// How a write was refused.
    refusal: OnceLock<io::ErrorKind>,
    facts: AtomicU8,
    writer: AtomicWaker,
    /// The connection was kept, or has been taken up again.
    moved: Notify,
}

/// Facts about a connection and its present request.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Fact {
    /// Something was written since the request began.
    Written = 1,
    /// Bytes of any protocol have arrived since the request began, or since the connection was made.
    Heard = 2,
    /// HTTP/2's end of the request was written.
    RequestEnded = 4,
    /// HTTP/2's end of the answer has arrived.
    AnswerEnded = 8,
    /// Writes that would block fail instead.
    Hurried = 16,
}

impl Wire {
    /// Splits a connection into its byte stream and the shared facts about it.
    pub(crate) fn new(tcp: TcpStream) -> (WireStream, Arc<Self>) {
        let tcp = Arc::new(tcp);
        let wire = Arc::new(Self {
            tcp: Arc::downgrade(&tcp),
            refusal: OnceLock::new(),
            facts: AtomicU8::new(0),
            writer: AtomicWaker::new(),
            moved: Notify::new(),
        });
        let shared = Arc::clone(&wire);
        (WireStream { tcp, wire }, shared)
    }

    pub(crate) fn is(&self, fact: Fact) -> bool {
        self.facts.load(Ordering::SeqCst) & fact as u8 != 0
    }

    pub(crate) fn note(&self, fact: Fact) {
        self.facts.fetch_or(fact as u8, Ordering::SeqCst);
    }

    /// Forgets the last request.
    pub(crate) fn begin_request(&self) {
        self.facts.store(0, Ordering::SeqCst);
        self.moved.notify_one();
    }

    /// Makes writes fail that would block, and starts the time of [`unused`](Self::unused), until the next request.
    pub(crate) fn hurry(&self) {
        self.note(Fact::Hurried);
        self.writer.wake();
        self.moved.notify_one();
    }

    /// Limits to 5 s how long the kernel keeps unsent data. By default it keeps it for minutes.
    pub(crate) fn give_up(&self) {
        #[cfg(target_os = "linux")]
        if let Some(tcp) = self.tcp.upgrade() {
            let limit = Duration::from_secs(5);
            let _gone = SockRef::from(&*tcp).set_tcp_user_timeout(Some(limit));
        }
    }

    /// Waits until the connection has been without a request for `limit`.
    pub(crate) async fn unused(self: Arc<Self>, limit: Duration) {
        loop {
            let moved = self.moved.notified();
            if !self.is(Fact::Hurried) {
                moved.await;
            } else if timeout(limit, moved).await.is_err() {
                return;
            }
        }
    }

    /// Whether the peer will not read the rest of the request.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.get().is_some()
    }

    /// Whether the peer has closed an idle connection, or sent something on it. Neither can take a request.
    pub(crate) fn is_stale(&self) -> bool {
        let Some(tcp) = self.tcp.upgrade() else {
            return true;
        };
        let unread = SockRef::from(&*tcp).peek(&mut [MaybeUninit::uninit()]);
        !matches!(unread, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// The bytes of a connection.
#[derive(Debug)]
pub(crate) struct WireStream {
    tcp: Arc<TcpStream>,
    wire: Arc<Wire>,
}

impl WireStream {
    fn poll_send(
        &self,
        context: &mut Context<'_>,
        length: usize,
        send: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, WouldBlock};

        let wire = &self.wire;
        if wire.is_refused() {
            return Poll::Ready(Ok(length));
        }
        loop {
            wire.writer.register(context.waker());
            let ready = self.tcp.poll_write_ready(context);
            let hurried = wire.is(Fact::Hurried);
            if ready.is_pending() && !hurried {
                return Poll::Pending;
            }
            // If it is hurried, `Pending` may come from the task's budget and not from the kernel.
            let sent = send(&self.tcp);
            match sent.as_ref().map_err(io::Error::kind) {
                Err(WouldBlock) if hurried => {
                    return Poll::Ready(Err(ConnectionAborted.into()));
                }
                Err(WouldBlock) => {}
                Err(kind @ (BrokenPipe | ConnectionReset | ConnectionAborted)) => {
                    let _first = wire.refusal.set(kind);
                    // Bytes may have arrived before this: read again, whatever the last read returned.
                    context.waker().wake_by_ref();
                    return Poll::Ready(Ok(length));
                }
                _ => {
                    wire.note(Fact::Written);
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = &self.wire;
        loop {
            ready!(self.tcp.poll_read_ready(context))?;
            return Poll::Ready(match self.tcp.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                // The kernel reports a reset once: if a write got it, reads see what looks like an orderly end.
                // After a broken pipe it is one: the peer closed before it refused.
                Ok(0) => match wire.refusal.get() {
                    Some(io::ErrorKind::BrokenPipe) | None => Ok(()),
                    Some(kind) => Err((*kind).into()),
                },
                read => {
                    acknowledge(&self.tcp);
                    read.map(drop)
                }
            });
        }
    }
}

/// Acknowledges at once what was read.
///
/// A server of HTTP/2 without `TCP_NODELAY` sends a window update only when the one before has been acknowledged, which takes the
/// kernel 40 ms where there is nothing to send. The kernel forgets the option (tcp(7)), so it is set after each read, whatever
/// the protocol.
fn acknowledge(tcp: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _slower = SockRef::from(tcp).set_tcp_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = tcp;
}

impl AsyncWrite for WireStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.poll_send(context, length, |tcp| tcp.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The stream is dropped next, which closes the socket.
        Poll::Ready(Ok(()))
    }
}
