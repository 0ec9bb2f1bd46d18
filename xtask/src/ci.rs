use crate::cargo::{self, Shown};
use crate::soak::Soak;
use crate::{Result, deny, tidy};
use clap::ValueEnum;
use std::path::Path;
use std::time::{Duration, Instant};

/// One of the checks, in the order in which they run: the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    Formatting,
    Tidy,
    ClippyAllFeatures,
    ClippyNoFeatures,
    EachFeature,
    TestsAllFeatures,
    TestsNoFeatures,
    DocTests,
    Docs,
    Loom,
    Comparison,
    Soak,
    Dependencies,
    Advisories,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Formatting => "formatting",
            Self::Tidy => "house rules",
            Self::ClippyAllFeatures => "clippy, all features",
            Self::ClippyNoFeatures => "clippy, no features",
            Self::EachFeature => "each feature alone",
            Self::TestsAllFeatures => "tests, all features",
            Self::TestsNoFeatures => "tests, no features",
            Self::DocTests => "doc tests",
            Self::Docs => "docs",
            Self::Loom => "loom",
            Self::Comparison => "bench",
            Self::Soak => "soak",
            Self::Dependencies => "bans, licences and sources of dependencies",
            Self::Advisories => "advisories on dependencies",
        }
    }

    fn run(self, root: &Path) -> Result<Outcome> {
        let cargo = |words: &str| Shown::cargo(root).words(words);
        match self {
            Self::Formatting => cargo("fmt --all --check").run()?,
            Self::Tidy => tidy::run(root)?,
            Self::ClippyAllFeatures => {
                cargo("clippy --locked --workspace --all-targets --all-features -- -D warnings")
                    .run()?;
            }
            Self::ClippyNoFeatures => clippy_no_features(root)?,
            Self::EachFeature => each_feature(root)?,
            Self::TestsAllFeatures => {
                cargo("test --locked --workspace --lib --bins --tests --all-features").run()?;
            }
            Self::TestsNoFeatures => tests_no_features(root)?,
            Self::DocTests => cargo("test --locked --workspace --doc --all-features").run()?,
            Self::Docs => cargo("doc --locked --workspace --no-deps --all-features")
                .variable("RUSTDOCFLAGS", "-D warnings")
                .run()?,
            Self::Loom => return loom(root),
            Self::Comparison => comparison(root)?,
            Self::Soak => Soak::short().run(root)?,
            Self::Dependencies => deny::dependencies(root)?,
            Self::Advisories => return deny::advisories(root),
        }
        Ok(Outcome::Passed)
    }
}

/// How a check ended that did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// It could not be made, for this reason.
    NotChecked(&'static str),
}

/// Runs these checks, or all of them if there are none.
pub(crate) fn run(root: &Path, only: &[Step]) -> Result {
    let began = Instant::now();
    let mut not_checked = Vec::new();
    for step in Step::value_variants() {
        if !only.is_empty() && !only.contains(step) {
            continue;
        }
        let name = step.name();
        eprintln!("==> {name}");
        let step_began = Instant::now();
        let outcome = step.run(root);
        let took = seconds(step_began.elapsed());
        match outcome.map_err(|error| format!("==> {name}: FAILED after {took}: {error}"))? {
            Outcome::Passed => eprintln!("    {name}: passed in {took}"),
            Outcome::NotChecked(why) => {
                eprintln!("    {name}: NOT CHECKED: {why} ({took})");
                not_checked.push(name);
            }
        }
    }
    let checks = if only.is_empty() {
        "all checks"
    } else {
        "the checks asked for"
    };
    let took = seconds(began.elapsed());
    if not_checked.is_empty() {
        eprintln!("{checks} passed in {took}");
    } else {
        let not_checked = not_checked.join(", ");
        eprintln!("{checks} passed in {took}, but not checked: {not_checked}");
    }
    Ok(())
}

/// The crates meant for others, by name, in the order of their names.
fn crates(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The programs that are compared with one another: a workspace of its own, which the checks of this one do not reach. What
/// they measure is not a matter of this check.
fn comparison(root: &Path) -> Result {
    let comparison = |words: &str| {
        let target = cargo::target(root).join("bench");
        Shown::cargo(root)
            .words(words)
            .words("--manifest-path bench/runner/Cargo.toml --target-dir")
            .path(&target)
    };
    Shown::cargo(root)
        .words("fmt --manifest-path bench/runner/Cargo.toml --all --check")
        .run()?;
    comparison("clippy --locked --workspace --all-targets")
        .words("-- -D warnings")
        .run()?;
    comparison("test --locked --workspace").run()
}

/// Each crate alone, since features that one member of a workspace asks for reach all the others
/// that are built with it: what is checked is what someone gets who depends on that crate only.
fn clippy_no_features(root: &Path) -> Result {
    for name in crates(root)? {
        Shown::cargo(root)
            .words(&format!(
                "clippy --locked --package {name} --no-default-features -- -D warnings"
            ))
            .run()?;
    }
    for selection in WITHOUT_FEATURES {
        Shown::cargo(root)
            .words(&format!(
                "clippy --locked {selection} --all-targets --no-default-features -- -D warnings"
            ))
            .run()?;
    }
    Ok(())
}

/// The stage crates do not depend on one another, so together they still have no features; the
/// program depends on all of them and asks for some.
const WITHOUT_FEATURES: [&str; 2] = [
    "--workspace --exclude driver-streaming --exclude driver-streaming-tests",
    "--package driver-streaming",
];

fn tests_no_features(root: &Path) -> Result {
    for selection in WITHOUT_FEATURES {
        Shown::cargo(root)
            .words(&format!(
                "test --locked {selection} --lib --bins --tests --no-default-features"
            ))
            .run()?;
    }
    Ok(())
}

fn each_feature(root: &Path) -> Result {
    for name in crates(root)? {
        let manifest = std::fs::read_to_string(root.join("crates").join(&name).join("Cargo.toml"))?;
        for feature in tidy::features(&manifest) {
            Shown::cargo(root)
                .words(&format!(
                    "clippy --locked --package {name} --no-default-features --features {feature} -- -D warnings"
                ))
                .run()?;
        }
    }
    Ok(())
}

/// Every interleaving of the tee's threads, in a target folder of its own, since the flag is one of
/// the whole build. With optimisation, or it takes minutes.
fn loom(root: &Path) -> Result<Outcome> {
    if !root.join("crates/tee-stream/src/loom_tests.rs").is_file() {
        return Ok(Outcome::NotChecked("tee-stream has no loom tests"));
    }
    Shown::cargo(root)
        .words("test --locked --release --package tee-stream --lib --target-dir target/loom loom_tests")
        .variable("RUSTFLAGS", "--cfg loom")
        .run()?;
    Ok(Outcome::Passed)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
