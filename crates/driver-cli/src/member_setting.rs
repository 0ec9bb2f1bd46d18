use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::exit::Failure;

/// `MEMBER=VALUE`: a name, and the JSON text that replaces its value.
pub(super) fn parse_setting(text: &str, now: Timestamp) -> Result<(String, Bytes), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::usage("--set: is written MEMBER=VALUE"))?;
    let refuse = |why: &str| Failure::usage(format!("--set {name}: {why}"));
    if name.is_empty() {
        return Err(refuse("the member's name is empty"));
    }
    let json = if let Some(instant) =
        instant(value, now).map_err(|why| refuse(&format!("is no instant: {why}")))?
    {
        instant
    } else if serde_json::from_str::<&RawValue>(value).is_ok() {
        value.to_owned()
    } else {
        Value::from(value).to_string()
    };
    Ok((name.to_owned(), Bytes::from(json)))
}

/// `now`, `now+15s` or `now-15s` as a JSON string of RFC 3339; `None` when it is written in no such way. Spaces may stand
/// on either side of the sign.
///
/// # Errors
/// When what follows the sign is no duration, or leads out of the range of instants.
pub(super) fn instant(text: &str, now: Timestamp) -> Result<Option<String>, String> {
    let Some(shift) = text.strip_prefix("now") else {
        return Ok(None);
    };
    let signed = shift.trim_start();
    let (later, duration) = match (signed.strip_prefix('+'), signed.strip_prefix('-')) {
        (Some(duration), _) => (true, duration),
        (_, Some(duration)) => (false, duration),
        _ if shift.is_empty() => (true, "0s"),
        _ => return Ok(None),
    };
    let duration = humantime::parse_duration(duration.trim()).map_err(|error| error.to_string())?;
    let duration = SignedDuration::try_from(duration).map_err(|error| error.to_string())?;
    let shifted = if later {
        now.checked_add(duration)
    } else {
        now.checked_sub(duration)
    };
    let instant = shifted.map_err(|error| error.to_string())?;
    Ok(Some(Value::from(format!("{instant:.3}")).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Option<(String, String)> {
        let now: Timestamp = "2026-08-01T12:00:00.5Z".parse().unwrap();
        let (name, value) = parse_setting(text, now).ok()?;
        Some((name, String::from_utf8(value.to_vec()).unwrap()))
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
