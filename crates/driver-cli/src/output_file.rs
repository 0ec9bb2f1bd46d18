use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::Failure;

/// Where the report will be. Until then a temporary file beside it shows that it can be written; dropping removes it.
#[derive(Debug)]
pub(crate) struct ReportFile {
    target: PathBuf,
    temporary: NamedTempFile,
    /// What errors begin with: the option or the key that asks for the report, and its path.
    label: String,
}

impl ReportFile {
    /// Opens the report at `path` for `asked_by`, an option or a key. Leaves alone what is there already. Blocks.
    pub(crate) fn open(path: &Path, asked_by: String) -> Result<Self, Failure> {
        let label = asked_by + ": " + &path.display().to_string();
        let refuse = Failure::input(format!("{label}: cannot be written"));
        let (target, temporary) = Self::create(path).map_err(refuse)?;
        Ok(Self {
            target,
            temporary,
            label,
        })
    }

    /// Puts the report in its place, whole or not at all: what is there stays as it is when this fails. Blocks.
    pub(crate) fn write(&self, html: &str) -> Result<(), Failure> {
        let written = (self.temporary.as_file())
            .write_all(html.as_bytes())
            .and_then(|()| fs::rename(self.temporary.path(), &self.target));
        written.map_err(Failure::of(format!("{}: cannot be written", self.label)))
    }

    /// Fails when the report would take the place of `input`, a file that the command reads. Blocks.
    pub(crate) fn spare(&self, input: &Path) -> Result<(), Failure> {
        // Whoever reads the input reports that it is missing.
        match fs::canonicalize(input) {
            Ok(found) if found == self.target => {
                let line = "is what the command reads, and would be replaced";
                Err(Failure::usage(format!("{}: {line}", self.label)))
            }
            _ => Ok(()),
        }
    }

    /// The file that is to be, and the one beside it.
    pub(crate) fn create(path: &Path) -> io::Result<(PathBuf, NamedTempFile)> {
        // What a link leads to is replaced, not the link.
        let target = match fs::canonicalize(path) {
            Ok(target) if target.is_file() => target,
            Ok(_other) => return Err(io::Error::other("is no file")),
            Err(_missing) => path.to_owned(),
        };
        let Some(name) = target.file_name() else {
            return Err(io::Error::other("names no file"));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        // Created as any other file: one of `tempfile` could be read by nobody else.
        let temporary = tempfile::Builder::new()
            .prefix(&hidden)
            .make_in(target.with_file_name(""), |path| File::create_new(path))?;
        Ok((target, temporary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<ReportFile, Failure> {
        ReportFile::open(path, "--report".to_owned())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn is_there_when_it_is_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        drop(open(&path).unwrap());
        assert!(names(folder.path()).is_empty());
        for text in ["first", "second"] {
            let report = open(&path).unwrap();
            report.write(text).unwrap();
            drop(report);
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(folder.path()), ["report.html"]);
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused_at_once_or_later() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["missing/report.html", "", "..", "/"] {
            assert!(open(&folder.path().join(path)).is_err(), "{path}");
        }
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let report = open(&inner.join("report.html")).unwrap();
        fs::remove_dir_all(&inner).unwrap();
        assert!(report.write("text").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        open(&link).unwrap().write("new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.is_symlink());
    }
}
