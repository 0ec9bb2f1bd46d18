use crate::Result;
use crate::ci::NotChecked;
use crate::programs::tool;
use xshell::{Shell, cmd};

/// The version that `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// The database that cargo-deny takes advisories from by default.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Checks bans, licences and sources, which needs no network. A warning, such as of an exception that is no longer
/// needed, counts as a failure.
pub(crate) fn dependencies(shell: &Shell) -> Result {
    let deny = tool(shell, "cargo-deny", VERSION)?;
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
    let deny = tool(shell, "cargo-deny", VERSION)?;
    cmd!(shell, "{deny} --all-features --locked check advisories").run()?;
    Ok(None)
}
