use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver_streaming::Solver;
use solver_stand_in::{RequestReport, StandIn, StandInBuilder};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::request::Request;
use super::{bound, runtime};

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A solver engine in this process: the stand-in. It ends with this value.
pub(crate) struct Engine {
    url: String,
    reports: Receiver<RequestReport>,
    requests: Receiver<Request>,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Engine {
    /// The stand-in, set up as a test wants it.
    pub(crate) fn stand_in(set_up: impl FnOnce(StandInBuilder) -> StandInBuilder) -> Self {
        Self::on(bound(), set_up(StandIn::builder()), false)
    }

    /// An engine that keeps what it is sent, as it came, and answers well.
    pub(crate) fn keeping() -> Self {
        Self::keeping_on(bound())
    }

    /// One that listens at `socket`, which was bound before.
    pub(crate) fn keeping_on(socket: TcpSocket) -> Self {
        Self::on(socket, StandIn::builder(), true)
    }

    /// An engine that keeps what it is sent, treats its first requests by these scripts, and answers all others well.
    pub(crate) fn scripted(script: Vec<StandInBuilder>) -> Self {
        let scripted = StandIn::builder()
            .choose(move |_head, number| script.get(usize::try_from(number).ok()?).cloned());
        Self::on(bound(), scripted, true)
    }

    fn on(socket: TcpSocket, builder: StandInBuilder, keeps: bool) -> Self {
        let (report, reports) = channel();
        let (keep, requests) = channel();
        let (report, keep) = (Mutex::new(report), Mutex::new(keep));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let mut builder = builder
            .on_connection(move |_number| {
                count.fetch_add(1, Ordering::SeqCst);
            })
            .on_request(move |found| {
                // A test that has ended listens no more.
                let _heard = report.lock().map(|report| report.send(found));
            });
        if keeps {
            builder = builder.on_kept(move |kept| {
                let _heard = keep.lock().map(|keep| keep.send(Request::from(kept)));
            });
        }
        // A listener belongs to the runtime in which it is made.
        let _runtime = runtime().enter();
        let engine = builder.listen(socket).expect("an engine can listen");
        Self {
            url: engine.url(),
            reports,
            requests,
            accepted,
            task: runtime().spawn(engine.serve()),
        }
    }

    /// An address at which nobody listens.
    pub(crate) fn unreachable_url() -> String {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = std::net::TcpListener::bind(loopback).expect("a port is free");
        format!(
            "http://{}",
            listener.local_addr().expect("it has an address")
        )
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

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
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
    pub(crate) fn request(&self) -> Request {
        self.requests
            .recv_timeout(PATIENCE)
            .expect("a request came")
    }

    /// The next request, if it has come.
    pub(crate) fn try_request(&self) -> Option<Request> {
        self.requests.try_recv().ok()
    }

    /// The requests that have come and not been asked for.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}
