use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use toml::de::DeTable;
use url::Url;

use super::archive_config::ArchiveConfig;
use super::config_error::ConfigError;
use super::entry::Entry;
use super::key_path::KeyPath;
use super::members::members;
use super::placed::Placed;
use super::problem::Problem;
use super::section::Section;
use super::solver_config::SolverConfig;
use super::source::Source;
use crate::arguments::Format;
use crate::auction::AuctionId;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

pub(super) const KEYS: [&str; 9] = [
    "auction", "id", "deadline", "format", "report", "otlp", "set", "archive", "solver",
];

/// A configuration file, checked. What is absent there is absent here, or has the value that the field says.
///
/// Its debug output does not show the endpoint for telemetry, which may carry a password.
#[derive(Clone)]
pub(crate) struct Config {
    /// `auction`: the file to send, a relative one taken from the folder of this file; `-` for standard input.
    pub(crate) auction: Option<PathBuf>,
    /// `id`: the auction's id.
    pub(crate) id: Option<AuctionId>,
    /// `deadline`: when every solver must have answered.
    pub(crate) deadline: Option<Duration>,
    /// `format`: how the outcome is printed.
    pub(crate) format: Option<Format>,
    /// `report`: the file to write a page to, a relative one taken from the folder of this file.
    pub(crate) report: Option<Placed<PathBuf>>,
    /// `otlp`: an http or https URL, where telemetry is exported to.
    pub(crate) otlp: Option<String>,
    /// `set`: members to replace or append for all solvers, in the order of the file, and the JSON text of their values.
    pub(crate) set: Vec<(String, Bytes)>,
    /// `[archive]`.
    pub(crate) archive: Option<Placed<ArchiveConfig>>,
    /// Each `[[solver]]`, in the order of the file; no two have the same name.
    pub(crate) solvers: Vec<SolverConfig>,
}

impl Config {
    /// Reads a file of at most 1 MiB. Values of `set` such as `now+15s` are instants from `now`.
    ///
    /// Blocks while it reads. Nothing else is opened, connected to or created.
    ///
    /// # Errors
    /// At the first mistake, if the file cannot be read or anything in it is unknown, of the wrong type or out of range.
    pub(crate) fn load(path: &Path, now: Timestamp) -> Result<Self, ConfigError> {
        let refuse = |problem| Source::error_of_file(path, problem);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| refuse(Problem::Read(error)))?;
        if bytes.len() as u64 > LARGEST {
            return Err(refuse(Problem::TooLarge));
        }
        Self::parse(path, &bytes, now)
    }

    /// The same, of what was read from `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8], now: Timestamp) -> Result<Self, ConfigError> {
        let text = utf8(path, bytes)?;
        let source = Source::new(path, text);
        let table = DeTable::parse(text).map_err(|error| syntax_error(source, text, &error))?;
        let section = Section {
            source,
            path: KeyPath::root(),
            offset: 0,
            table: table.get_ref(),
        };
        Self::read(&section.allow(&KEYS)?, now)
    }

    fn read(section: &Section<'_>, now: Timestamp) -> Result<Self, ConfigError> {
        let auction = section.get("auction").map(|entry| auction(&entry));
        let id = section.get("id").map(|entry| id(&entry));
        let deadline = section.get("deadline").map(|entry| entry.duration());
        let format = section.get("format").map(|entry| format(&entry));
        let report = section.get("report").map(|entry| report(&entry));
        let otlp = section.get("otlp").map(|entry| otlp(&entry));
        let set = section.get("set").map(|entry| members(&entry, now));
        let archive = section
            .get("archive")
            .map(|entry| Ok(entry.placed(ArchiveConfig::read(&entry)?)));
        let solvers = section.get("solver").map(|entry| solvers(&entry, now));
        Ok(Self {
            auction: auction.transpose()?,
            id: id.transpose()?,
            deadline: deadline.transpose()?,
            format: format.transpose()?,
            report: report.transpose()?,
            otlp: otlp.transpose()?,
            set: set.transpose()?.unwrap_or_default(),
            archive: archive.transpose()?,
            solvers: solvers.transpose()?.unwrap_or_default(),
        })
    }
}

fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    let refused = match str::from_utf8(bytes) {
        // Some editors begin a file with a mark that is no part of its text.
        Ok(text) => return Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => error.valid_up_to(),
    };
    let before = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Err(Source::new(path, before).error(refused, KeyPath::root(), Problem::NotUtf8))
}

fn syntax_error(source: Source<'_>, text: &str, error: &toml::de::Error) -> ConfigError {
    let message = error.message().to_owned();
    let Some(span) = error.span() else {
        return Source::error_of_file(source.file(), Problem::Syntax { message });
    };
    // The one mistake whose place is a key.
    let key = match text.get(span.clone()) {
        Some(key) if message == "duplicate key" => {
            KeyPath::root().key(key.trim_matches(['"', '\'']))
        }
        _ => KeyPath::root(),
    };
    source.error(span.start, key, Problem::Syntax { message })
}

fn auction(entry: &Entry<'_>) -> Result<PathBuf, ConfigError> {
    Ok(match entry.some_text()? {
        "-" => PathBuf::from("-"),
        path => entry.source.folder().join(path),
    })
}

fn id(entry: &Entry<'_>) -> Result<AuctionId, ConfigError> {
    entry
        .text()?
        .parse()
        .map_err(|error| entry.error(Problem::AuctionId(error)))
}

fn format(entry: &Entry<'_>) -> Result<Format, ConfigError> {
    match entry.text()? {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        name => {
            let name = name.to_owned();
            Err(entry.error(Problem::Format { name }))
        }
    }
}

fn report(entry: &Entry<'_>) -> Result<Placed<PathBuf>, ConfigError> {
    let path = entry.source.folder().join(entry.some_text()?);
    Ok(entry.placed(path))
}

fn otlp(entry: &Entry<'_>) -> Result<String, ConfigError> {
    let text = entry.text()?;
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        _ => Err(entry.error(Problem::Endpoint)),
    }
}

fn solvers(entry: &Entry<'_>, now: Timestamp) -> Result<Vec<SolverConfig>, ConfigError> {
    let mut solvers = Vec::new();
    let mut names = HashMap::new();
    for (index, element) in entry
        .elements("an array of tables, each written [[solver]]")?
        .enumerate()
    {
        let solver = SolverConfig::read(&element, now)?;
        // It has just been read, so it is there.
        let name = element.section()?.require("name")?;
        if let Some((index, offset)) = names.insert(solver.name.clone(), (index, name.offset)) {
            return Err(name.error(Problem::NameTaken {
                name: solver.name,
                index,
                line: name.source.line(offset),
            }));
        }
        solvers.push(solver);
    }
    Ok(solvers)
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("auction", &self.auction)
            .field("id", &self.id)
            .field("deadline", &self.deadline)
            .field("format", &self.format)
            .field("report", &self.report)
            .field("otlp", &self.otlp.as_ref().map(|_endpoint| "***"))
            .field("set", &self.set)
            .field("archive", &self.archive)
            .field("solvers", &self.solvers)
            .finish()
    }
}
