//! An answer that comes before the request was read is not lost.
//!
//! A server that answers and closes before it has read the request makes the kernel refuse the next write, while its
//! answer lies unread in the receive buffer, or in the TLS layer's. Whoever fails with that write loses the answer. Here,
//! a refused write and all after it look as if they had gone out, in all protocols: nobody above fails before the read
//! side has come to its end, by which time the answer has passed. The request's body is not asked for more meanwhile
//! ([`TrackedBody`](crate::request_body::TrackedBody) looks at [`Wire::is_refused`]).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
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

/// What a connection's tasks and its owner know in common of it.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Belongs to its stream, and is closed with that.
    tcp: Weak<TcpStream>,
    /// How the peer has refused a write.
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
    /// Something has come, of whatever protocol, since the request began, or the connection before its first one.
    Heard = 2,
    /// HTTP/2's end of the request was written.
    RequestEnded = 4,
    /// HTTP/2's end of the answer has come.
    AnswerEnded = 8,
    /// What cannot be written at once is not worth waiting for.
    Hurried = 16,
}

impl Wire {
    /// A connection's bytes, and what is known of them.
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

    /// Makes writing fail where it would have to wait, and the time begin that [`unused`](Self::unused) allows, until the
    /// next request.
    pub(crate) fn hurry(&self) {
        self.note(Fact::Hurried);
        self.writer.wake();
        self.moved.notify_one();
    }

    /// Ready once the connection was without a request for so long.
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

    /// Whether the peer has closed a connection without a request, or has said on it what nobody has read: neither is
    /// one to send a request by.
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
            // Where it is in a hurry, what is pending may be the task's next turn, and not the kernel.
            let sent = send(&self.tcp);
            match sent.as_ref().map_err(io::Error::kind) {
                Err(WouldBlock) if hurried => {
                    return Poll::Ready(Err(ConnectionAborted.into()));
                }
                Err(WouldBlock) => {}
                Err(kind @ (BrokenPipe | ConnectionReset | ConnectionAborted)) => {
                    let _first = wire.refusal.set(kind);
                    // What there is to read has come before this: look again, whatever was seen last.
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
                // The kernel names a reset once: if the writer was told, the reader sees an end, as if it were in order.
                // After a broken pipe it is: the peer had closed before it refused.
                Ok(0) => match wire.refusal.get() {
                    Some(io::ErrorKind::BrokenPipe) | None => Ok(()),
                    Some(kind) => Err((*kind).into()),
                },
                read => read.map(drop),
            });
        }
    }
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
        // A connection that is gone needs none.
        let _gone = SockRef::from(&*self.tcp).shutdown(Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
