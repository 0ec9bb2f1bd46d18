use crate::Result;
use crate::cargo::Shown;
use crate::ci::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// Where it is installed when it is not there, inside the target folder, out of the way of the
/// user's own tools.
const TOOLS: &str = "target/tools";

/// Where cargo-deny has advisories from, unless told otherwise.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Bans, licences and sources: what can be said without a network. A warning, such as of an exception
/// that is no longer needed, counts as a failure.
pub(crate) fn dependencies(root: &Path) -> Result {
    cargo_deny(root)?
        .words("--all-features --locked check -D warnings bans licenses sources")
        .run()
}

/// Advisories, where their database can be reached. That it cannot is no failure; whatever goes wrong after
/// it has answered is.
pub(crate) fn advisories(root: &Path) -> Result<Outcome> {
    let reachable = Shown::program("git", "git", root)
        .words("ls-remote --exit-code --quiet")
        .words(DATABASE)
        .words("HEAD")
        .variable("GIT_TERMINAL_PROMPT", "0")
        .succeeds()?;
    if !reachable {
        return Ok(Outcome::NotChecked(
            "the advisory database cannot be reached from here",
        ));
    }
    cargo_deny(root)?
        .words("--all-features --locked check advisories")
        .run()?;
    Ok(Outcome::Passed)
}

/// cargo-deny in the version we ask for: from `PATH`, else from the target folder, where it is
/// installed if need be.
fn cargo_deny(root: &Path) -> Result<Shown> {
    let installed = root
        .join(TOOLS)
        .join("bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    let candidates = [PathBuf::from("cargo-deny"), installed.clone()];
    let program = match candidates.into_iter().find(is_wanted) {
        Some(program) => program,
        None => {
            eprintln!("    installing cargo-deny {VERSION} into {TOOLS}");
            // A debug build: it takes a third of the time, and checks a lock file in a second all the same.
            Shown::cargo(root)
                .words(&format!(
                    "install cargo-deny --locked --version {VERSION} --debug --root {TOOLS}"
                ))
                .run()?;
            installed
        }
    };
    Ok(Shown::program(program, "cargo-deny", root))
}

fn is_wanted(program: &PathBuf) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else {
        return false;
    };
    output.status.success()
        && String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {VERSION}")
}
