use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;
use crate::location::StoreLocation;

/// A location as [`StoreLocation::folder`] takes it, with a relative folder taken from the folder of the file.
///
/// # Errors
/// When it is of no known kind, or has credentials in it. Nothing is opened.
pub(super) fn location(entry: &Entry<'_>) -> Result<String, ConfigError> {
    let text = entry.some_text()?;
    StoreLocation::check(text).map_err(|error| entry.error(error))?;
    if text.contains("://") {
        return Ok(text.to_owned());
    }
    let folder = entry.source.folder().join(text);
    folder
        .into_os_string()
        .into_string()
        .map_err(|_folder| entry.error(Problem::Folder))
}
