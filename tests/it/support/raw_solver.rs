use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use driver_streaming::Solver;
use tokio::net::TcpSocket;
use tokio::task::{JoinHandle, JoinSet};

use super::raw_connection::RawConnection;
use super::runtime;

/// The receive buffer of connections, in bytes: small, so that a body that is not read soon stops its sender.
const RECEIVE_BUFFER: u32 = 64 * 1024;

/// A solver engine in this process whose connections a test serves by hand. It and they end with this value.
pub(crate) struct RawSolver {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl RawSolver {
    /// One that does this with each connection.
    pub(crate) fn start<F>(serve: impl Fn(RawConnection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::numbered(move |_, connection| serve(connection))
    }

    /// One that does this with each connection; they are counted from 0.
    pub(crate) fn numbered<F>(serve: impl Fn(usize, RawConnection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(bound(), serve)
    }

    /// One that listens at `socket`, which was bound before.
    pub(crate) fn on<F>(
        socket: TcpSocket,
        serve: impl Fn(usize, RawConnection) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A listener belongs to the runtime in which it is made.
        let _runtime = runtime().enter();
        let listener = socket.listen(64).expect("an engine can listen");
        let address = listener.local_addr().expect("it has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = runtime().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(number, RawConnection::new(stream)));
            }
        });
        Self {
            address,
            accepted,
            task,
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The argument that names this engine.
    pub(crate) fn argument(&self, name: &str) -> String {
        format!("{name}={}", self.url())
    }

    /// This engine, for the library.
    pub(crate) fn solver(&self, name: &str) -> Solver {
        Solver::new(name, &self.url()).expect("the URL is one")
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for RawSolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A socket with a port of its own, at which nobody listens yet: connections are refused.
pub(crate) fn bound() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket
        .set_recv_buffer_size(RECEIVE_BUFFER)
        .expect("the buffer can be set");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a port is free");
    socket
}
