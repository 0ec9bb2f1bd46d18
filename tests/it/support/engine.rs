use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver_streaming::Solver;
use solver_stand_in::{RequestReport, StandIn, StandInBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::raw_connection::RawConnection;
use super::raw_request::RawRequest;
use super::runtime;

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A solver engine in this process. It ends with this value.
pub(crate) struct Engine {
    url: String,
    reports: Receiver<RequestReport>,
    requests: Receiver<RawRequest>,
    task: JoinHandle<()>,
}

impl Engine {
    /// The stand-in, set up as a test wants it.
    pub(crate) fn stand_in(set_up: impl FnOnce(StandInBuilder) -> StandInBuilder) -> Self {
        let (sender, reports) = channel();
        let sender = Mutex::new(sender);
        let builder = set_up(StandIn::builder()).on_request(move |report| {
            // A test that has ended listens no more.
            let _heard = sender.lock().map(|sender| sender.send(report));
        });
        let engine = runtime()
            .block_on(builder.bind(loopback()))
            .expect("an engine can listen");
        let url = engine.url();
        Self {
            url,
            reports,
            requests: channel().1,
            task: runtime().spawn(engine.serve()),
        }
    }

    /// An engine that keeps what it is sent, decoded from chunks, and answers well.
    pub(crate) fn keeping() -> Self {
        let (sender, requests) = channel();
        Self::on_socket(requests, move |stream| {
            let sender = sender.clone();
            async move {
                let mut connection = RawConnection::new(stream);
                while let Some(request) = RawRequest::read(&mut connection).await {
                    let _heard = sender.send(request);
                    connection.answer_well().await;
                }
            }
        })
    }

    /// An engine that reads a little and closes the connection.
    pub(crate) fn hanging_up() -> Self {
        Self::on_socket(channel().1, |mut stream| async move {
            let mut little = [0; 512];
            let _read = stream.read(&mut little).await;
        })
    }

    /// An engine that answers with this as soon as a request begins, and then says nothing more.
    pub(crate) fn answering_half(head: &'static str) -> Self {
        Self::on_socket(channel().1, move |mut stream| async move {
            let mut much = vec![0; 65536];
            let _read = stream.read(&mut much).await;
            let _written = stream.write_all(head.as_bytes()).await;
            while stream.read(&mut much).await.is_ok_and(|read| read > 0) {}
        })
    }

    /// An address at which nobody listens.
    pub(crate) fn unreachable_url() -> String {
        let listener = std::net::TcpListener::bind(loopback()).expect("a port is free");
        format!(
            "http://{}",
            listener.local_addr().expect("it has an address")
        )
    }

    fn on_socket<F>(
        requests: Receiver<RawRequest>,
        serve: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = runtime()
            .block_on(TcpListener::bind(loopback()))
            .expect("an engine can listen");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("it has an address")
        );
        let serve = Arc::new(serve);
        let task = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self {
            url,
            reports: channel().1,
            requests,
            task,
        }
    }

    /// This engine, for the library.
    pub(crate) fn solver(&self, name: &str) -> Solver {
        Solver::new(name, &self.url).expect("the URL is one")
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The argument that names this engine.
    pub(crate) fn argument(&self, name: &str) -> String {
        format!("{name}={}", self.url)
    }

    /// The next request's report.
    pub(crate) fn report(&self) -> RequestReport {
        self.reports.recv_timeout(PATIENCE).expect("a request came")
    }

    /// Whether a request has come and not been asked for.
    pub(crate) fn had_request(&self) -> bool {
        self.reports.try_recv().is_ok()
    }

    /// The next request's body.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.request().body
    }

    /// The next request, of an engine that keeps them.
    pub(crate) fn request(&self) -> RawRequest {
        self.requests
            .recv_timeout(PATIENCE)
            .expect("a request came")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
