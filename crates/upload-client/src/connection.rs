use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use hyper_util::client::legacy::connect::Connected;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What a connection's stream and the requests that it serves know in common.
///
/// HTTP/1.1 serves one request after the other. Each has a number, so that one that is given up late cannot break the
/// connection under the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    current: Mutex<Current>,
    /// Set once the connection speaks HTTP/2.
    multiplexed: AtomicBool,
    /// Cancelled once the stream is gone.
    closed: CancellationToken,
    /// Set once the peer has sent anything.
    heard: AtomicBool,
    /// Set once the peer has refused a write.
    write_failed: AtomicBool,
    /// The connection's task.
    task: AtomicWaker,
}

#[derive(Clone, Copy, Debug, Default)]
struct Current {
    request: u64,
    stage: RequestStage,
}

impl Connection {
    /// The connection behind `connected`, if it is one of ours.
    pub(crate) fn of(connected: &Connected) -> Option<Self> {
        let mut extensions = http::Extensions::new();
        connected.get_extras(&mut extensions);
        extensions.remove()
    }

    /// Makes the connection serve the next request, whatever became of the one before.
    ///
    /// To be called when the connection takes the request up, thus in its task: it has nothing left to do for the last
    /// one by then.
    pub(crate) fn claim(&self) -> ConnectionHandle {
        let mut current = self.current();
        current.request += 1;
        current.stage = RequestStage::Open;
        ConnectionHandle::new(self.clone(), current.request)
    }

    /// Moves `request` on to `stage`, if it is still the current one.
    pub(crate) fn advance(&self, request: u64, stage: RequestStage) {
        let mut current = self.current();
        if self.is_multiplexed() || current.request != request {
            return;
        }
        current.stage = stage;
        drop(current);
        self.shared.task.wake();
    }

    pub(crate) fn stage(&self) -> RequestStage {
        self.current().stage
    }

    /// Notes that all requests share this connection, so that none can break it.
    pub(crate) fn set_multiplexed(&self) {
        self.shared.multiplexed.store(true, Ordering::Release);
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        self.shared.multiplexed.load(Ordering::Acquire)
    }

    /// Whether both are the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Notes that the stream is gone, and whatever served its requests with it.
    pub(crate) fn set_closed(&self) {
        self.shared.closed.cancel();
    }

    /// Ready once the stream is gone.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.shared.closed.clone().cancelled_owned()
    }

    pub(crate) fn set_heard(&self) {
        self.shared.heard.store(true, Ordering::Release);
    }

    /// Whether the peer has sent anything, of whatever protocol.
    pub(crate) fn was_heard(&self) -> bool {
        self.shared.heard.load(Ordering::Acquire)
    }

    pub(crate) fn set_write_failed(&self) {
        self.shared.write_failed.store(true, Ordering::Release);
    }

    pub(crate) fn write_failed(&self) -> bool {
        self.shared.write_failed.load(Ordering::Acquire)
    }

    /// Sees to it that `waker` is woken when the stage changes. The stage must be looked at afterwards.
    pub(crate) fn register(&self, waker: &Waker) {
        self.shared.task.register(waker);
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Nothing that holds it can panic half way.
        self.shared
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request's hold on the connection that serves it.
///
/// It ends when the connection takes up the next request, and there is none on a connection that requests share
/// (HTTP/2): then, nothing here has an effect.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionHandle {
    connection: Connection,
    request: u64,
}

impl ConnectionHandle {
    pub(crate) fn new(connection: Connection, request: u64) -> Self {
        Self {
            connection,
            request,
        }
    }

    /// Breaks the connection: it is closed by its task, which is woken, whatever the peer does or does not.
    pub(crate) fn abort(&self) {
        self.connection.advance(self.request, RequestStage::Aborted);
    }

    /// Keeps the connection for the next request, unless something is left that the peer does not take.
    pub(crate) fn finish(&self) {
        self.connection
            .advance(self.request, RequestStage::Finished);
    }

    /// Whether the peer has refused what was written: it will not read the rest of the request either.
    pub(crate) fn write_failed(&self) -> bool {
        self.connection.write_failed()
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        self.connection.is_multiplexed()
    }
}

/// How far a request is that a connection serves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RequestStage {
    /// Something may still come of it.
    #[default]
    Open,
    /// It has its answer: what cannot be written at once is not worth waiting for.
    Finished,
    /// Its owner has given it up, and the connection with it.
    Aborted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_abort_spares_the_next_request() {
        let connection = Connection::default();
        let first = connection.claim();
        let second = connection.claim();
        first.abort();
        assert_eq!(connection.stage(), RequestStage::Open);
        second.abort();
        assert_eq!(connection.stage(), RequestStage::Aborted);
    }

    #[test]
    fn no_request_breaks_a_connection_that_others_share() {
        let connection = Connection::default();
        connection.set_multiplexed();
        connection.claim().abort();
        assert_eq!(connection.stage(), RequestStage::Open);
    }
}
