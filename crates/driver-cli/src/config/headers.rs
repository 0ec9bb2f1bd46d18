use std::collections::HashMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;
use driver_streaming::Solver;

/// More would be refused by servers, and a [`HeaderMap`] has a limit, too, beyond which it panics.
const MOST: usize = 100;

/// The headers that a table lists, their values marked as sensitive.
///
/// # Errors
/// When the value is no table of strings, there are more than 100, or one is no header, is reserved, or is there twice
/// in different case. No message shows a value.
pub(super) fn headers(entry: &Entry<'_>) -> Result<HeaderMap, ConfigError> {
    let section = entry.section()?;
    let count = section.table.len();
    if count > MOST {
        return Err(entry.error(Problem::TooManyHeaders { count, limit: MOST }));
    }
    let mut headers = HeaderMap::with_capacity(count);
    let mut offsets = HashMap::with_capacity(count);
    for header in section.entries() {
        // Somebody may have written the value into the name, so such a name is not shown.
        let name = HeaderName::from_bytes(header.key.as_bytes()).map_err(|_error| {
            let table = section.path.clone();
            header
                .source
                .error(header.offset, table, Problem::HeaderName)
        })?;
        if Solver::is_reserved_header(&name) {
            return Err(header.error(Problem::ReservedHeader));
        }
        if let Some(offset) = offsets.insert(name.clone(), header.offset) {
            let line = header.source.line(offset);
            return Err(header.error(Problem::HeaderTwice { line }));
        }
        let mut value = HeaderValue::from_str(header.text()?)
            .map_err(|_error| header.error(Problem::HeaderValue))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
