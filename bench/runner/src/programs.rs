//! Building the compared programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// What is built, and whether its gzip is zlib-rs rather than flate2's default backend.
const PROGRAMS: [(&str, bool); 7] = [
    ("threaded", false),
    ("streamed-zlib-rs", true),
    ("streamed", false),
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
    /// Builds each by an invocation of its own, so that only its own features count, and makes sure of the backend that its
    /// gzip has.
    ///
    /// # Errors
    /// When one does not build, or features have unified where they must not.
    pub(crate) fn build(manifest: &Path, target: &Path) -> Result<Self> {
        let build = [
            "build".as_ref(),
            "--release".as_ref(),
            "--target-dir".as_ref(),
            target.as_os_str(),
        ];
        cargo(&build, "engines", manifest)?;
        let folder = target.join("release");
        for (program, is_zlib_rs) in PROGRAMS {
            cargo(&build, program, manifest)?;
            if let Some(package) = program.strip_suffix(ZLIB_RS) {
                std::fs::rename(folder.join(binary(package)), folder.join(binary(program)))?;
            }
            let tree = ["tree", "--edges", "normal", "--prefix", "none"].map(AsRef::as_ref);
            let tree = cargo(&tree, program, manifest)?;
            let mut packages = tree.lines();
            ensure!(
                packages.any(|package| package.starts_with("zlib-rs ")) == is_zlib_rs,
                "{program} has the wrong backend of flate2"
            );
        }
        let root = manifest.ancestors().nth(3).context("no repository")?;
        cargo(&build, SERVICE, &root.join("Cargo.toml"))?;
        Ok(Self { folder })
    }

    /// The program whose command `serve` is the service.
    pub(crate) fn service(&self) -> PathBuf {
        self.folder.join("driver-streaming")
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(binary(program))
    }
}

/// What ends the names of programs that are built with their packages' feature `zlib-rs`.
const ZLIB_RS: &str = "-zlib-rs";

/// The package of the project's own program, which is no member of this workspace.
const SERVICE: &str = "driver-cli";

fn binary(program: &str) -> String {
    if program == SERVICE {
        return program.to_owned();
    }
    format!("bench-{program}")
}

/// What cargo prints to a command about one program: the cargo that runs this program, so that it is the toolchain that
/// the folder asks for.
fn cargo(arguments: &[&OsStr], program: &str, manifest: &Path) -> Result<String> {
    let with_feature = program.strip_suffix(ZLIB_RS);
    let package = binary(with_feature.unwrap_or(program));
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--locked", "--package", &package, "--manifest-path"])
        .arg(manifest)
        .args(with_feature.map(|_package| "--features=zlib-rs"))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo fails for {program}");
    Ok(String::from_utf8(output.stdout)?)
}
