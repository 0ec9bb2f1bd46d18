use std::path::{Path, PathBuf};

use crate::Result;
use crate::build::{build, has_dependency};

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
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds each by an invocation of its own, and makes sure of the backend that its gzip has.
    ///
    /// # Errors
    /// When one does not build, or features have unified where they must not.
    pub fn build(manifest: &Path, target: &Path) -> Result<Self> {
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
    format!("comparison-{program}")
}
