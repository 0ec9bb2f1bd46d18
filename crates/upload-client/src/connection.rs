use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use hyper_util::client::legacy::connect::Connected;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::connection_handle::ConnectionHandle;
use super::request_stage::RequestStage;

/// What a connection's stream and the requests that it serves know in common.
///
/// HTTP/1.1 serves one request after the other. Each has a number, so that one that is given up late cannot break the
/// connection under the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
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
    pub(super) fn of(connected: &Connected) -> Option<Self> {
        let mut extensions = http::Extensions::new();
        connected.get_extras(&mut extensions);
        extensions.remove()
    }

    /// Makes the connection serve the next request, whatever became of the one before.
    ///
    /// To be called when the connection takes the request up, thus in its task: it has nothing left to do for the last
    /// one by then.
    pub(super) fn claim(&self) -> ConnectionHandle {
        let mut current = self.current();
        current.request += 1;
        current.stage = RequestStage::Open;
        ConnectionHandle::new(self.clone(), current.request)
    }

    /// Moves `request` on to `stage`, if it is still the current one.
    pub(super) fn advance(&self, request: u64, stage: RequestStage) {
        let mut current = self.current();
        if self.is_multiplexed() || current.request != request {
            return;
        }
        current.stage = stage;
        drop(current);
        self.shared.task.wake();
    }

    pub(super) fn stage(&self) -> RequestStage {
        self.current().stage
    }

    /// Notes that all requests share this connection, so that none can break it.
    pub(super) fn set_multiplexed(&self) {
        self.shared.multiplexed.store(true, Ordering::Release);
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.shared.multiplexed.load(Ordering::Acquire)
    }

    /// Whether both are the same connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Notes that the stream is gone, and whatever served its requests with it.
    pub(super) fn set_closed(&self) {
        self.shared.closed.cancel();
    }

    /// Ready once the stream is gone.
    pub(super) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.shared.closed.clone().cancelled_owned()
    }

    pub(super) fn set_heard(&self) {
        self.shared.heard.store(true, Ordering::Release);
    }

    /// Whether the peer has sent anything, of whatever protocol.
    pub(super) fn was_heard(&self) -> bool {
        self.shared.heard.load(Ordering::Acquire)
    }

    pub(super) fn set_write_failed(&self) {
        self.shared.write_failed.store(true, Ordering::Release);
    }

    pub(super) fn write_failed(&self) -> bool {
        self.shared.write_failed.load(Ordering::Acquire)
    }

    /// Sees to it that `waker` is woken when the stage changes. The stage must be looked at afterwards.
    pub(super) fn register(&self, waker: &Waker) {
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
