//! The reports of bodies and productions, and that measuring changes nothing. A separate program, with a counting
//! allocator, checks what it allocates.

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
