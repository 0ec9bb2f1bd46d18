use crate::Result;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The text files of the repository, by their path from its root, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    files: BTreeMap<String, String>,
    /// Sizes in bytes of all files, those that are no text included.
    sizes: BTreeMap<String, usize>,
}

impl Repository {
    /// Reads what git tracks, and what is new and not ignored, so that a file is checked before it is
    /// committed.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .map_err(|error| format!("cannot start git: {error}"))?;
        if !listed.status.success() {
            let why = String::from_utf8_lossy(&listed.stderr);
            return Err(format!("git cannot list the files: {}", why.trim()).into());
        }
        let mut repository = Self::default();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            // Deleted but still tracked.
            if !root.join(path).is_file() {
                continue;
            }
            let content = std::fs::read(root.join(path))
                .map_err(|error| format!("cannot read {path}: {error}"))?;
            repository.sizes.insert(path.to_owned(), content.len());
            if let Ok(content) = String::from_utf8(content) {
                repository.files.insert(path.to_owned(), content);
            }
        }
        Ok(repository)
    }

    /// A repository of these files, for tests of the rules.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let mut repository = Self::default();
        for (path, content) in files {
            repository.sizes.insert(path.to_owned(), content.len());
            repository.files.insert(path.to_owned(), content.to_owned());
        }
        repository
    }

    /// Path and content of every text file.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str()))
    }

    /// Path and content of every file of Rust source.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Path and size in bytes of every file.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sizes.iter().map(|(path, size)| (path.as_str(), *size))
    }

    /// The content of a file, or nothing if there is no such file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The folders of the crates meant for others, such as `crates/tee-stream`.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &str> {
        self.members()
            .filter(|folder| folder.starts_with("crates/"))
    }

    /// The folders of all members of the workspace: `crates/*`, and those in the root. A package further
    /// down, such as a comparison with others that has a lock file of its own, is none.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .filter_map(|path| path.strip_suffix("/Cargo.toml"))
            .filter(|folder| {
                let name = folder.strip_prefix("crates/").unwrap_or(folder);
                !name.contains('/')
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn members_are_told_from_packages_further_down() {
        let repository = Repository::of([
            ("Cargo.toml", "[workspace]"),
            ("crates/a/Cargo.toml", ""),
            ("crates/a/bench/Cargo.toml", ""),
            ("tests/Cargo.toml", ""),
        ]);
        let members: Vec<&str> = repository.members().collect();
        assert_eq!(members, ["crates/a", "tests"]);
        let crates: Vec<&str> = repository.crates().collect();
        assert_eq!(crates, ["crates/a"]);
    }
}
