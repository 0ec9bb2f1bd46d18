use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use archive_sink::CodecKind;
use driver_streaming::{Solver, error_chain};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use tee_stream::{AfterPatience, LagPolicy};
use toml::Spanned;
use toml::de::DeTable;

use super::check::{self, check};
use super::mistake::{DATE, IS_DATE, Source};
use crate::arguments::Format;
use crate::exit::Failure;
use crate::option_values::{Members, parse_duration, parse_encoding};
use driver_streaming::AuctionId;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A configuration file, checked. What is absent there is absent here, or has the value that the field says.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct Config {
    /// The file to send, a relative one taken from the folder of this file; `-` for standard input.
    pub(crate) auction: Option<Spanned<PathBuf>>,
    #[serde(default, deserialize_with = "parsed")]
    pub(crate) id: Option<AuctionId>,
    #[serde(default, deserialize_with = "duration")]
    pub(crate) deadline: Option<Duration>,
    #[serde(default, deserialize_with = "named")]
    pub(crate) format: Option<Format>,
    /// The file to write a page to, a relative one taken from the folder of this file.
    pub(crate) report: Option<Spanned<PathBuf>>,
    /// An http or https URL, where telemetry is exported to.
    pub(crate) otlp: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "members")]
    pub(crate) set: Members,
    pub(crate) archive: Option<Spanned<ArchiveConfig>>,
    /// Each `[[solver]]`, in the order of the file; no two have the same name.
    #[serde(default, rename = "solver")]
    pub(crate) solvers: Vec<SolverConfig>,
    /// What the file says, for messages about what is put to use later.
    #[serde(skip)]
    pub(super) source: Source,
}

pub(super) type Headers = BTreeMap<Spanned<String>, Spanned<String>>;

/// `[archive]`: where a copy is kept, and how.
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
    /// The folder that copies are written to first, a relative one taken from the folder of this file.
    pub(crate) spool: Option<Spanned<PathBuf>>,
    pub(crate) spool_limit: Option<u64>,
    /// How many bytes of its disk stay free.
    pub(crate) spool_keep_free: Option<u64>,
    /// Whether what is archived in a folder is on the disk before it counts as archived: yes.
    pub(crate) sync: Option<bool>,
}

/// A `[[solver]]`: where an engine is, and how it is sent auctions.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(crate) struct SolverConfig {
    /// A name that no other solver of the file has.
    pub(crate) name: Spanned<String>,
    /// A URL that [`Solver::new`] takes.
    pub(super) endpoint: Spanned<String>,
    /// Its own limit within the deadline.
    #[serde(default, deserialize_with = "duration")]
    pub(crate) timeout: Option<Duration>,
    /// The content coding of its requests; identity stands for `auto`.
    #[serde(default, deserialize_with = "encoding")]
    pub(crate) encoding: Option<CodecKind>,
    pub(crate) encoding_level: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) skip_liquidity: bool,
    #[serde(default, deserialize_with = "members")]
    pub(crate) set: Members,
    /// None that describes the body or the connection.
    #[serde(default)]
    pub(super) headers: Option<Spanned<Headers>>,
    /// How often a failed request is sent again, 0 to 100.
    pub(super) retries: Option<Spanned<i64>>,
    /// The longest answer that is taken, 1 byte to 1 GB.
    pub(super) answer_limit: Option<Spanned<i64>>,
    /// Whether requests have a `Content-Length`; never with an encoding.
    pub(crate) length: Option<Spanned<bool>>,
    /// Whether requests are sent by HTTP/2 without asking first.
    #[serde(default)]
    pub(super) http2: bool,
    /// What happens when it falls behind the others.
    #[serde(default, deserialize_with = "lag")]
    pub(super) lag: Option<LagPolicy>,
}

impl SolverConfig {
    /// A solver of which no more than name and endpoint is known.
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
            retries: None,
            answer_limit: None,
            length: None,
            http2: false,
            lag: None,
        }
    }

    /// Replaces the endpoint, by one that [`Solver::new`] takes.
    pub(crate) fn set_endpoint(&mut self, endpoint: &str) {
        self.endpoint = Spanned::new(0..0, endpoint.to_owned());
    }

    /// Has requests sent with a `Content-Length`, and so without an encoding.
    pub(crate) fn set_length(&mut self) {
        self.length = Some(Spanned::new(0..0, true));
        (self.encoding, self.encoding_level) = (None, None);
    }
}

impl Config {
    /// Reads a file of at most 1 MiB.
    ///
    /// Blocks while it reads. Nothing else is opened, connected to or created.
    ///
    /// # Errors
    /// At the first mistake, if the file cannot be read or anything in it is unknown, of the wrong type or out of range.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let refuse = |why: &str| Err(Source::new(path, "").mistake_at(None, why));
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
            Err(error) => refuse(&format!("cannot be read: {}", error_chain(&error))),
            Ok(_) if bytes.len() as u64 > LARGEST => refuse("is larger than 1 MiB"),
            Ok(_) => Self::parse(path, &bytes),
        }
    }

    /// The same, of what was read from `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let text = str::from_utf8(bytes).map_err(|error| {
            let end = error.valid_up_to();
            let before = String::from_utf8_lossy(&bytes[..end]);
            Source::new(path, &before).mistake_at(Some(end..end), "is not UTF-8")
        })?;
        // Some editors begin a file with a mark that is no part of its text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(path, text);
        let table = DeTable::parse(text).map_err(|error| source.syntax_error(&error))?;
        let mut config = Self::deserialize(toml::de::Deserializer::from(table.clone()))
            .map_err(|error| source.type_error(&error))?;
        config.source = source;
        check(&mut config, table.get_ref())?;
        Ok(config)
    }

    /// One of the solvers, as the file asks for it.
    ///
    /// # Errors
    /// None that reading the file has not found.
    pub(crate) fn solver(&self, solver: &SolverConfig) -> Result<Solver, Failure> {
        check::solver(solver, &self.source)
    }

    /// Where the key of this value stands, such as `driver.toml:12:1: archive.location`.
    pub(crate) fn place<T>(&self, value: &Spanned<T>) -> String {
        self.source.place(Some(value.span()))
    }
}

/// A text that the type reads itself.
fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::error::Error + 'static>,
{
    let parsed = String::deserialize(deserializer)?.parse().map(Some);
    parsed.map_err(|error| D::Error::custom(error_chain(&error)))
}

/// One of an enum's names. An enum by itself could be a table, too.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer()).map(Some)
}

/// A text such as `15s`, within the range that options have.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    struct WithUnit;

    impl Visitor<'_> for WithUnit {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            parse_duration(text).map_err(E::custom)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
            Err(E::custom(format_args!("has no unit: write \"{number}s\"")))
        }
    }

    deserializer.deserialize_any(WithUnit).map(Some)
}

fn encoding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CodecKind>, D::Error> {
    let parsed = parse_encoding(&String::deserialize(deserializer)?);
    parsed.map(Some).map_err(D::Error::custom)
}

/// A table, whose values the check reads from the text: `serde` has no numbers with all their digits.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    match BTreeMap::<String, IgnoredAny>::deserialize(deserializer)? {
        // As `serde` is shown dates.
        members if members.contains_key(DATE) => Err(D::Error::custom(IS_DATE)),
        _ => Ok(Vec::new()),
    }
}

/// A lag policy: its name, or a table of patience and what follows it.
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
