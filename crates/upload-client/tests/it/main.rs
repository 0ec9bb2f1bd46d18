//! Over real sockets: what the kernel does with a reset is the point of most of this.

#![expect(clippy::print_stdout, reason = "ignored tests say what they found")]

mod comparison;
mod connecting;
mod early_answers;
mod failures;
mod foreign;
mod giving_up;
mod http2;
mod http2_refusals;
mod keeping;
mod peers;
mod proxying;
mod retrying;
mod support;
mod tls;
