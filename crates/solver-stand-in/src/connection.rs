use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::server::conn::auto;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::behaviour::Behaviour;
use super::exchange::exchange;
use super::socket::Socket;
use super::stream_tasks::StreamTasks;

/// Bytes that are read ahead of whoever reads a body.
const READ_AHEAD: usize = 64 * 1024;

/// A connection as whoever answers on it sees it.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Arc<TcpStream>,
    closed: Notify,
}

impl Connection {
    /// Resets it at once: what is on its way in either direction is lost.
    pub(super) fn reset(&self) {
        // It fails for a connection that is gone already, which is as well.
        let _ = socket2::SockRef::from(&*self.socket).set_linger(Some(Duration::ZERO));
        self.closed.notify_one();
    }

    /// Waits, without reading, until the peer has closed it or reset it.
    ///
    /// Only Linux says so of a peer that closed; elsewhere the wait is longer. And a peer that closed with more to send
    /// than fits the receive buffer says so only when its kernel gives up.
    pub(super) async fn peer_gone(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = Interest::ERROR | Interest::PRIORITY;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interest = Interest::ERROR;
        // An error is as good a sign.
        let _ = self.socket.ready(interest).await;
    }

    async fn closed(&self) {
        self.closed.notified().await;
    }
}

/// Answers the requests on one connection until it ends. Errors of it are its own: every request has its report.
pub(super) async fn serve_connection(stream: TcpStream, behaviour: Arc<Behaviour>) {
    // Over HTTP/2 the sender waits for what says how much more it may send, which is small. Best effort.
    let _slower = stream.set_nodelay(true);
    let connection = Arc::new(Connection {
        socket: Arc::new(stream),
        closed: Notify::new(),
    });
    let socket = Socket(Arc::clone(&connection.socket));
    let service =
        service_fn(|request| exchange(request, Arc::clone(&behaviour), Arc::clone(&connection)));
    let mut builder = auto::Builder::new(StreamTasks::default());
    builder.http1().max_buf_size(READ_AHEAD);
    builder
        .http2()
        .initial_stream_window_size(READ_AHEAD as u32)
        .initial_connection_window_size(READ_AHEAD as u32);
    tokio::select! {
        _ = builder.serve_connection(socket, service) => {}
        () = connection.closed() => {}
    }
}
