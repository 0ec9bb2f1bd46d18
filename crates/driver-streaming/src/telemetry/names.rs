//! The attributes. Where the semantic conventions have a name, it is that one
//! (<https://opentelemetry.io/docs/specs/semconv/http/>); the README lists all of them.

pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const URL_FULL: &str = "url.full";

pub(crate) const SOLVER_NAME: &str = "driver_streaming.solver.name";
pub(crate) const SOLVER_STATUS: &str = "driver_streaming.solver.status";

pub(crate) const AUCTION_ID: &str = "driver_streaming.auction.id";
pub(crate) const AUCTION_SHA256: &str = "driver_streaming.auction.sha256";
pub(crate) const AUCTION_SIZE: &str = "driver_streaming.auction.size";
pub(crate) const AUCTION_STATUS: &str = "driver_streaming.auction.status";

pub(crate) const ARCHIVE_CODEC: &str = "driver_streaming.archive.codec";
pub(crate) const ARCHIVE_LOCATION: &str = "driver_streaming.archive.location";
pub(crate) const ARCHIVE_PARTS: &str = "driver_streaming.archive.parts";
pub(crate) const ARCHIVE_RAW_SIZE: &str = "driver_streaming.archive.raw.size";
pub(crate) const ARCHIVE_STATUS: &str = "driver_streaming.archive.status";
pub(crate) const ARCHIVE_STORED_SIZE: &str = "driver_streaming.archive.stored.size";

pub(crate) const PRODUCTIONS: &str = "driver_streaming.productions";
pub(crate) const PRODUCTION_BUSY: &str = "driver_streaming.production.busy.duration";
pub(crate) const PRODUCTION_PASSES: &str = "driver_streaming.production.passes";
pub(crate) const PRODUCTION_WAIT: &str = "driver_streaming.production.wait.duration";

/// What `measured-body` measures: as attributes of a span, under the names that its metrics have.
pub(crate) mod body {
    pub(crate) const BUSY: &str = "measured_body.busy.duration";
    pub(crate) const CHUNKS: &str = "measured_body.chunks";
    pub(crate) const CONSUMER_WAIT: &str = "measured_body.consumer_wait.duration";
    pub(crate) const ENDING: &str = "measured_body.ending";
    pub(crate) const LARGEST_CHUNK: &str = "measured_body.largest_chunk.size";
    pub(crate) const PRODUCER_WAIT: &str = "measured_body.producer_wait.duration";
    pub(crate) const TO_FIRST_DATA: &str = "measured_body.to_first_data.duration";
    pub(crate) const TO_FIRST_POLL: &str = "measured_body.to_first_poll.duration";
    pub(crate) const TOTAL: &str = "measured_body.total.duration";
    pub(crate) const TRANSMISSION: &str = "measured_body.transmission.duration";
}
