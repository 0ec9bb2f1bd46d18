use super::connection::Connection;
use super::request_stage::RequestStage;

/// One request's hold on the connection that serves it.
///
/// It ends when the connection takes up the next request, and there is none on a connection that requests share
/// (HTTP/2): then, nothing here has an effect.
#[derive(Clone, Debug)]
pub(super) struct ConnectionHandle {
    connection: Connection,
    request: u64,
}

impl ConnectionHandle {
    pub(super) fn new(connection: Connection, request: u64) -> Self {
        Self {
            connection,
            request,
        }
    }

    /// Breaks the connection: it is closed by its task, which is woken, whatever the peer does or does not.
    pub(super) fn abort(&self) {
        self.connection.advance(self.request, RequestStage::Aborted);
    }

    /// Keeps the connection for the next request, unless something is left that the peer does not take.
    pub(super) fn finish(&self) {
        self.connection
            .advance(self.request, RequestStage::Finished);
    }

    /// Whether the peer has refused what was written: it will not read the rest of the request either.
    pub(super) fn write_failed(&self) -> bool {
        self.connection.write_failed()
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.connection.is_multiplexed()
    }
}
