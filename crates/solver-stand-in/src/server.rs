use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::builder::StandInBuilder;
use super::exchange::exchange;

/// The kernel's receive buffer of each connection, in bytes. Linux doubles it.
///
/// It is small, so that a body that is not read soon stops its sender.
const RECEIVE_BUFFER: u32 = 64 * 1024;

/// How many bytes are read ahead of the reader of a body.
const READ_AHEAD: usize = 64 * 1024;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long to wait after an accept has failed, for example because file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A scripted solver engine to test against. See the [crate](crate).
#[derive(Debug)]
pub struct StandIn {
    listener: TcpListener,
    address: SocketAddr,
    chosen: Arc<StandInBuilder>,
}

impl StandIn {
    /// Returns a builder. By default, a stand-in reads everything and answers `{"solutions":[]}`.
    pub fn builder() -> StandInBuilder {
        StandInBuilder::new()
    }

    pub(super) fn bind(address: SocketAddr, chosen: StandInBuilder) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // Allow listening on a port again while old connections to it are in TIME_WAIT.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Self::listen(socket, chosen)
    }

    pub(super) fn listen(socket: TcpSocket, chosen: StandInBuilder) -> io::Result<Self> {
        // Connections inherit this. Set it before listening: the first packet negotiates the window scale.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            chosen: Arc::new(chosen),
        })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address that it listens on, as `http://IP:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves connections while it is polled. It never returns.
    ///
    /// # Cancel safety
    ///
    /// Drop the future to stop the server. This closes the listener and all connections, and reports requests that are being
    /// read as incomplete.
    pub async fn serve(self) {
        let requests = Arc::new(AtomicU64::new(0));
        let mut accepted = 0;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                stream = self.listener.accept() => match stream {
                    Ok((stream, _)) => {
                        if let Some(on_connection) = &self.chosen.callbacks.on_connection {
                            on_connection(accepted);
                        }
                        let (chosen, requests) = (Arc::clone(&self.chosen), Arc::clone(&requests));
                        connections.spawn(serve_connection(stream, accepted, chosen, requests));
                        accepted += 1;
                    }
                    // The error concerns this connection or this moment. The listener itself does not fail.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                // Forget ended connections, including those that a panic of the caller's function has ended. The panic
                // hook has reported it.
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// A connection, as its requests see it.
pub(super) struct Connection {
    pub(super) number: u64,
    /// A second handle of the socket, besides the one that hyper uses.
    socket: TcpStream,
    closed: Notify,
    tasks: Weak<Mutex<JoinSet<()>>>,
    pub(super) chosen: Arc<StandInBuilder>,
    /// How many requests have arrived on all connections.
    pub(super) requests: Arc<AtomicU64>,
}

impl Connection {
    /// Runs `task` until the connection ends.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = self.tasks.upgrade() {
            Tasks(tasks).execute(task);
        }
    }

    /// Resets the connection at once. Data in flight is lost in both directions.
    pub(super) fn reset(&self) {
        // This fails for a connection that is already gone, which does not matter.
        let _ = socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        self.closed.notify_one();
    }

    /// Waits, without reading, until the peer has closed or reset the connection.
    ///
    /// Only Linux reports a peer that closed; elsewhere the wait is longer. A peer that closed with more to send than fits
    /// the receive buffer is reported only when its kernel gives up.
    pub(super) async fn peer_gone(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = Interest::ERROR | Interest::PRIORITY;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interest = Interest::ERROR;
        // An error also means that the peer is gone.
        let _ = self.socket.ready(interest).await;
    }
}

/// Runs the tasks of HTTP/2 and of early answers. They end with the last clone of this.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            future.await;
        });
    }
}

/// Answers the requests on one connection until it ends. Its errors are ignored: every request is reported anyway.
async fn serve_connection(
    stream: TcpStream,
    number: u64,
    chosen: Arc<StandInBuilder>,
    requests: Arc<AtomicU64>,
) {
    // Over HTTP/2, the sender waits for small frames that update its window. Best effort.
    let _slower = stream.set_nodelay(true);
    let again = socket2::SockRef::from(&stream).try_clone();
    let Ok(socket) = again.and_then(|socket| TcpStream::from_std(socket.into())) else {
        // File descriptors have run out.
        return;
    };
    let tasks = Tasks::default();
    let connection = Arc::new(Connection {
        number,
        socket,
        closed: Notify::new(),
        tasks: Arc::downgrade(&tasks.0),
        chosen,
        requests,
    });
    let service = service_fn(|request| exchange(request, Arc::clone(&connection)));
    let mut builder = auto::Builder::new(tasks);
    builder.http1().max_buf_size(READ_AHEAD);
    builder
        .http2()
        .initial_stream_window_size(READ_AHEAD as u32)
        .initial_connection_window_size(READ_AHEAD as u32);
    tokio::select! {
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
        () = connection.closed.notified() => {}
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
