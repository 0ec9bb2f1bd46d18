//! What the compared programs share, so that they differ in nothing else: the command line, the runtime, the HTTP
//! client's settings, the store and the measuring.

mod endpoints;
mod program;
mod ticker;

pub use self::endpoints::Endpoints;
pub use self::program::{Arguments, Codec, WORKERS, arguments};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use auction_fixtures::Auction;
use scripted_store::ScriptedStore;

/// What is sent before the measured call, so that connections are there.
pub const WARM_UP: &str = "warm-up";

/// Name of the archived object.
pub const ARCHIVE_KEY: &str = "8339027.json";

/// A way of sending an auction to every engine and archiving it.
pub trait Design: Send + Sync + 'static {
    /// Sends [`WARM_UP`] to every engine and archives nothing: afterwards each connection is there and idle.
    fn warm_up(&self) -> impl Future<Output = Result<()>> + Send;

    /// Sends the auction to every engine and archives it. Ends when all have answered and the archive is there, and
    /// returns how often the auction was serialised.
    fn run(&self, auction: Arc<Auction>) -> impl Future<Output = Result<f64>> + Send;
}

/// What a design is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which of the program's designs.
    pub design: String,
    /// The engines' addresses.
    pub engines: Vec<SocketAddr>,
    /// What the engines speak: `http`, or over TLS `tls` and `http2`, on which the two sides agree then.
    pub protocol: String,
    /// How the archive is compressed.
    pub codec: Codec,
    /// After how long every request is given up.
    pub deadline: Duration,
    /// Where the archive goes. The network to a real store would cost every design the same for each byte, and hide what
    /// differs: this one keeps nothing but the count, unless the archive is to be checked, and takes no time unless it is to.
    pub store: ScriptedStore,
}

impl Setup {
    /// The URL of an engine.
    pub fn url(&self, engine: SocketAddr) -> String {
        let scheme = if self.protocol == "http" {
            "http"
        } else {
            "https"
        };
        format!("{scheme}://{engine}")
    }
}
