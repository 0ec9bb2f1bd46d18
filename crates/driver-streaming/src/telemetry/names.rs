//! The attributes. Where the semantic conventions have a name, it is that one
//! (<https://opentelemetry.io/docs/specs/semconv/http/>); the README lists all of them.

pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(super) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";
pub(super) const URL_FULL: &str = "url.full";

pub(super) const SOLVER_NAME: &str = "driver_streaming.solver.name";
pub(super) const SOLVER_STATUS: &str = "driver_streaming.solver.status";

pub(super) const AUCTION_ID: &str = "driver_streaming.auction.id";
pub(super) const AUCTION_SHA256: &str = "driver_streaming.auction.sha256";
pub(super) const AUCTION_SIZE: &str = "driver_streaming.auction.size";
pub(super) const AUCTION_STATUS: &str = "driver_streaming.auction.status";

pub(super) const ARCHIVE_CODEC: &str = "driver_streaming.archive.codec";
pub(super) const ARCHIVE_LOCATION: &str = "driver_streaming.archive.location";
pub(super) const ARCHIVE_PARTS: &str = "driver_streaming.archive.parts";
pub(super) const ARCHIVE_RAW_SIZE: &str = "driver_streaming.archive.raw.size";
pub(super) const ARCHIVE_STATUS: &str = "driver_streaming.archive.status";
pub(super) const ARCHIVE_STORED_SIZE: &str = "driver_streaming.archive.stored.size";

pub(super) const PRODUCTIONS: &str = "driver_streaming.productions";
pub(super) const PRODUCTION_BUSY: &str = "driver_streaming.production.busy.duration";
pub(super) const PRODUCTION_PASSES: &str = "driver_streaming.production.passes";
pub(super) const PRODUCTION_WAIT: &str = "driver_streaming.production.wait.duration";

/// What `measured-body` measures: as attributes of a span, under the names that its metrics have.
pub(super) mod body {
    pub(in super::super) const BUSY: &str = "measured_body.busy.duration";
    pub(in super::super) const CHUNKS: &str = "measured_body.chunks";
    pub(in super::super) const CONSUMER_WAIT: &str = "measured_body.consumer_wait.duration";
    pub(in super::super) const ENDING: &str = "measured_body.ending";
    pub(in super::super) const LARGEST_CHUNK: &str = "measured_body.largest_chunk.size";
    pub(in super::super) const PRODUCER_WAIT: &str = "measured_body.producer_wait.duration";
    pub(in super::super) const TO_FIRST_DATA: &str = "measured_body.to_first_data.duration";
    pub(in super::super) const TO_FIRST_POLL: &str = "measured_body.to_first_poll.duration";
    pub(in super::super) const TOTAL: &str = "measured_body.total.duration";
    pub(in super::super) const TRANSMISSION: &str = "measured_body.transmission.duration";
}
