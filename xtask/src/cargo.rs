use crate::Result;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that is shown before it is run, and whose failure is an error.
#[derive(Debug)]
pub(crate) struct Shown {
    command: Command,
    line: String,
}

impl Shown {
    /// The cargo that runs us, in the root of the workspace.
    pub(crate) fn cargo(root: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::program(&cargo, "cargo", root)
    }

    /// A program, in the root of the workspace, shown by this name.
    pub(crate) fn program(program: impl AsRef<OsStr>, name: &str, root: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root);
        Self {
            command,
            line: name.to_owned(),
        }
    }

    /// Adds words, separated by spaces.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.command.args(words.split_whitespace());
        self.line.push(' ');
        self.line.push_str(words);
        self
    }

    /// Adds one word, whatever it contains.
    pub(crate) fn path(mut self, path: &Path) -> Self {
        self.command.arg(path);
        self.line.push_str(&format!(" {}", path.display()));
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.line = format!("{name}=\"{value}\" {}", self.line);
        self
    }

    /// Runs it to its end. Its output goes where ours goes.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not end with success.
    pub(crate) fn run(self) -> Result {
        if self.succeeds()? {
            Ok(())
        } else {
            Err("it did not succeed; see above".into())
        }
    }

    /// Runs it to its end, and says whether it succeeded.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn succeeds(mut self) -> Result<bool> {
        eprintln!("    {}", self.line);
        let status = self
            .command
            .status()
            .map_err(|error| format!("cannot start `{}`: {error}", self.line))?;
        Ok(status.success())
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    let told = std::env::var_os("CARGO_TARGET_DIR").map(|told| root.join(told));
    told.unwrap_or_else(|| root.join("target"))
}
