use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use super::StandInBuilder;
use super::behaviour::Behaviour;
use super::connection::serve_connection;

/// The kernel's receive buffer of each connection, in bytes. Linux doubles it.
///
/// Small, so that a body that is not read soon stops its sender.
const RECEIVE_BUFFER: u32 = 64 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long to wait after a connection could not be accepted, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A solver engine to test against: see the [module](self::super).
pub struct StandIn {
    listener: TcpListener,
    address: SocketAddr,
    behaviour: Arc<Behaviour>,
}

impl StandIn {
    /// One that reads everything and answers `{"solutions":[]}`, until told otherwise.
    pub fn builder() -> StandInBuilder {
        StandInBuilder::new()
    }

    pub(super) fn listen(address: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // Connections inherit it. Set before listening: the window scale is agreed on with the first packet.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        // A port can be listened at again although connections to it are still being forgotten.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            behaviour: Arc::new(behaviour),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `http://IP:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves connections for as long as it is polled; it never returns.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is how to end it: it closes the listener and all connections. Requests that were being read
    /// are then reported incomplete.
    pub async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_connection(stream, Arc::clone(&self.behaviour)));
                    }
                    // Of this connection or of this moment: the listener itself does not fail.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                // Forgets those that ended, also by a panic of the caller's function, which its hook has shown.
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StandIn")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_be_served_from_any_thread() {
        fn assert_threadsafe<T: Send + Sync + Unpin + 'static>() {}
        fn assert_send<T: Send + 'static>(_: fn(StandIn) -> T) {}

        assert_threadsafe::<StandIn>();
        assert_threadsafe::<StandInBuilder>();
        assert_send(StandIn::serve);
    }
}
