//! Sends what a run tells to a collector, by OTLP over HTTP with protocol buffers.

mod collector_client;
mod environment;
mod export;
mod export_error;
mod last_failure;
mod target;

pub(crate) use self::export::Export;
