//! What the compared programs share, so that they differ in nothing else: the command line, the runtime, the HTTP
//! client's settings, the store and the measuring.

mod arguments;
mod client;
mod codec;
mod counted;
mod counting_store;
mod design;
mod exit_code;
mod measure;
mod process;
mod setup;
mod ticker;
mod upload;

pub use self::client::{client, post};
pub use self::codec::Codec;
pub use self::counting_store::CountingStore;
pub use self::design::Design;
pub use self::exit_code::exit_code;
pub use self::measure::{WORKERS, run};
pub use self::process::{forget_peak, status};
pub use self::setup::Setup;

/// Any failure, told to whoever started the program.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What is sent before the measured call, so that connections are there.
pub const WARM_UP: &str = "warm-up";

/// Name of the archived object.
pub const ARCHIVE_KEY: &str = "8339027.json";
