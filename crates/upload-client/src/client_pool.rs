use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::http_client::HttpClient;

/// Clients for one server, each with connections of its own: as many as are lent at the same time, and no more.
///
/// Over HTTP/2, what two requests share is a window: one that is not read would hold up the other. A client that is given
/// back is lent again, the last one first, so that requests one after another use one connection.
#[derive(Clone, Debug)]
pub struct ClientPool {
    pattern: HttpClient,
    unused: Arc<Mutex<Vec<HttpClient>>>,
}

/// A client that nobody else has, given back on drop.
#[derive(Debug)]
pub struct LentClient {
    client: HttpClient,
    unused: Arc<Mutex<Vec<HttpClient>>>,
}

impl ClientPool {
    /// Clients with the settings of `pattern`.
    pub fn new(pattern: HttpClient) -> Self {
        Self {
            pattern,
            unused: Arc::default(),
        }
    }

    /// One that is not lent.
    pub fn lend(&self) -> LentClient {
        let unused = lock(&self.unused).pop();
        LentClient {
            client: unused.unwrap_or_else(|| self.pattern.apart()),
            unused: Arc::clone(&self.unused),
        }
    }
}

impl Deref for LentClient {
    type Target = HttpClient;

    fn deref(&self) -> &HttpClient {
        &self.client
    }
}

impl Drop for LentClient {
    fn drop(&mut self) {
        lock(&self.unused).push(self.client.clone());
    }
}

fn lock(clients: &Mutex<Vec<HttpClient>>) -> MutexGuard<'_, Vec<HttpClient>> {
    // No code of others runs while it is held.
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}
