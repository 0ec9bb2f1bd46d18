use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{OUT_OF_RANGE, Source};
use crate::exit::Failure;
use crate::option_values::{MemberValue, Members, from_now};

/// The members of a table's key `set`, in the order of the file, and their values.
pub(super) fn members(table: &DeTable<'_>, source: &Source) -> Result<Members, Failure> {
    let set = table.get("set").and_then(|set| set.get_ref().as_table());
    let members = set.into_iter().flatten();
    let members = members.map(|(name, value)| {
        if name.get_ref().is_empty() {
            return Err(source.mistake(name, "the member's name is empty"));
        }
        let value = match value.get_ref().as_str().map(from_now) {
            Some(Ok(Some(shift))) => MemberValue::FromNow(shift),
            Some(Err(why)) => {
                return Err(source.mistake(name, format_args!("is not an instant: {why}")));
            }
            _ => MemberValue::Json(json(value, source)?.into()),
        };
        Ok((name.get_ref().to_string(), value))
    });
    members.collect()
}

/// The value as JSON: numbers with all their digits, dates and times as strings, tables in the order of the file. The parser
/// limits the depth of recursion.
fn json(value: &Spanned<DeValue<'_>>, source: &Source) -> Result<String, Failure> {
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()).to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Datetime(time) => Value::from(time.to_string()).to_string(),
        DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_error| source.mistake(value, OUT_OF_RANGE))?
            .to_string(),
        DeValue::Float(float) => {
            // TOML's floats are those of JSON, but for a plus sign and those that are no numbers.
            let digits = float.as_str().trim_start_matches('+');
            if !digits.parse().is_ok_and(f64::is_finite) {
                return Err(source.mistake(value, "JSON has no such number"));
            }
            digits.to_owned()
        }
        DeValue::Array(elements) => {
            let elements = elements.iter().map(|element| json(element, source));
            format!("[{}]", elements.collect::<Result<Vec<_>, _>>()?.join(","))
        }
        DeValue::Table(table) => {
            let members = table.iter().map(|(key, value)| {
                let key = Value::from(key.get_ref().as_ref());
                Ok(format!("{key}:{}", json(value, source)?))
            });
            let members: Result<Vec<_>, Failure> = members.collect();
            format!("{{{}}}", members?.join(","))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;

    use crate::config::Config;

    fn json(value: &str) -> Result<String, String> {
        let now: Timestamp = "2026-08-01T12:00:00.5Z".parse().unwrap();
        let text = format!("set = {{ m = {value} }}");
        let config = Config::parse(Path::new("f"), text.as_bytes());
        let config = config.map_err(|error| error.to_string())?;
        let [(name, value)] = &config.set[..] else {
            panic!("{value}: {}", config.set.len());
        };
        assert_eq!(name, "m");
        let value = value.at(now);
        assert!(serde_json::from_slice::<serde_json::Value>(&value).is_ok());
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
                "f:1:9: set.m: is not an instant: expected number at 0",
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
            ("1e999", "f:1:9: set.m: floating-point number overflowed"),
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
