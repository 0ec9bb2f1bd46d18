use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::connection::Connection;
use crate::target::Server;

/// The connections that nobody uses, by the server that they go to.
#[derive(Debug)]
pub(crate) struct Kept {
    connections: Mutex<HashMap<Server, Vec<Connection>>>,
    /// How many at most, for each server.
    limit: usize,
}

impl Kept {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            connections: Mutex::default(),
            limit,
        }
    }

    /// Keeps a connection whose last request was sent to its end, and whose answer was read to its end.
    pub(crate) fn keep(&self, server: Server, connection: Connection) {
        connection.wire().hurry();
        let mut kept = self.lock();
        kept.retain(|_, connections| {
            connections.retain(|connection| !connection.is_closed());
            !connections.is_empty()
        });
        let connections = kept.entry(server).or_default();
        if connections.len() < self.limit {
            connections.push(connection);
        }
    }

    /// A connection to `server` that can serve a request. The one that was kept last is taken first.
    ///
    /// Cancel safe: dropped half-way, it may have closed a connection.
    pub(crate) async fn take(&self, server: &Server) -> Option<Connection> {
        loop {
            let connection = self.lock().get_mut(server)?.pop()?;
            if let Some(connection) = connection.take_up().await {
                return Some(connection);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Server, Vec<Connection>>> {
        // No code of others runs while it is held.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
