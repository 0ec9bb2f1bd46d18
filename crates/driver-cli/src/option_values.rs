//! Values that options and the configuration file have in common.

use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use bytes::Bytes;
use clap::ValueEnum;
use driver_streaming::{Solver, SolverError};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::exit::Failure;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Text for people.
    Text,
    /// One JSON object on one line.
    Json,
}

/// Top-level members to replace or append, and their values.
pub(crate) type Members = Vec<(String, MemberValue)>;

/// The value of a member that is set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MemberValue {
    Json(Bytes),
    /// The instant at which the auction is sent, shifted by this much.
    FromNow(SignedDuration),
}

impl MemberValue {
    /// The JSON text in an auction that is sent `now`. Instants are strings of RFC 3339.
    pub(crate) fn at(&self, now: Timestamp) -> Bytes {
        match self {
            Self::Json(text) => text.clone(),
            Self::FromNow(shift) => {
                let instant = now.checked_add(*shift).unwrap_or(Timestamp::MAX);
                format!("\"{instant:.3}\"").into()
            }
        }
    }
}

/// The longest duration of an option.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses `15s`, `500ms` or `2m`, of at most a day.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let why = "expected a duration such as 500ms, 15s or 2m";
    let duration = humantime::parse_duration(text).map_err(|_error| why)?;
    if duration.is_zero() || duration > LONGEST {
        return Err("must be more than 0s and at most 1day".to_owned());
    }
    Ok(duration)
}

/// Parses the name of a content coding in HTTP. Identity stands for `auto`.
pub(crate) fn parse_encoding(name: &str) -> Result<CodecKind, String> {
    match name {
        "gzip" => Ok(CodecKind::Gzip),
        "zstd" => Ok(CodecKind::Zstd),
        "br" | "brotli" => Ok(CodecKind::Brotli),
        "auto" => Ok(CodecKind::Identity),
        name => Err(format!(
            "no encoding is called {name:?}, only gzip, zstd, br and auto"
        )),
    }
}

/// A codec at a level, or at its default level.
pub(crate) fn codec_at(kind: CodecKind, level: Option<i64>) -> Result<Codec, String> {
    let Some(level) = level else {
        return Ok(Codec::default_for(kind));
    };
    let fitting = u8::try_from(level).ok();
    let codec = fitting.and_then(|level| Codec::with_level(kind, level).ok());
    // The codec's own error cannot show a level that does not fit its type.
    codec.ok_or_else(|| match kind.levels() {
        Some(levels) => {
            let (first, last) = levels.into_inner();
            format!("{kind} has no level {level}, only {first} to {last}")
        }
        None => format!("{kind} has no levels, so none of {level}"),
    })
}

/// Parses `MEMBER=VALUE` into a name and its value.
pub(crate) fn parse_setting(text: &str) -> Result<(String, MemberValue), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::usage("--set: expected MEMBER=VALUE"))?;
    let refuse = |why: &str| Failure::usage(format!("--set {name}: {why}"));
    if name.is_empty() {
        return Err(refuse("the member's name is empty"));
    }
    let value = match from_now(value) {
        Ok(Some(shift)) => MemberValue::FromNow(shift),
        Ok(None) if serde_json::from_str::<&RawValue>(value).is_ok() => {
            MemberValue::Json(value.to_owned().into())
        }
        Ok(None) => MemberValue::Json(Value::from(value).to_string().into()),
        Err(why) => return Err(refuse(&format!("is not an instant: {why}"))),
    };
    Ok((name.to_owned(), value))
}

