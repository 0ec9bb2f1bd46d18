use std::path::Path;

use super::config_error::ConfigError;
use super::key_path::KeyPath;
use super::place::Place;
use super::position::Position;
use super::problem::Problem;

/// The file that is read: what errors need to say where they are.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text }
    }

    pub(super) fn file(self) -> &'a Path {
        self.file
    }

    /// The folder that relative paths in the file start from.
    pub(super) fn folder(self) -> &'a Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The line, from 1, of the byte at `offset`. Costs a pass over what lies before, so it is for errors.
    pub(super) fn line(self, offset: usize) -> usize {
        Position::of(self.text, offset).line
    }

    /// An error about what stands at `offset`, in bytes.
    pub(super) fn error(self, offset: usize, key: KeyPath, problem: Problem) -> ConfigError {
        ConfigError {
            place: self.place(offset, key),
            problem: Box::new(problem),
        }
    }

    /// Where `key` stands, at `offset`, in bytes.
    pub(super) fn place(self, offset: usize, key: KeyPath) -> Place {
        Place {
            file: self.file.to_owned(),
            position: Some(Position::of(self.text, offset)),
            key,
        }
    }

    /// An error about the file as a whole.
    pub(super) fn error_of_file(file: &Path, problem: Problem) -> ConfigError {
        let place = Place {
            file: file.to_owned(),
            position: None,
            key: KeyPath::root(),
        };
        ConfigError {
            place,
            problem: Box::new(problem),
        }
    }
}
