//! What is reported of bodies and productions, and that measuring changes nothing. What it allocates is counted by a
//! program of its own, whose allocator counts.

mod auto_traits;
#[cfg(feature = "tracing")]
mod events;
#[cfg(feature = "opentelemetry")]
mod histograms;
mod hostile;
mod production;
mod properties;
mod sockets;
mod support;
