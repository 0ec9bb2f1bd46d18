//! The tee from outside: every test polls by hand, so that each poll and each wake is decided here.

mod alarms;
mod auto_traits;
#[cfg(feature = "http-body")]
mod body;
mod endings;
mod joining;
#[path = "../support/manual_timer.rs"]
mod manual_timer;
mod patience;
mod productions;
mod replays;
mod sources;
mod support;
mod window;
