use std::fmt;
use std::path::PathBuf;

use super::key_path::KeyPath;
use super::position::Position;

/// Where something stands in a configuration file, shown as `driver.toml:12:1: archive.location`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, as the caller named it.
    pub(crate) file: PathBuf,
    /// Where in the file; `None` for the file as a whole.
    pub(crate) position: Option<Position>,
    /// The key; the root when it is about the text.
    pub(crate) key: KeyPath,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.file.display().to_string();
        if let Some(position) = self.position {
            line = format!("{line}:{position}");
        }
        if !self.key.is_root() {
            line = format!("{line}: {}", self.key);
        }
        // A file's name, too, may have line breaks.
        formatter.write_str(&line.replace(char::is_control, " "))
    }
}
