//! Building the compared programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// What is built, and whether its gzip is zlib-rs rather than flate2's default backend.
const PROGRAMS: [(&str, bool); 5] = [
    ("threaded", false),
    ("eager", true),
    ("ours", true),
    ("production-archive", false),
    ("micro", true),
];

/// The compared programs and the engines, built.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds each by an invocation of its own, and makes sure of the backend that its gzip has.
    ///
    /// # Errors
    /// When one does not build, or features have unified where they must not.
    pub(crate) fn build(manifest: &Path, target: &Path) -> Result<Self> {
        build(manifest, target, &package("engines"))?;
        for (program, is_zlib_rs) in PROGRAMS {
            build(manifest, target, &package(program))?;
            if has_dependency(manifest, &package(program), "zlib-rs")? != is_zlib_rs {
                return Err(format!("{program} has the wrong backend of flate2").into());
            }
        }
        Ok(Self {
            folder: target.join("release"),
        })
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(package(program))
    }
}

fn package(program: &str) -> String {
    format!("bench-{program}")
}

fn cargo() -> Command {
    // The cargo that runs this program, so that it is the toolchain that the folder asks for.
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Builds one package and nothing else, so that only its own features count.
fn build(manifest: &Path, target: &Path, package: &str) -> Result {
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
fn has_dependency(manifest: &Path, package: &str, other: &str) -> Result<bool> {
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
