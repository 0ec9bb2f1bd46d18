use crate::Result;
use std::collections::BTreeMap;
use xshell::{Shell, cmd};

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
    pub(crate) fn read(shell: &Shell) -> Result<Self> {
        let git = cmd!(
            shell,
            "git ls-files -z --cached --others --exclude-standard"
        );
        let mut repository = Self::default();
        for path in git.quiet().read()?.split_terminator('\0') {
            // Deleted but still tracked.
            if !shell.path_exists(path) {
                continue;
            }
            let content = shell.read_binary_file(path)?;
            repository.sizes.insert(path.to_owned(), content.len());
            if let Ok(content) = String::from_utf8(content) {
                repository.files.insert(path.to_owned(), content);
            }
        }
        Ok(repository)
    }

    /// A repository of these files, for tests of the rules.
    #[cfg(test)]
    pub(crate) fn of<P: Into<String>, T: Into<String>, const N: usize>(files: [(P, T); N]) -> Self {
        let mut repository = Self::default();
        for (path, content) in files.map(|(path, content)| (path.into(), content.into())) {
            repository.sizes.insert(path.clone(), content.len());
            repository.files.insert(path, content);
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

    /// The folders of all members of the workspace: those in the root, in `crates/` and in `tests/`. A package elsewhere,
    /// such as one of the benchmarks, which have a lock file of their own, is none.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .filter_map(|path| path.strip_suffix("/Cargo.toml"))
            .filter(|folder| {
                let name = ["crates/", "tests/"]
                    .iter()
                    .find_map(|parent| folder.strip_prefix(parent));
                !name.unwrap_or(folder).contains('/')
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
            ("bench/b/Cargo.toml", ""),
            ("tests/Cargo.toml", ""),
            ("tests/soak/Cargo.toml", ""),
        ]);
        let members: Vec<&str> = repository.members().collect();
        assert_eq!(members, ["crates/a", "tests", "tests/soak"]);
        let crates: Vec<&str> = repository.crates().collect();
        assert_eq!(crates, ["crates/a"]);
    }
}
