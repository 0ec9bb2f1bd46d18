//! What the compared programs share, so that they differ in nothing else: the command line, the runtime, the HTTP
//! client's settings, the store and the measuring.

mod arguments;
mod channel_writer;
mod client;
mod measure;
mod ticker;

pub use self::arguments::Codec;
pub use self::channel_writer::{BLOCK_BYTES, CHANNEL_BLOCKS, ChannelWriter};
pub use self::client::{client, post, warm_up};
pub use self::measure::{WORKERS, forget_peak, run, status};

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use auction_fixtures::Auction;
use scripted_store::ScriptedStore;

/// Any failure, reported to whoever started the program.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

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
#[derive(Debug)]
pub struct Setup {
    /// Which of the program's designs.
    pub design: String,
    /// The engines' addresses.
    pub engines: Vec<SocketAddr>,
    /// How the archive is compressed.
    pub codec: Codec,
    /// After how long every request is given up.
    pub deadline: Duration,
    /// Where the archive goes. The network to a real store would cost every design the same for each byte, and hide what
    /// differs: this one keeps nothing but the count, unless the archive is to be checked.
    pub store: ScriptedStore,
}

/// Ends a program: after a failure, once that and its causes are on standard error.
pub fn exit_code(result: Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let mut cause: Option<&dyn Error> = Some(error.as_ref());
    while let Some(error) = cause {
        eprintln!("{error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
