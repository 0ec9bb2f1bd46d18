use std::fmt;
use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use bytes::Bytes;
use http::header::HeaderMap;
use jiff::Timestamp;
use tee_stream::LagPolicy;

use super::config_error::ConfigError;
use super::entry::Entry;
use super::headers::headers;
use super::lag::lag;
use super::leveled::leveled;
use super::members::members;
use super::problem::Problem;
use super::section::Section;
use crate::solver_request::as_url;
use driver_streaming::{Solver, SolverError};

pub(super) const KEYS: [&str; 12] = [
    "name",
    "endpoint",
    "timeout",
    "encoding",
    "encoding-level",
    "skip-liquidity",
    "set",
    "headers",
    "retries",
    "length",
    "http2",
    "lag",
];

/// More attempts than any deadline has room for.
const MOST_RETRIES: u32 = 100;

/// A `[[solver]]`: where an engine is, and how it is sent auctions.
///
/// Its debug output shows neither the endpoint, which may carry a password, nor the headers' values.
#[derive(Clone)]
pub(crate) struct SolverConfig {
    /// `name`, which no other solver of the file has.
    pub(crate) name: String,
    /// `endpoint`, which [`Solver::new`] takes.
    pub(crate) endpoint: String,
    /// `timeout`: its own limit within the deadline.
    pub(crate) timeout: Option<Duration>,
    /// `encoding` at `encoding-level`: the content coding of its requests, never identity.
    pub(crate) encoding: Option<Codec>,
    /// `skip-liquidity`: whether it is sent no liquidity.
    pub(crate) skip_liquidity: bool,
    /// `set`: members to replace or append, in the order of the file, and the JSON text of their values.
    pub(crate) set: Vec<(String, Bytes)>,
    /// `headers`: none that describes the body or the connection, and all values marked as sensitive.
    pub(crate) headers: HeaderMap,
    /// `retries`: how often a failed request is sent again, 0 to 100.
    pub(crate) retries: Option<u32>,
    /// `length`: whether requests have a `Content-Length`; never with an encoding.
    pub(crate) length: bool,
    /// `http2`: whether requests are sent by HTTP/2 without asking first.
    pub(crate) http2: bool,
    /// `lag`: what happens when it falls behind the others.
    pub(crate) lag: Option<LagPolicy>,
}

impl SolverConfig {
    pub(super) fn read(entry: &Entry<'_>, now: Timestamp) -> Result<Self, ConfigError> {
        let section = entry.section()?.allow(&KEYS)?;
        let (name, endpoint) = address(&section)?;
        let encoding = encoding(&section)?;
        let length = section.get("length");
        let has_length = is_on(length.as_ref())?;
        if let (Some(length), true, Some(_)) = (&length, has_length, encoding) {
            return Err(length.error(Problem::LengthWithEncoding));
        }
        let timeout = section.get("timeout").map(|entry| entry.duration());
        let set = section.get("set").map(|entry| members(&entry, now));
        let headers = section.get("headers").map(|entry| headers(&entry));
        let retries = section.get("retries").map(|entry| retries(&entry));
        let lag = section.get("lag").map(|entry| lag(&entry));
        Ok(Self {
            name,
            endpoint,
            timeout: timeout.transpose()?,
            encoding,
            skip_liquidity: is_on(section.get("skip-liquidity").as_ref())?,
            set: set.transpose()?.unwrap_or_default(),
            headers: headers.transpose()?.unwrap_or_default(),
            retries: retries.transpose()?,
            length: has_length,
            http2: is_on(section.get("http2").as_ref())?,
            lag: lag.transpose()?,
        })
    }
}

/// A name and an endpoint that a solver can be made of.
fn address(section: &Section<'_>) -> Result<(String, String), ConfigError> {
    let name = section.require("name")?;
    let endpoint = section.require("endpoint")?;
    let url = as_url(endpoint.text()?);
    match Solver::new(name.text()?, &url) {
        Ok(_solver) => Ok((name.text()?.to_owned(), url)),
        Err(error @ (SolverError::EmptyName | SolverError::Name { .. })) => Err(name.error(error)),
        Err(SolverError::Scheme { .. }) => Err(endpoint.error(Problem::Endpoint)),
        Err(error) => Err(endpoint.error(error)),
    }
}

fn encoding(section: &Section<'_>) -> Result<Option<Codec>, ConfigError> {
    let level = section.get("encoding-level");
    let Some(encoding) = section.get("encoding") else {
        return match level {
            Some(level) => Err(level.error(Problem::Alone { other: "encoding" })),
            None => Ok(None),
        };
    };
    let kind = match encoding.text()? {
        "gzip" => CodecKind::Gzip,
        "zstd" => CodecKind::Zstd,
        "br" | "brotli" => CodecKind::Brotli,
        name => {
            let name = name.to_owned();
            return Err(encoding.error(Problem::Encoding { name }));
        }
    };
    leveled(kind, level.as_ref()).map(Some)
}

fn retries(entry: &Entry<'_>) -> Result<u32, ConfigError> {
    let found = entry.integer()?;
    match u32::try_from(found) {
        Ok(retries) if retries <= MOST_RETRIES => Ok(retries),
        _ => Err(entry.error(Problem::Retries {
            found,
            limit: MOST_RETRIES,
        })),
    }
}

/// Whether a switch is on; one that is absent is off.
fn is_on(entry: Option<&Entry<'_>>) -> Result<bool, ConfigError> {
    entry.map_or(Ok(false), Entry::switch)
}

impl fmt::Debug for SolverConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SolverConfig")
            .field("name", &self.name)
            .field("endpoint", &"***")
            .field("timeout", &self.timeout)
            .field("encoding", &self.encoding)
            .field("skip_liquidity", &self.skip_liquidity)
            .field("set", &self.set)
            .field("headers", &self.headers)
            .field("retries", &self.retries)
            .field("length", &self.length)
            .field("http2", &self.http2)
            .field("lag", &self.lag)
            .finish()
    }
}
