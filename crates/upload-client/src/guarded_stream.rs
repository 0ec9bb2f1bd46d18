use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection as Connect};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::{Connection, RequestStage};
use crate::error::GivenUp;

/// A connection's byte stream, below TLS, which its requests can break, and which goes on reading after the peer has
/// refused a write.
///
/// A server that answers and closes before it has read the request makes the kernel refuse the next write, while its
/// answer lies unread in the receive buffer. hyper's HTTP/1 would fail with that write. Here, writing pauses for good
/// instead until reading has ended: hyper reads the answer that is there, or learns of the end from the read side.
/// An end that the peer made by a reset is an error then, even if the kernel reports it as an end of file: it has told
/// the writer already.
///
/// On HTTP/2, which cannot read while it waits for a write, errors pass as they are.
#[derive(Debug)]
pub(crate) struct GuardedStream<T> {
    inner: T,
    connection: Connection,
    /// The peer is a proxy that makes the request in our place.
    forwarding: bool,
    write_failure: Option<io::ErrorKind>,
    read_ended: bool,
}

impl<T> GuardedStream<T> {
    pub(crate) fn new(inner: T, forwarding: bool) -> Self {
        Self {
            inner,
            connection: Connection::default(),
            forwarding,
            write_failure: None,
            read_ended: false,
        }
    }

    /// Fails once the request was given up; otherwise `context` is woken when it is.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.connection.register(context.waker());
        match self.connection.stage() {
            RequestStage::Aborted => Err(given_up()),
            RequestStage::Open | RequestStage::Finished => Ok(()),
        }
    }

    /// Runs one operation of the write side.
    fn poll_sending<R>(
        &mut self,
        context: &mut Context<'_>,
        send: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>>
    where
        T: Unpin,
    {
        self.check(context)?;
        if let Some(kind) = self.write_failure {
            return self.poll_refused(kind);
        }
        match send(Pin::new(&mut self.inner), context) {
            Poll::Ready(Err(error)) if self.is_refused(&error) => {
                self.write_failure = Some(error.kind());
                self.connection.set_write_failed();
                // What there is to read has come before this: look again, whatever was seen last.
                context.waker().wake_by_ref();
                self.poll_refused(error.kind())
            }
            Poll::Pending if self.connection.stage() == RequestStage::Finished => {
                Poll::Ready(Err(given_up()))
            }
            polled => polled,
        }
    }

    fn poll_refused<R>(&self, kind: io::ErrorKind) -> Poll<io::Result<R>> {
        if self.read_ended {
            Poll::Ready(Err(kind.into()))
        } else {
            Poll::Pending
        }
    }

    fn is_refused(&self, error: &io::Error) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};

        matches!(
            error.kind(),
            BrokenPipe | ConnectionReset | ConnectionAborted
        ) && !self.connection.is_multiplexed()
    }
}

impl<T> Drop for GuardedStream<T> {
    fn drop(&mut self) {
        self.connection.set_closed();
    }
}

fn given_up() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, GivenUp)
}

