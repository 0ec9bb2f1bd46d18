use std::fmt;
use std::path::PathBuf;

use super::key_path::KeyPath;
use super::position::Position;
use super::problem::Problem;
use crate::error_chain;

/// A mistake in a configuration file, shown as one line: `driver.toml:12:1: solver[1].encoding: no codec is called …`.
///
/// No message repeats what may be secret: endpoints, locations and the values of headers. What a library said is part
/// of the line, so there is no [`source`](std::error::Error::source); it is kept in [`problem`](Self::problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) struct ConfigError {
    /// The file, as the caller named it.
    pub(crate) file: PathBuf,
    /// Where in the file; `None` when it is about the file as a whole.
    pub(crate) position: Option<Position>,
    /// The key that it is about, or the table that lacks something; the root when it is about the text.
    pub(crate) key: KeyPath,
    /// What is wrong.
    pub(crate) problem: Box<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.file.display().to_string();
        if let Some(position) = self.position {
            line = format!("{line}:{position}");
        }
        if !self.key.is_root() {
            line = format!("{line}: {}", self.key);
        }
        line = format!("{line}: {}", error_chain(&*self.problem));
        // A file's name, too, may have line breaks.
        formatter.write_str(&line.replace(char::is_control, " "))
    }
}
