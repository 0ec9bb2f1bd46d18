//! Building the compared programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The compared programs and the engines, built.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    manifest: PathBuf,
}

impl Programs {
    /// Builds each by an invocation of its own, so that only its own features count, and makes sure of the backend that its
    /// gzip has: `designs` has flate2's default, and the others zlib-rs.
    ///
    /// # Errors
    /// When one does not build, or features have unified where they must not.
    pub(crate) fn build(manifest: &Path, target: &Path) -> Result<Self> {
        let programs = Self {
            folder: target.join("release"),
            manifest: manifest.to_owned(),
        };
        let target = target.to_str().context("a folder that is not UTF-8")?;
        let build = ["build", "--release", "--target-dir", target];
        let tree = ["tree", "--edges", "normal", "--prefix", "none"];
        programs.cargo(&build, "engines", &[])?;
        let zlib_rs: &[_] = &["--features=zlib-rs"];
        for (program, features) in [("designs", zlib_rs), ("designs", &[]), ("micro", &[])] {
            programs.cargo(&build, program, features)?;
            let is_zlib_rs = program == "micro" || !features.is_empty();
            let packages = programs.cargo(&tree, program, features)?;
            ensure!(
                packages.lines().any(|one| one.starts_with("zlib-rs ")) == is_zlib_rs,
                "{program} has the wrong backend of flate2"
            );
            if !features.is_empty() {
                std::fs::rename(programs.path(program), programs.path("designs-zlib-rs"))?;
            }
        }
        Ok(programs)
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(format!("bench-{program}"))
    }

    /// What cargo prints to a command about one program: the cargo that runs this program, so that it is the toolchain that
    /// the folder asks for.
    fn cargo(&self, arguments: &[&str], program: &str, features: &[&str]) -> Result<String> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(arguments)
            .args(["--locked", "--package", &format!("bench-{program}")])
            .args(features)
            .arg("--manifest-path")
            .arg(&self.manifest)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        ensure!(output.status.success(), "cargo fails for {program}");
        Ok(String::from_utf8(output.stdout)?)
    }
}
