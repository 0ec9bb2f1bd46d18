use bytes::Bytes;
use jiff::Timestamp;

use super::config_error::ConfigError;
use super::entry::Entry;
use super::json::append_json;
use super::problem::Problem;
use crate::member_setting::instant;

/// The members that a table sets, in the order of the file, and the JSON text of their values.
///
/// The parser has refused a member that is set twice.
///
/// # Errors
/// When the value is no table, a name is empty, or a value has no JSON.
pub(super) fn members(
    entry: &Entry<'_>,
    now: Timestamp,
) -> Result<Vec<(String, Bytes)>, ConfigError> {
    let section = entry.section()?;
    section
        .entries()
        .map(|member| {
            if member.key.is_empty() {
                return Err(member.error(Problem::MemberName));
            }
            let json = json_of(&member, now)?;
            Ok((member.key.to_owned(), Bytes::from(json)))
        })
        .collect()
}

fn json_of(member: &Entry<'_>, now: Timestamp) -> Result<String, ConfigError> {
    if let Some(text) = member.value.as_str() {
        let instant =
            instant(text, now).map_err(|message| member.error(Problem::Instant { message }))?;
        if let Some(json) = instant {
            return Ok(json);
        }
    }
    let mut json = String::new();
    append_json(member, &mut json)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn json(value: &str) -> Result<String, String> {
        let now: Timestamp = "2026-08-01T12:00:00.5Z".parse().unwrap();
        let text = format!("set = {{ m = {value} }}");
        let config = Config::parse(Path::new("f"), text.as_bytes(), now)
            .map_err(|error| error.to_string())?;
        let [(name, value)] = &config.set[..] else {
            panic!("{value}: {config:?}");
        };
        assert_eq!(name, "m");
        assert!(serde_json::from_slice::<serde_json::Value>(value).is_ok());
        Ok(String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn values_become_instants_or_json() {
        for (value, expected) in [
            ("'now'", r#""2026-08-01T12:00:00.500Z""#),
            ("'now+15s'", r#""2026-08-01T12:00:15.500Z""#),
            ("'now-1m'", r#""2026-08-01T11:59:00.500Z""#),
            ("'now + 15s'", r#""2026-08-01T12:00:15.500Z""#),
            (
                "'now - later'",
                "f:1:9: set.m: is no instant: expected number at 0",
            ),
            ("'nowhere'", r#""nowhere""#),
            ("''", r#""""#),
            (r#"'say "x"'"#, r#""say \"x\"""#),
            ("'1'", r#""1""#),
            ("true", "true"),
            ("1_000", "1000"),
            ("-0", "0"),
            ("0xff", "255"),
            (
                "340282366920938463463374607431768211455",
                "f:1:9: set.m: the integer is out of range",
            ),
            (
                "170141183460469231731687303715884105727",
                "170141183460469231731687303715884105727",
            ),
            ("+1.50", "1.50"),
            ("-1e06", "-1e06"),
            ("1e999", "f:1:9: set.m: JSON has no such number"),
            ("inf", "f:1:9: set.m: JSON has no such number"),
            ("+inf", "f:1:9: set.m: JSON has no such number"),
            ("nan", "f:1:9: set.m: JSON has no such number"),
            ("1979-05-27T07:32:00Z", r#""1979-05-27T07:32:00Z""#),
            ("1979-05-27", r#""1979-05-27""#),
            ("[1, 'now', [], {}]", r#"[1,"now",[],{}]"#),
            (
                "{ z = 1, a.b = 2, \"\" = 3, a.c = [nan] }",
                "f:1:46: set.m.a.c[0]: JSON has no such number",
            ),
            (
                "{ z = 1, a.b = 2, \"\" = 3, a.c = 'x' }",
                r#"{"z":1,"a":{"b":2,"c":"x"},"":3}"#,
            ),
        ] {
            let found = json(value);
            assert_eq!(found.unwrap_or_else(|error| error), expected, "{value}");
        }
    }
}
