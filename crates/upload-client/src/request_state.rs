use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use hyper_util::client::legacy::connect::CaptureConnection;

use super::BoxError;
use super::connection::Connection;
use super::connection_handle::ConnectionHandle;

/// What a request's body, wherever the HTTP client has it, and the request's owner know in common.
#[derive(Default)]
pub(super) struct RequestState {
    fields: Mutex<Fields>,
}

#[derive(Default)]
struct Fields {
    /// Tells the connection that was chosen; it may be another one until one takes the request up.
    capture: Option<CaptureConnection>,
    /// The connection that has taken the request up.
    connection: Option<ConnectionHandle>,
    given_up: bool,
    body_is_whole: bool,
    body_error: Option<BoxError>,
    body_waker: Option<Waker>,
}

impl RequestState {
    pub(super) fn set_capture(&self, capture: CaptureConnection) {
        self.lock().capture = Some(capture);
    }

    /// Takes hold of the connection, when it takes up the request.
    pub(super) fn claim(&self) {
        let mut fields = self.lock();
        // HTTP/2 may still move a request to another connection.
        if fields
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.is_multiplexed())
        {
            return;
        }
        let handle = fields.chosen().map(|connection| connection.claim());
        fields.connection.clone_from(&handle);
        let given_up = fields.given_up;
        drop(fields);
        if given_up && let Some(handle) = handle {
            handle.abort();
        }
    }

    /// The connection that the request was given to last.
    pub(super) fn connection(&self) -> Option<Connection> {
        self.lock().chosen()
    }

    /// Breaks an HTTP/1 connection, and makes the body fail, which resets an HTTP/2 stream.
    pub(super) fn give_up(&self) {
        let mut fields = self.lock();
        fields.given_up = true;
        let waker = fields.body_waker.take();
        let connection = fields.connection.clone();
        drop(fields);
        if let Some(connection) = connection {
            connection.abort();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Lets the connection go, if nothing of the request is left in it; else gives it up.
    pub(super) fn finish(&self) {
        let fields = self.lock();
        let connection = fields.connection.clone();
        let is_whole = fields.body_is_whole;
        drop(fields);
        match connection {
            Some(connection) if is_whole && !connection.write_failed() => connection.finish(),
            _ => self.give_up(),
        }
    }

    /// Sees to it that `waker` is woken when the request is given up; says whether it is already.
    pub(super) fn register(&self, waker: &Waker) -> bool {
        let mut fields = self.lock();
        if fields.given_up {
            return true;
        }
        let replaced = match &fields.body_waker {
            Some(known) if known.will_wake(waker) => None,
            _ => fields.body_waker.replace(waker.clone()),
        };
        drop(fields);
        drop(replaced);
        false
    }

    pub(super) fn set_body_whole(&self) {
        self.lock().body_is_whole = true;
    }

    pub(super) fn body_is_whole(&self) -> bool {
        self.lock().body_is_whole
    }

    pub(super) fn set_body_error(&self, error: BoxError) {
        self.lock().body_error = Some(error);
    }

    pub(super) fn take_body_error(&self) -> Option<BoxError> {
        self.lock().body_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, Fields> {
        // Nothing of others runs while it is held.
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fields {
    fn chosen(&self) -> Option<Connection> {
        let connected = self.capture.as_ref()?.connection_metadata();
        connected.as_ref().and_then(Connection::of)
    }
}

impl fmt::Debug for RequestState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.lock();
        formatter
            .debug_struct("RequestState")
            .field("connection", &fields.connection)
            .field("given_up", &fields.given_up)
            .field("body_is_whole", &fields.body_is_whole)
            .finish_non_exhaustive()
    }
}
