use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use driver_streaming::Solver;
use tokio::net::TcpSocket;

use super::raw_connection::RawConnection;
use super::raw_request::RawRequest;
use super::raw_solver::{RawSolver, bound};

/// A solver engine that reads whole requests by hand, keeps them, and does with the first of them what a script says;
/// those after are answered well.
pub(crate) struct ScriptedSolver {
    engine: RawSolver,
    requests: Receiver<(RawRequest, Instant)>,
}

/// What is done with a request that has been read.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The connection is reset.
    Reset,
    /// The status, header lines and the body.
    Answer(&'static str, String, Vec<u8>),
}

impl Reply {
    /// An answer with this status and no header of its own, that is JSON.
    pub(crate) fn status(status: &'static str) -> Self {
        Self::Answer(status, String::new(), b"{}".to_vec())
    }

    /// An answer with this status that asks to be left alone.
    pub(crate) fn retry_after(status: &'static str, when: &str) -> Self {
        let headers = format!("retry-after: {when}\r\n");
        Self::Answer(status, headers, b"{}".to_vec())
    }
}

impl ScriptedSolver {
    /// One with this script.
    pub(crate) fn start(script: Vec<Reply>) -> Self {
        Self::on(bound(), script)
    }

    /// One that listens at `socket`, which was bound before.
    pub(crate) fn on(socket: TcpSocket, script: Vec<Reply>) -> Self {
        let (sender, requests) = channel();
        let (script, served) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
        let engine = RawSolver::on(socket, move |_, mut connection: RawConnection| {
            let (script, served) = (Arc::clone(&script), Arc::clone(&served));
            let sender = sender.clone();
            async move {
                while let Some(request) = connection.request().await {
                    let _heard = sender.send((request, Instant::now()));
                    match script.get(served.fetch_add(1, Ordering::SeqCst)) {
                        None => connection.answer_well().await,
                        Some(Reply::Reset) => return connection.reset(),
                        Some(Reply::Answer(status, headers, body)) => {
                            connection.answer(status, headers, body).await;
                        }
                    }
                }
            }
        });
        Self { engine, requests }
    }

    /// This engine, for the library.
    pub(crate) fn solver(&self, name: &str) -> Solver {
        self.engine.solver(name)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        self.engine.url()
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.engine.accepted()
    }

    /// The next request, and when it had come to its end.
    pub(crate) fn request_and_time(&self) -> (RawRequest, Instant) {
        self.requests
            .recv_timeout(Duration::from_secs(60))
            .expect("a request came")
    }

    /// The next request.
    pub(crate) fn request(&self) -> RawRequest {
        self.request_and_time().0
    }

    /// The next request, if it has come.
    pub(crate) fn try_request(&self) -> Option<RawRequest> {
        let (request, _) = self.requests.try_recv().ok()?;
        Some(request)
    }

    /// The requests that have come and not been asked for.
    pub(crate) fn requests(&self) -> Vec<RawRequest> {
        self.requests
            .try_iter()
            .map(|(request, _)| request)
            .collect()
    }
}
