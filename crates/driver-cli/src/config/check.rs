use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{Solver, SolverError, error_chain};
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::config::{Config, Headers, SolverConfig};
use super::mistake::{DATE, IS_DATE, Source};
use super::set_members::members;
use crate::exit::Failure;
use crate::option_values::{as_url, codec_at};
use crate::otlp_export::endpoint_of;
use crate::store_location::StoreLocation;

/// Servers refuse more, and a `HeaderMap` panics at some number.
const MOST_HEADERS: usize = 100;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

impl Config {
    /// Reads and checks a file of at most 1 MiB. Fails at the first mistake.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let refuse = |why: &str| Err(Source::new(path, "").mistake_at(None, why));
        let mut bytes = Vec::new();
        match File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
            Err(error) => refuse(&format!("cannot be read: {}", error_chain(&error))),
            Ok(_) if bytes.len() as u64 > LARGEST => refuse("is larger than 1 MiB"),
            Ok(_) => Self::parse(path, &bytes),
        }
    }

    /// Checks what was read from `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let text = str::from_utf8(bytes).map_err(|error| {
            let end = error.valid_up_to();
            let before = String::from_utf8_lossy(&bytes[..end]);
            Source::new(path, &before).mistake_at(Some(end..end), "is not UTF-8")
        })?;
        // Some editors start a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(path, text);
        let table = DeTable::parse(text).map_err(|error| source.syntax_error(&error))?;
        let mut config = Self::deserialize(toml::de::Deserializer::from(table.clone()))
            .map_err(|error| source.type_error(&error))?;
        config.source = source;
        check(&mut config, table.get_ref())?;
        Ok(config)
    }

    /// Sets up a solver of the file or of the options.
    pub(crate) fn solver(&self, solver: &SolverConfig) -> Result<Solver, Failure> {
        set_up(solver, &self.source)
    }

    /// The place of a value, such as `driver.toml:12:1: archive.location`.
    pub(crate) fn place<T>(&self, value: &Spanned<T>) -> String {
        self.source.place(Some(value.span()))
    }
}

/// Checks what the types of the values do not, resolves relative paths, and reads the values of `set`. Opens nothing.
fn check(config: &mut Config, table: &DeTable<'_>) -> Result<(), Failure> {
    let source = config.source.clone();
    let archive = config.archive.as_mut().map(|archive| archive.get_mut());
    let spool = archive.and_then(|archive| archive.spool.as_mut());
    let is_input = config
        .auction
        .as_ref()
        .is_some_and(|path| path.get_ref().as_os_str() == "-");
    let auction = config.auction.as_mut().filter(|_| !is_input);
    for path in [auction, config.report.as_mut(), spool]
        .into_iter()
        .flatten()
    {
        if path.get_ref().as_os_str().is_empty() {
            return Err(source.mistake(path, "is empty"));
        }
        *path.get_mut() = source.folder().join(path.get_ref());
    }
    if let Some(otlp) = &config.otlp {
        endpoint_of(otlp.get_ref(), "traces").map_err(|why| source.mistake(otlp, why))?;
    }
    config.set = members(table, &source)?;
    if let Some(archive) = &mut config.archive {
        let archive = archive.get_mut();
        if let Some(location) = &mut archive.location {
            *location.get_mut() = folder(location, &source)?;
        }
        leveled(archive.codec, "codec", archive.level.as_ref(), &source)?;
    }
    let tables = table.get("solver");
    let tables = tables.and_then(|value| value.get_ref().as_array());
    let tables = tables.into_iter().flatten();
    let mut names = HashMap::new();
    for (index, (config, table)) in config.solvers.iter_mut().zip(tables).enumerate() {
        if let Some(table) = table.get_ref().as_table() {
            config.set = members(table, &source)?;
        }
        set_up(config, &source)?;
        let name = config.name.get_ref();
        let place = format!("solver[{index}], on line {}", source.line(&config.name));
        if let Some(other) = names.insert(name.clone(), place) {
            let why = format_args!("the name {name:?} is already that of {other}");
            return Err(source.mistake(&config.name, why));
        }
    }
    Ok(())
}

