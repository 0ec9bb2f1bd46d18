//! Shared by the tests of this crate: a running stand-in, and its clients.

use std::net::SocketAddr;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{RequestReport, StandIn, StandInBuilder};

/// A stand-in that serves until this is dropped, and what it reports.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) url: String,
    pub(super) reports: mpsc::UnboundedReceiver<RequestReport>,
    pub(super) serving: JoinSet<()>,
}

impl Running {
    pub(super) async fn start(builder: StandInBuilder) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let stand_in = builder
            .on_request(move |report| {
                // The receiver may be gone when a test ends.
                let _ = sender.send(report);
            })
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let (address, url) = (stand_in.address(), stand_in.url());
        let mut serving = JoinSet::new();
        serving.spawn(stand_in.serve());
        Self {
            address,
            url,
            reports,
            serving,
        }
    }

    pub(super) async fn report(&mut self) -> RequestReport {
        self.reports.recv().await.expect("the stand-in runs")
    }

    /// Opens a connection and sends the head of a request. `framing` is the header that frames its body.
    pub(super) async fn begin(&self, framing: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = format!("POST /solve HTTP/1.1\r\nhost: solver\r\n{framing}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    }
}

impl StandIn {
    /// Starts the default stand-in.
    pub(super) async fn running() -> Running {
        Running::start(Self::builder()).await
    }
}

/// Reads the rest of a connection.
pub(super) async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Bytes without much structure, the same in every run.
pub(super) fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 28) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A client that reaches loopback whatever the environment says of proxies.
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
