use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::runtime;

/// Passes connections on to a server, but for requests that contain a certain text: those wait until they are let go.
/// It ends with this value.
pub(crate) struct HoldingProxy {
    address: SocketAddr,
    held: Receiver<()>,
    gate: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl HoldingProxy {
    /// Holds back what contains `text`, and passes all else on to `endpoint`, an http URL.
    pub(crate) fn start(endpoint: &str, text: &'static str) -> Self {
        let server: SocketAddr = endpoint
            .strip_prefix("http://")
            .and_then(|address| address.parse().ok())
            .expect("an address follows");
        let listener = runtime()
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (sender, held) = channel();
        let (gate, open) = watch::channel(false);
        let task = runtime().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let hold = Hold {
                    text: text.as_bytes(),
                    held: sender.clone(),
                    open: open.clone(),
                };
                connections.spawn(pass_on(client, server, hold));
            }
        });
        Self {
            address,
            held,
            gate,
            task,
        }
    }

    /// Where it listens, as a URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until something is held back.
    pub(crate) fn wait(&self) {
        self.held
            .recv_timeout(Duration::from_secs(60))
            .expect("such a request comes");
    }

    /// Lets go what is held back.
    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }
}

impl Drop for HoldingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is held back, and until when.
struct Hold {
    text: &'static [u8],
    held: Sender<()>,
    open: watch::Receiver<bool>,
}

async fn pass_on(client: TcpStream, server: SocketAddr, hold: Hold) {
    let server = TcpStream::connect(server)
        .await
        .expect("the server is there");
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    tokio::select! {
        // A connection's error is its client's to report.
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        () = requests(from_client, to_server, hold) => {}
    }
}

/// Passes requests on until the client closes.
async fn requests(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, mut hold: Hold) {
    let mut seen = Vec::new();
    loop {
        // What was seen may be the beginning of the text.
        let kept = seen.len().min(hold.text.len() - 1);
        seen.drain(..seen.len() - kept);
        if !client.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {
            return;
        }
        let is_held = seen
            .windows(hold.text.len())
            .any(|found| found == hold.text);
        if is_held {
            let _heard = hold.held.send(());
            if hold.open.wait_for(|open| *open).await.is_err() {
                return;
            }
        }
        if server.write_all(&seen[kept..]).await.is_err() {
            return;
        }
    }
}
