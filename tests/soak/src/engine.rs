use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use http::header::{HeaderValue, RETRY_AFTER};
use solver_stand_in::{EarlyAnswer, StandIn, StandInBuilder};
use tokio::net::TcpSocket;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::bad_http::serve_bad_http;
use crate::bodies::ExpectedBodies;
use crate::lock;
use crate::plan::Behaviour;

/// What engines answer well.
pub(crate) const ANSWER: &str = r#"{"solutions":[]}"#;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// An engine that serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    url: String,
    /// Nothing where nothing listens.
    serving: JoinSet<()>,
    /// A port that nobody else is given, and that nothing listens at.
    _held: Option<TcpSocket>,
}

impl Engine {
    /// Starts one on another runtime.
    pub(crate) async fn start(
        behaviour: Behaviour,
        bodies: Arc<ExpectedBodies>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let started = runtime.spawn(Self::start_here(behaviour, bodies));
        started.await.map_err(io::Error::other)?
    }

    async fn start_here(behaviour: Behaviour, bodies: Arc<ExpectedBodies>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let url = format!("http://{}", socket.local_addr()?);
        let mut serving = JoinSet::new();
        let mut held = None;
        match behaviour {
            Behaviour::Refusing => held = Some(socket),
            Behaviour::BadHttp { after, what } => {
                serving.spawn(serve_bad_http(socket.listen(BACKLOG)?, after, what));
            }
            _ => {
                let stand_in = script(behaviour, bodies).listen(socket)?;
                serving.spawn(stand_in.serve());
            }
        }
        Ok(Self {
            url,
            serving,
            _held: held,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, and every connection to it.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }
}

/// The stand-in engine, set up for a behaviour that it has.
fn script(behaviour: Behaviour, bodies: Arc<ExpectedBodies>) -> StandInBuilder {
    let builder = StandIn::builder();
    let builder = match behaviour {
        Behaviour::HealthyElsewhere | Behaviour::Flaky { .. } => {
            builder.on_kept(move |request| bodies.report_kept(&request))
        }
        _ => builder.on_request(move |report| bodies.report(&report)),
    };
    match behaviour {
        Behaviour::Delayed(delay) => builder.delay(delay),
        Behaviour::Slow(bytes_per_second) => builder.read_rate(bytes_per_second),
        Behaviour::Stalling(bytes) => builder.stall_after(bytes),
        Behaviour::Resetting(bytes) => builder.reset_after(bytes),
        Behaviour::Status(status) => builder.status(status),
        Behaviour::NoJson => builder.response("<html>not what was asked for</html>"),
        Behaviour::TooLong => builder.response(format!("[{}0]", "0,".repeat(10_000))),
        Behaviour::Early { after, drained } => {
            let then = if drained {
                EarlyAnswer::ThenRead
            } else {
                EarlyAnswer::ThenClose
            };
            builder.answer_after(after, then)
        }
        Behaviour::Flaky { failures, status } => flaky(builder, failures, status),
        _ => builder,
    }
}

/// Answers the first requests of each auction, by their id, with this status, and that they may come again at once.
fn flaky(builder: StandInBuilder, failures: u32, status: u16) -> StandInBuilder {
    let requests: Mutex<HashMap<Vec<u8>, u32>> = Mutex::default();
    let busy = StandIn::builder()
        .status(status)
        .response("")
        .header(RETRY_AFTER, HeaderValue::from_static("0"));
    builder.choose(move |head, _number| {
        let id = head.headers.get("x-request-id");
        let id = id.map(|id| id.as_bytes().to_owned()).unwrap_or_default();
        let mut requests = lock(&requests);
        let count = requests.entry(id).or_default();
        *count += 1;
        (*count <= failures).then(|| busy.clone())
    })
}
