use std::sync::Arc;

use solver_stand_in::{StandIn, StandInBuilder};

use crate::ledger::Ledger;
use crate::plan::Behaviour;

/// The library's stand-in, set up for a behaviour that it has.
pub(super) fn stand_in(behaviour: Behaviour, ledger: Arc<Ledger>) -> StandInBuilder {
    let builder = StandIn::builder().on_request(move |report| ledger.report(&report));
    match behaviour {
        Behaviour::Delayed(delay) => builder.delay(delay),
        Behaviour::Slow(bytes_per_second) => builder.read_rate(bytes_per_second),
        Behaviour::Stalling(bytes) => builder.stall_after(bytes),
        Behaviour::Resetting(bytes) => builder.reset_after(bytes),
        Behaviour::Status(status) => builder.status(status),
        Behaviour::NoJson => builder.response("<html>not what was asked for</html>"),
        Behaviour::TooLong => builder.response(format!("[{}0]", "0,".repeat(10_000))),
        _ => builder,
    }
}
