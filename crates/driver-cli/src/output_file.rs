//! A file that appears when it is complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::Failure;

/// A file to be written: a temporary one beside its target, which shows that it can be written. Dropping it removes it. All
/// methods block.
#[derive(Debug)]
pub(crate) struct OutputFile {
    target: PathBuf,
    temporary: NamedTempFile,
    /// The option or key that names the file, and its path.
    label: String,
}

impl OutputFile {
    /// Opens the file at `path`, which `asked_by`, an option or a key, names. A file that is there stays as it is.
    pub(crate) fn open(path: &Path, asked_by: String) -> Result<Self, Failure> {
        let label = asked_by + ": " + &path.display().to_string();
        let refuse = Failure::input(format!("{label}: cannot be written"));
        let (target, temporary) = create(path).map_err(refuse)?;
        Ok(Self {
            target,
            temporary,
            label,
        })
    }

    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Writes all of the file, and puts it in its place.
    pub(crate) fn write(&self, content: &str) -> Result<(), Failure> {
        let written = self.file().write_all(content.as_bytes());
        self.finish(written)
    }

    /// Puts the file in its place and syncs it, if all of it was `written`. If it fails, what is there stays as it is.
    pub(crate) fn finish(&self, written: io::Result<()>) -> Result<(), Failure> {
        let place = || {
            self.file().sync_all()?;
            fs::rename(self.temporary.path(), &self.target)?;
            if cfg!(unix) {
                let folder = self
                    .target
                    .parent()
                    .filter(|path| !path.as_os_str().is_empty());
                File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            }
            Ok(())
        };
        let placed = written.and_then(|()| place());
        placed.map_err(Failure::of(format!("{}: cannot be written", self.label)))
    }

    /// Fails if the file would replace `input`, a file that the command reads.
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
}

/// Creates the temporary file, and returns the target with it.
fn create(path: &Path) -> io::Result<(PathBuf, NamedTempFile)> {
    // The file that a link leads to is replaced, not the link.
    let target = match fs::canonicalize(path) {
        Ok(target) if target.is_file() => target,
        Ok(_other) => return Err(io::Error::other("is not a file")),
        Err(_missing) => path.to_owned(),
    };
    let Some(name) = target.file_name() else {
        return Err(io::Error::other("names no file"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    // By default, nobody else could read a file of `tempfile`.
    let temporary = tempfile::Builder::new()
        .prefix(&hidden)
        .make_in(target.with_file_name(""), |path| File::create_new(path))?;
    Ok((target, temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<OutputFile, Failure> {
        OutputFile::open(path, "--report".to_owned())
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
