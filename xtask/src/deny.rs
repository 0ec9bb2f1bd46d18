use crate::ci::NotChecked;
use crate::{Result, cargo, target};
use std::path::{Path, PathBuf};
use xshell::{Shell, cmd};

/// The version that `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// The database that cargo-deny takes advisories from by default.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Checks bans, licences and sources, which needs no network. A warning, such as of an exception that is no longer
/// needed, counts as a failure.
pub(crate) fn dependencies(shell: &Shell) -> Result {
    let deny = cargo_deny(shell)?;
    let strict = cmd!(shell, "{deny} --all-features --locked check -D warnings");
    strict.args(["bans", "licenses", "sources"]).run()?;
    Ok(())
}

/// Checks advisories, where their database can be reached. That it cannot is no failure; whatever goes wrong after it has
/// answered is.
pub(crate) fn advisories(shell: &Shell) -> Result<NotChecked> {
    let question = cmd!(shell, "git ls-remote --exit-code --quiet {DATABASE} HEAD")
        .env("GIT_TERMINAL_PROMPT", "0");
    if question.run().is_err() {
        return Ok(Some("the advisory database cannot be reached from here"));
    }
    let deny = cargo_deny(shell)?;
    cmd!(shell, "{deny} --all-features --locked check advisories").run()?;
    Ok(None)
}

/// cargo-deny in the version we ask for: from `PATH`, else from the target folder, out of the way of the user's own
/// tools, where it is installed if need be.
fn cargo_deny(shell: &Shell) -> Result<PathBuf> {
    let tools = target(shell).join("tools");
    let installed = tools.join("bin/cargo-deny");
    for candidate in [Path::new("cargo-deny"), &installed] {
        let version = cmd!(shell, "{candidate} --version")
            .quiet()
            .ignore_stderr()
            .read();
        if version.is_ok_and(|version| version == format!("cargo-deny {VERSION}")) {
            return Ok(candidate.to_owned());
        }
    }
    // A debug build: it takes a third of the time, and checks a lock file in a second all the same.
    let install = format!("install cargo-deny --locked --version {VERSION} --debug --root");
    let install = cargo(shell, &install).arg(&tools);
    install.env("CARGO_PROFILE_DEV_DEBUG", "0").run()?;
    Ok(installed)
}
