use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;

fn cargo() -> Command {
    // The cargo that runs this program, so that it is the toolchain that the folder asks for.
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Builds one package and nothing else, so that only its own features count.
pub(crate) fn build(manifest: &Path, target: &Path, package: &str) -> Result {
    let status = cargo()
        .args(["build", "--release", "--locked", "--package", package])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{package} does not build").into())
    }
}

/// Whether a package, built alone, depends on another.
pub(crate) fn has_dependency(manifest: &Path, package: &str, other: &str) -> Result<bool> {
    let output = cargo()
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package, "--manifest-path"])
        .arg(manifest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo cannot tell what {package} depends on").into());
    }
    let tree = String::from_utf8(output.stdout)?;
    Ok(tree
        .lines()
        .any(|line| line.split(' ').next() == Some(other)))
}
