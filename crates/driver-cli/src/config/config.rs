use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use archive_sink::CodecKind;
use driver_streaming::{AuctionId, error_chain};
use http::{HeaderName, HeaderValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use tee_stream::{AfterPatience, LagPolicy};
use toml::Spanned;

use super::mistake::{DATE, IS_DATE, Source};
use crate::option_values::{Format, Members, parse_duration, parse_encoding};

/// A configuration file that has been checked.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct Config {
    /// A path relative to the configuration file, or `-` for standard input.
    pub(crate) auction: Option<Spanned<PathBuf>>,
    #[serde(default, deserialize_with = "parsed")]
    pub(crate) id: Option<AuctionId>,
    #[serde(default, deserialize_with = "duration")]
    pub(crate) deadline: Option<Duration>,
    #[serde(default, deserialize_with = "named")]
    pub(crate) format: Option<Format>,
    /// A path relative to the configuration file.
    pub(crate) report: Option<Spanned<PathBuf>>,
    /// The URL that telemetry is exported to.
    pub(crate) otlp: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "members")]
    pub(crate) set: Members,
    pub(crate) archive: Option<Spanned<ArchiveConfig>>,
    /// The solvers, whose names differ.
    #[serde(default, rename = "solver")]
    pub(crate) solvers: Vec<SolverConfig>,
    /// The text, for messages about what is used later.
    #[serde(skip)]
    pub(super) source: Source,
}

pub(super) type Headers = BTreeMap<Spanned<String>, Spanned<String>>;

/// The table `[archive]`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(crate) struct ArchiveConfig {
    /// A folder or a URL, for [`StoreLocation::folder`](crate::StoreLocation::folder).
    pub(crate) location: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "parsed")]
    pub(crate) codec: Option<CodecKind>,
    pub(crate) level: Option<Spanned<i64>>,
    #[serde(default, deserialize_with = "duration")]
    pub(crate) limit: Option<Duration>,
    /// A path relative to the configuration file.
    pub(crate) spool: Option<Spanned<PathBuf>>,
    pub(crate) spool_limit: Option<u64>,
    pub(crate) spool_keep_free: Option<u64>,
    /// Whether a file in a folder is synced before it counts as archived [default: true].
    pub(crate) sync: Option<bool>,
}

/// A table `[[solver]]`.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(crate) struct SolverConfig {
    pub(crate) name: Spanned<String>,
    /// A URL that `Solver::new` takes.
    pub(super) endpoint: Spanned<String>,
    #[serde(default, deserialize_with = "duration")]
    pub(crate) timeout: Option<Duration>,
    /// The content coding of requests. Identity stands for `auto`.
    #[serde(default, deserialize_with = "encoding")]
    pub(crate) encoding: Option<CodecKind>,
    pub(crate) encoding_level: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) skip_liquidity: bool,
    #[serde(default, deserialize_with = "members")]
    pub(crate) set: Members,
    #[serde(default)]
    pub(super) headers: Option<Spanned<Headers>>,
    /// Added by options.
    #[serde(skip)]
    pub(crate) more_headers: Vec<(HeaderName, HeaderValue)>,
    /// How often a failed request is sent again. More than 100 attempts fit into no deadline.
    #[serde(default, deserialize_with = "within::<_, 0, 100>")]
    pub(super) retries: Option<u32>,
    /// The longest answer in bytes, at most 1 GB: it is held whole.
    #[serde(default, deserialize_with = "within::<_, 1, 1_000_000_000>")]
    pub(super) answer_limit: Option<u32>,
    /// Whether requests have a `Content-Length`. Excludes an encoding.
    pub(crate) length: Option<Spanned<bool>>,
    /// Whether requests use HTTP/2 without negotiation.
    #[serde(default)]
    pub(super) http2: bool,
    #[serde(default, deserialize_with = "lag")]
    pub(super) lag: Option<LagPolicy>,
}

impl SolverConfig {
    pub(crate) fn new(name: &str, endpoint: &str) -> Self {
        Self {
            name: Spanned::new(0..0, name.to_owned()),
            endpoint: Spanned::new(0..0, endpoint.to_owned()),
            timeout: None,
            encoding: None,
            encoding_level: None,
            skip_liquidity: false,
            set: Members::new(),
            headers: None,
            more_headers: Vec::new(),
            retries: None,
            answer_limit: None,
            length: None,
            http2: false,
            lag: None,
        }
    }

    pub(crate) fn set_endpoint(&mut self, endpoint: &str) {
        self.endpoint = Spanned::new(0..0, endpoint.to_owned());
    }

    /// Sends a `Content-Length`, and so no encoding.
    pub(crate) fn set_length(&mut self) {
        self.length = Some(Spanned::new(0..0, true));
        (self.encoding, self.encoding_level) = (None, None);
    }
}

/// A number of this range.
fn within<'de, D: Deserializer<'de>, const LEAST: u32, const MOST: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let found = u32::try_from(number).ok();
    let found = found.filter(|found| (LEAST..=MOST).contains(found));
    let why = || D::Error::custom(format_args!("must be {LEAST} to {MOST}, and is {number}"));
    found.ok_or_else(why).map(Some)
}

/// A string that the type parses itself.
fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::error::Error + 'static>,
{
    let parsed = String::deserialize(deserializer)?.parse().map(Some);
    parsed.map_err(|error| D::Error::custom(error_chain(&error)))
}

/// The name of an enum's variant. TOML would accept a table for an enum too.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer()).map(Some)
}

/// A string such as `15s`, in the range of options.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let parsed = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => parse_duration(&text),
        toml::Value::Integer(number) => Err(format!("has no unit: write \"{number}s\"")),
        other => Err(format!(
            "must be a string, and is of type {}",
            other.type_str()
        )),
    };
    parsed.map(Some).map_err(D::Error::custom)
}

fn encoding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CodecKind>, D::Error> {
    let parsed = parse_encoding(&String::deserialize(deserializer)?);
    parsed.map(Some).map_err(D::Error::custom)
}

/// A table. The check reads its values from the text, since `serde` does not keep all digits of numbers.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    match BTreeMap::<String, IgnoredAny>::deserialize(deserializer)? {
        members if members.contains_key(DATE) => Err(D::Error::custom(IS_DATE)),
        _ => Ok(Vec::new()),
    }
}

/// A lag policy: its name, or a table with `patience` and `then`.
fn lag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LagPolicy>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Patience {
        #[serde(deserialize_with = "duration")]
        patience: Option<Duration>,
        #[serde(default, deserialize_with = "named")]
        then: Option<Then>,
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Then {
        Fail,
        Replay,
    }

    struct Policy;

    impl<'de> Visitor<'de> for Policy {
        type Value = Option<LagPolicy>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string or a table")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
            match name {
                "wait" => Ok(Some(LagPolicy::Wait)),
                "fail" => Ok(Some(LagPolicy::Fail)),
                "replay" => Ok(Some(LagPolicy::Replay)),
                name => Err(E::unknown_variant(name, &["wait", "fail", "replay"])),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
            let table = Patience::deserialize(MapAccessDeserializer::new(table))?;
            let then = match table.then {
                Some(Then::Fail) => AfterPatience::Fail,
                Some(Then::Replay) | None => AfterPatience::Replay,
            };
            let policy = |limit| LagPolicy::Patience { limit, then };
            Ok(table.patience.map(policy))
        }
    }

    deserializer.deserialize_any(Policy)
}
