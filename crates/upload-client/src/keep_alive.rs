use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::connection::Connection;
use crate::target::Server;

/// The connections that nobody uses, with the servers that they go to.
#[derive(Debug)]
pub(crate) struct Kept {
    connections: Mutex<Vec<(Server, Connection)>>,
    /// How many at most, for each server.
    limit: usize,
}

impl Kept {
    pub(crate) fn new(limit: usize) -> Self {
        let connections = Mutex::default();
        Self { connections, limit }
    }

    /// Keeps a connection whose last request was sent to its end, and whose answer was read to its end.
    pub(crate) fn keep(&self, server: Server, connection: Connection) {
        connection.wire.hurry();
        let mut kept = self.lock();
        kept.retain(|(_, connection)| !connection.is_closed());
        if kept.iter().filter(|(known, _)| *known == server).count() < self.limit {
            kept.push((server, connection));
        }
    }

    /// A connection to `server` that can serve a request. The one that was kept last is taken first.
    ///
    /// Cancel safe: dropped half-way, it may have closed a connection.
    pub(crate) async fn take(&self, server: &Server) -> Option<Connection> {
        loop {
            let connection = {
                let mut kept = self.lock();
                let last = kept.iter().rposition(|(known, _)| known == server)?;
                kept.remove(last).1
            };
            if let Some(connection) = connection.take_up().await {
                return Some(connection);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Server, Connection)>> {
        // No code of others runs while it is held.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
