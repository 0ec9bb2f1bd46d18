use std::future::Future;
use std::sync::Arc;

use auction_fixtures::Auction;

use crate::Result;

/// A way of sending an auction to every engine and archiving it.
pub trait Design: Send + Sync + 'static {
    /// Sends [`WARM_UP`](crate::WARM_UP) to every engine and archives nothing: afterwards each connection is there and idle.
    fn warm_up(&self) -> impl Future<Output = Result<()>> + Send;

    /// Sends the auction to every engine and archives it. Ends when all have answered and the archive is there, and says
    /// how often the auction was serialised.
    fn run(&self, auction: Arc<Auction>) -> impl Future<Output = Result<f64>> + Send;
}