impl<T: AsyncRead + Unpin> AsyncRead for GuardedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let before = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        let ended = read.is_err() || (has_room && buffer.filled().len() == before);
        self.read_ended |= ended;
        if buffer.filled().len() > before {
            self.connection.set_heard();
        }
        match (read, self.write_failure) {
            // The peer had closed in order before it refused a write: what it sent is whole.
            (Ok(()), Some(io::ErrorKind::BrokenPipe) | None) => Poll::Ready(Ok(())),
            (Ok(()), Some(kind)) if ended => Poll::Ready(Err(kind.into())),
            (read, _) => Poll::Ready(read),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for GuardedStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_sending(context, |inner, context| inner.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_sending(context, |inner, context| {
            inner.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sending(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        self.poll_sending(context, AsyncWrite::poll_shutdown)
    }
}

impl<T: Connect> Connect for GuardedStream<T> {
    fn connected(&self) -> Connected {
        self.inner
            .connected()
            .proxy(self.forwarding)
            .extra(self.connection.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    /// A peer that has sent `input` and then closed, and whose write side ends every write with `write`.
    struct Peer {
        input: &'static [u8],
        write: Option<io::ErrorKind>,
    }

    impl AsyncRead for Peer {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let taken = self.input.len().min(buffer.remaining());
            let (now, later) = self.input.split_at(taken);
            buffer.put_slice(now);
            self.input = later;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Peer {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            match self.write {
                Some(kind) => Poll::Ready(Err(kind.into())),
                None => Poll::Pending,
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[derive(Default)]
    struct Wakes(std::sync::atomic::AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    impl Wakes {
        fn count(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    type Stream = GuardedStream<Peer>;

    fn stream(write: Option<io::ErrorKind>) -> Stream {
        let input = b"answer";
        GuardedStream::new(Peer { input, write }, false)
    }

    fn write(stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(context, b"body")
    }

    /// What one read brings.
    fn read(stream: &mut Stream, context: &mut Context<'_>) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 4];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(stream).poll_read(context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().to_vec()),
            Poll::Pending => panic!("the peer has closed"),
        }
    }

    fn kind<T>(polled: Poll<io::Result<T>>) -> io::ErrorKind {
        match polled {
            Poll::Ready(Err(error)) => error.kind(),
            Poll::Ready(Ok(_)) => panic!("it went well"),
            Poll::Pending => panic!("it is pending"),
        }
    }

    #[test]
    fn after_a_refused_write_the_answer_is_read_to_its_end() {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};

        for refusal in [BrokenPipe, ConnectionAborted, ConnectionReset] {
            let wakes = Arc::new(Wakes::default());
            let waker = Arc::clone(&wakes).into();
            let context = &mut Context::from_waker(&waker);
            let mut stream = stream(Some(refusal));
            assert!(write(&mut stream, context).is_pending());
            assert_eq!(wakes.count(), 1, "what there is to read is looked at");
            assert!(write(&mut stream, context).is_pending());
            assert!(Pin::new(&mut stream).poll_flush(context).is_pending());
            assert_eq!(wakes.count(), 1, "a busy loop");
            assert!(stream.connection.write_failed());
            assert_eq!(read(&mut stream, context).unwrap(), b"answ");
            assert_eq!(read(&mut stream, context).unwrap(), b"er");
            let end = read(&mut stream, context);
            match refusal {
                // A peer that closed in order: that end is a good one.
                BrokenPipe => assert_eq!(end.unwrap(), b""),
                _ => assert_eq!(end.unwrap_err().kind(), refusal),
            }
            assert_eq!(kind(write(&mut stream, context)), refusal);
            let shut = Pin::new(&mut stream).poll_shutdown(context);
            assert!(matches!(shut, Poll::Ready(Ok(()))));
        }
    }

    #[test]
    fn other_errors_and_those_of_shared_connections_pass() {
        let context = &mut Context::from_waker(std::task::Waker::noop());
        let mut timed_out = stream(Some(io::ErrorKind::TimedOut));
        assert_eq!(
            kind(write(&mut timed_out, context)),
            io::ErrorKind::TimedOut
        );
        let mut shared = stream(Some(io::ErrorKind::ConnectionReset));
        shared.connection.set_multiplexed();
        assert_eq!(
            kind(write(&mut shared, context)),
            io::ErrorKind::ConnectionReset
        );
    }

    #[test]
    fn an_abort_wakes_and_fails_everything() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let context = &mut Context::from_waker(&waker);
        let mut stream = stream(None);
        let handle = stream.connection.claim();
        assert!(write(&mut stream, context).is_pending());
        handle.abort();
        assert_eq!(wakes.count(), 1);
        let aborted = io::ErrorKind::ConnectionAborted;
        assert_eq!(kind(write(&mut stream, context)), aborted);
        assert_eq!(kind(Pin::new(&mut stream).poll_flush(context)), aborted);
        assert_eq!(kind(Pin::new(&mut stream).poll_shutdown(context)), aborted);
        assert_eq!(read(&mut stream, context).unwrap_err().kind(), aborted);
    }

    #[test]
    fn what_a_finished_request_cannot_get_rid_of_is_not_waited_for() {
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes).into();
        let context = &mut Context::from_waker(&waker);
        let mut stream = stream(None);
        let handle = stream.connection.claim();
        assert!(write(&mut stream, context).is_pending());
        handle.finish();
        assert_eq!(wakes.count(), 1);
        assert_eq!(read(&mut stream, context).unwrap(), b"answ");
        assert_eq!(
            kind(write(&mut stream, context)),
            io::ErrorKind::ConnectionAborted
        );
        // The next request has a claim of its own.
        let _next = stream.connection.claim();
        assert!(write(&mut stream, context).is_pending());
    }
}
