use std::net::SocketAddr;
use std::time::Duration;

use crate::{Codec, CountingStore};

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
    /// Where the archive goes.
    pub store: CountingStore,
}