/// Parses `now`, `now+15s` or `now - 15s` into the shift. Returns `None` for other texts.
pub(crate) fn from_now(text: &str) -> Result<Option<SignedDuration>, String> {
    let Some(shift) = text.strip_prefix("now") else {
        return Ok(None);
    };
    let signed = shift.trim_start();
    let (sign, duration) = match (signed.strip_prefix('+'), signed.strip_prefix('-')) {
        (Some(duration), _) => (1, duration),
        (_, Some(duration)) => (-1, duration),
        _ if shift.is_empty() => (1, "0s"),
        _ => return Ok(None),
    };
    let duration = humantime::parse_duration(duration.trim()).map_err(|error| error.to_string())?;
    let duration = SignedDuration::try_from(duration).map_err(|error| error.to_string())?;
    let shift = duration * sign;
    let shifted = Timestamp::now().checked_add(shift);
    shifted.map_err(|error| error.to_string())?;
    Ok(Some(shift))
}

/// Parses `NAME=URL`.
pub(crate) fn parse_solver(text: &str) -> Result<(&str, &str), SolverError> {
    match text.split_once('=') {
        Some((name, endpoint)) if !name.contains("://") => {
            Solver::new(name, &as_url(endpoint)).map(|_| (name, endpoint))
        }
        _ => Err(SolverError::NoName),
    }
}

/// Encodes an endpoint's host and path in ASCII, if it is a URL.
pub(crate) fn as_url(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| endpoint.to_owned(), String::from)
}

/// `common`, in which members of `own` replace those of the same name or are added.
pub(crate) fn merged(common: &Members, own: &Members) -> Members {
    let mut members = common.clone();
    for (name, value) in own {
        match members.iter_mut().find(|(other, _)| other == name) {
            Some((_, replaced)) => *replaced = value.clone(),
            None => members.push((name.clone(), value.clone())),
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_has_a_unit_and_a_sense() {
        assert_eq!(parse_duration("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "15", "0s", "-1s", "2days", "x", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refused_levels_are_repeated_as_they_were_given() {
        for (kind, level, message) in [
            (CodecKind::Gzip, 10, "gzip has no level 10, only 1 to 9"),
            (CodecKind::Gzip, -1, "gzip has no level -1, only 1 to 9"),
            (CodecKind::Zstd, 300, "zstd has no level 300, only 1 to 22"),
            (
                CodecKind::Identity,
                300,
                "identity has no levels, so none of 300",
            ),
        ] {
            assert_eq!(codec_at(kind, Some(level)), Err(message.to_owned()));
        }
    }

    fn set(text: &str) -> Option<(String, String)> {
        let now: Timestamp = "2026-08-01T12:00:00.5Z".parse().unwrap();
        let (name, value) = parse_setting(text).ok()?;
        Some((name, String::from_utf8(value.at(now).to_vec()).unwrap()))
    }

    #[test]
    fn values_are_instants_or_json_or_text() {
        for (text, value) in [
            ("d=now+15s", r#""2026-08-01T12:00:15.500Z""#),
            ("d=now-1m", r#""2026-08-01T11:59:00.500Z""#),
            ("d=now", r#""2026-08-01T12:00:00.500Z""#),
            ("d=now + 15s", r#""2026-08-01T12:00:15.500Z""#),
            ("d=now - 1m 30s", r#""2026-08-01T11:58:30.500Z""#),
            ("d=now +1s ", r#""2026-08-01T12:00:01.500Z""#),
            ("d=now or later", r#""now or later""#),
            ("d=nowhere", r#""nowhere""#),
            ("d=1.50", "1.50"),
            ("d=null", "null"),
            (r#"d={"a":[1]}"#, r#"{"a":[1]}"#),
            ("d=a=b", r#""a=b""#),
            ("d=", r#""""#),
            (r#"d=say "x""#, r#""say \"x\"""#),
        ] {
            assert_eq!(
                set(text),
                Some(("d".to_owned(), value.to_owned())),
                "{text}"
            );
        }
        for text in [
            "d",
            "=1",
            "d=now+x",
            "d=now + x",
            "d=now -",
            "d=now+-1s",
            "d=now+99999999999999999999s",
            "d=now+9999999999999s",
        ] {
            assert_eq!(set(text), None, "{text}");
        }
    }
}
