use url::Url;

use super::config_error::ConfigError;
use super::entry::Entry;
use super::problem::Problem;
use crate::archive::LocationError;

/// The schemes that [`StoreLocation`](crate::StoreLocation) knows.
const SCHEMES: [&str; 5] = ["file", "memory", "s3", "gs", "az"];

/// A location as [`StoreLocation::folder`](crate::StoreLocation::folder) takes it, with a relative folder taken from
/// the folder of the file.
///
/// # Errors
/// When it is of no known kind. Nothing is opened.
pub(super) fn location(entry: &Entry<'_>) -> Result<String, ConfigError> {
    let text = entry.some_text()?;
    if text.contains("://") {
        let url = Url::parse(text).map_err(|error| entry.error(LocationError::Url(error)))?;
        if !SCHEMES.contains(&url.scheme()) {
            let scheme = url.scheme().to_owned();
            return Err(entry.error(LocationError::Scheme { scheme }));
        }
        return Ok(text.to_owned());
    }
    let lacks_slashes = |scheme: &&str| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    if let Some(scheme) = SCHEMES.into_iter().find(|scheme| lacks_slashes(scheme)) {
        return Err(entry.error(LocationError::NoSlashes { scheme }));
    }
    let folder = entry.source.folder().join(text);
    folder
        .into_os_string()
        .into_string()
        .map_err(|_folder| entry.error(Problem::Folder))
}
