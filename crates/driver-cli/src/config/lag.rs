use tee_stream::{AfterPatience, LagPolicy};

use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;

pub(super) const KEYS: [&str; 2] = ["patience", "then"];

/// A lag policy: its name, or a table of patience and what follows it.
///
/// # Errors
/// When it is neither, or there is no such policy.
pub(super) fn lag(entry: &Entry<'_>) -> Result<LagPolicy, ConfigError> {
    if let Some(name) = entry.value.as_str() {
        return match name {
            "wait" => Ok(LagPolicy::Wait),
            "fail" => Ok(LagPolicy::Fail),
            "replay" => Ok(LagPolicy::Replay),
            name => Err(entry.error(Problem::Policy {
                name: name.to_owned(),
                known: "wait, fail and replay",
            })),
        };
    }
    if !entry.value.is_table() {
        return Err(entry.type_error("a string or a table"));
    }
    let section = entry.section()?.allow(&KEYS)?;
    Ok(LagPolicy::Patience {
        limit: section.require("patience")?.duration()?,
        then: section
            .get("then")
            .map_or(Ok(AfterPatience::Replay), |entry| after_patience(&entry))?,
    })
}

fn after_patience(entry: &Entry<'_>) -> Result<AfterPatience, ConfigError> {
    match entry.text()? {
        "fail" => Ok(AfterPatience::Fail),
        "replay" => Ok(AfterPatience::Replay),
        name => Err(entry.error(Problem::Policy {
            name: name.to_owned(),
            known: "fail and replay",
        })),
    }
}
