use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;

use super::RequestReport;

/// Who is told of requests.
pub(super) type OnRequest = Arc<dyn Fn(RequestReport) + Send + Sync>;

/// What a stand-in does with every request.
#[derive(Clone)]
pub(super) struct Behaviour {
    /// Bytes of a body that are read in a second; not 0.
    pub(super) read_rate: Option<u64>,
    /// After so many bytes of a body no more are read.
    pub(super) stall_after: Option<u64>,
    /// After so many bytes of a body the connection is reset.
    pub(super) reset_after: Option<u64>,
    /// How long it thinks.
    pub(super) delay: Duration,
    /// What it answers with.
    pub(super) status: StatusCode,
    /// What it answers.
    pub(super) response: Bytes,
    pub(super) on_request: OnRequest,
}

/// What happens in the middle of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is read any more, nor answered.
    Stall,
    /// The connection is reset.
    Reset,
}

impl Behaviour {
    /// The first thing that goes wrong, and after how many bytes.
    pub(super) fn first_fault(&self) -> Option<(u64, Fault)> {
        let reset = self.reset_after.map(|bytes| (bytes, Fault::Reset));
        let stall = self.stall_after.map(|bytes| (bytes, Fault::Stall));
        // Of two at one place, the reset: it is the more specific.
        reset
            .into_iter()
            .chain(stall)
            .min_by_key(|(bytes, _)| *bytes)
    }
}
