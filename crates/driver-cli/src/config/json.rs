use serde_json::Value;
use toml::de::DeValue;

use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;

/// Appends the value as JSON: numbers with all their digits, dates and times as strings, tables in the order of the
/// file.
///
/// The depth of recursion is that of the file, which the parser bounds.
///
/// # Errors
/// When a number is one that JSON does not have.
pub(super) fn append_json(entry: &Entry<'_>, json: &mut String) -> Result<(), ConfigError> {
    match entry.value {
        DeValue::String(text) => json.push_str(&Value::from(text.as_ref()).to_string()),
        DeValue::Boolean(switch) => json.push_str(&switch.to_string()),
        DeValue::Datetime(time) => json.push_str(&Value::from(time.to_string()).to_string()),
        DeValue::Integer(integer) => {
            let number = i128::from_str_radix(integer.as_str(), integer.radix());
            let number = number.map_err(|_error| entry.error(Problem::IntegerRange))?;
            json.push_str(&number.to_string());
        }
        DeValue::Float(float) => {
            // TOML's floats are those of JSON, but for a plus sign and those that are no numbers.
            let digits = float.as_str().trim_start_matches('+');
            if !digits.parse().is_ok_and(f64::is_finite) {
                return Err(entry.error(Problem::Number));
            }
            json.push_str(digits);
        }
        DeValue::Array(_) => {
            json.push('[');
            for (index, element) in entry.elements("an array")?.enumerate() {
                if index > 0 {
                    json.push(',');
                }
                append_json(&element, json)?;
            }
            json.push(']');
        }
        DeValue::Table(_) => {
            json.push('{');
            for (index, member) in entry.section()?.entries().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                json.push_str(&Value::from(member.key).to_string());
                json.push(':');
                append_json(&member, json)?;
            }
            json.push('}');
        }
    }
    Ok(())
}