/// Checks the archive's location, and resolves a relative folder.
fn folder(location: &Spanned<String>, source: &Source) -> Result<String, Failure> {
    let text = location.get_ref();
    StoreLocation::check(text).map_err(|error| source.mistake(location, error_chain(&error)))?;
    if text.contains("://") {
        return Ok(text.clone());
    }
    let folder = source.folder().join(text).into_os_string().into_string();
    let why = "the path of the configuration file is not UTF-8";
    folder.map_err(|_| source.mistake(location, why))
}

/// The codec of the key `name` at a level.
fn leveled(
    kind: Option<CodecKind>,
    name: &str,
    level: Option<&Spanned<i64>>,
    source: &Source,
) -> Result<Option<Codec>, Failure> {
    let Some(level) = level else {
        return Ok(kind.map(Codec::default_for));
    };
    let codec = match kind {
        Some(kind) => codec_at(kind, Some(*level.get_ref())),
        None => Err(format!("means nothing without the key {name}")),
    };
    codec.map(Some).map_err(|why| source.mistake(level, why))
}

/// Sets up the solver of a table. No message shows the endpoint or a header's value.
fn set_up(config: &SolverConfig, source: &Source) -> Result<Solver, Failure> {
    let mut solver = Solver::new(config.name.get_ref(), &as_url(config.endpoint.get_ref()))
        .map_err(|error| match error {
            SolverError::Name(_) => source.mistake(&config.name, error_chain(&error)),
            SolverError::Scheme { .. } | SolverError::NoScheme { .. } => {
                let why = "is not an http or https URL: it must begin with http:// or https://";
                source.mistake(&config.endpoint, why)
            }
            error => source.mistake(&config.endpoint, error_chain(&error)),
        })?;
    let level = config.encoding_level.as_ref();
    solver = match leveled(config.encoding, "encoding", level, source)? {
        None => solver,
        Some(Codec::Identity) => solver.with_learned_encoding(),
        Some(codec) => solver.with_encoding(codec),
    };
    if let Some(length) = config.length.as_ref().filter(|length| *length.get_ref()) {
        if config.encoding.is_some() {
            let why = "length and encoding exclude each other: the length of a compressed body is not known before it is sent";
            return Err(source.mistake(length, why));
        }
        solver = solver.with_content_length();
    }
    if let Some(retries) = config.retries {
        solver = solver.with_retries(retries);
    }
    if let Some(bytes) = config.answer_limit {
        solver = solver.with_answer_limit(bytes as usize);
    }
    if let Some(timeout) = config.timeout {
        solver = solver.with_timeout(timeout);
    }
    if config.http2 {
        solver = solver.with_http2();
    }
    if let Some(policy) = config.lag {
        solver = solver.with_lag_policy(policy);
    }
    if let Some(headers) = &config.headers {
        solver = with_headers(solver, headers, source)?;
    }
    for (name, value) in config.more_headers.clone() {
        let with = solver.with_header(name, value);
        solver = with.map_err(Failure::input("--header"))?;
    }
    Ok(solver)
}

fn with_headers(
    mut solver: Solver,
    headers: &Spanned<Headers>,
    source: &Source,
) -> Result<Solver, Failure> {
    let count = headers.get_ref().len();
    if headers.get_ref().keys().any(|name| name.get_ref() == DATE) {
        return Err(source.mistake(headers, IS_DATE));
    }
    if count > MOST_HEADERS {
        let why = format_args!("there are {count} headers, more than {MOST_HEADERS}");
        return Err(source.mistake(headers, why));
    }
    let mut headers: Vec<_> = headers.get_ref().iter().collect();
    headers.sort_by_key(|(key, _)| key.span().start);
    let mut lines = HashMap::new();
    for (key, value) in headers {
        let why =
            "a header's name, which is not shown, has a character that it must not have, or none";
        let name = HeaderName::from_bytes(key.get_ref().as_bytes());
        let name = name.map_err(|_error| source.mistake(key, why))?;
        if let Some(line) = lines.insert(name.clone(), source.line(key)) {
            let why = format_args!("the header is already set, on line {line}");
            return Err(source.mistake(key, why));
        }
        let value = HeaderValue::from_str(value.get_ref()).map_err(|_error| {
            let why = "the header's value, which is not shown, has a character that is neither visible ASCII nor a space";
            source.mistake(key, why)
        })?;
        let why = "the header is the program's to set: it is about the body, the connection or how the answer is encoded";
        let with = solver.with_header(name, value);
        solver = with.map_err(|_reserved| source.mistake(key, why))?;
    }
    Ok(solver)
}
