//! Waterfalls: bars over one time, as browsers show requests.

mod lane;
mod phase;
mod scale;
mod waterfall;

pub use self::lane::Lane;
pub use self::phase::Phase;
pub use self::waterfall::Waterfall;
