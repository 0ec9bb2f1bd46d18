//! Building the compared programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The compared programs and the engines, built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    folder: PathBuf,
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
        };
        let target = target.to_str().context("a folder that is not UTF-8")?;
        let build = ["build", "--release", "--target-dir", target];
        let tree = ["tree", "--edges", "normal", "--prefix", "none"];
        cargo(&build, "bench-engines", manifest, &[])?;
        let zlib_rs: &[_] = &["--features=zlib-rs"];
        let designs = "bench-designs";
        for (program, features) in [(designs, zlib_rs), (designs, &[]), ("bench-micro", &[])] {
            cargo(&build, program, manifest, features)?;
            let is_zlib_rs = program != designs || !features.is_empty();
            let packages = cargo(&tree, program, manifest, features)?;
            ensure!(
                packages.lines().any(|one| one.starts_with("zlib-rs ")) == is_zlib_rs,
                "{program} has the wrong backend of flate2"
            );
            if !features.is_empty() {
                let renamed = programs.path("bench-designs-zlib-rs");
                std::fs::rename(programs.path(designs), renamed)?;
            }
        }
        let root = manifest.ancestors().nth(3).context("no repository")?;
        cargo(&build, "driver-cli", &root.join("Cargo.toml"), &[])?;
        Ok(programs)
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// What cargo prints to a command about one package: the cargo that runs this program, so that it is the toolchain that the
/// folder asks for.
fn cargo(arguments: &[&str], package: &str, manifest: &Path, features: &[&str]) -> Result<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--locked", "--package", package])
        .args(features)
        .arg("--manifest-path")
        .arg(manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo fails for {package}");
    Ok(String::from_utf8(output.stdout)?)
}
