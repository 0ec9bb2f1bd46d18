use crate::programs::short_soak;
use crate::{Result, cargo, deny, packages, published, readmes, target, tidy};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xshell::{Shell, cmd};

/// One of the checks, in the order in which they run: the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Every file is formatted.
    Formatting,
    /// The house rules hold.
    Tidy,
    /// Each published crate contains its papers and nothing stray.
    Packages,
    /// No warnings in anything, with all features.
    Clippy,
    /// No warnings in each crate without features, and with each feature alone.
    EachFeature,
    /// The libraries compile with the oldest supported version of Rust.
    OldestRust,
    /// Every example of a README compiles as a user copies it.
    Readmes,
    /// Unit and integration tests, with all features.
    Tests,
    /// What archive-sink does without its features.
    TestsNoFeatures,
    /// Examples in documentation run.
    DocTests,
    /// Documentation builds without a warning.
    Docs,
    /// Every interleaving of the tee's threads.
    Loom,
    /// The workspace of benchmarks: format, warnings, tests.
    Bench,
    /// Random auctions, solvers and faults for 30 seconds.
    Soak,
    /// Bans, licences and sources of dependencies.
    Dependencies,
    /// Advisories on dependencies.
    Advisories,
}

/// Why a check could not be made, if so.
pub(crate) type NotChecked = Option<&'static str>;

impl Step {
    fn run(self, shell: &Shell) -> Result<NotChecked> {
        let cargo = |words| cargo(shell, words).run();
        match self {
            Self::Formatting => cargo("fmt --all --check")?,
            Self::Tidy => tidy::run(shell)?,
            Self::Packages => packages::check(shell)?,
            Self::Clippy => {
                cargo("clippy --locked --workspace --all-targets --all-features -- -D warnings")?;
            }
            Self::EachFeature => each_feature(shell)?,
            Self::OldestRust => return oldest_rust(shell),
            Self::Readmes => readmes::check(shell)?,
            Self::Tests => cargo("test --locked --workspace --lib --bins --tests --all-features")?,
            // What differs without features is a package of its own, by itself: the tests of archive-sink would have
            // everything that they store with built once more.
            Self::TestsNoFeatures => {
                cargo("test --locked --package archive-sink-without-codecs -- --ignored")?;
            }
            Self::DocTests => cargo("test --locked --workspace --doc --all-features")?,
            Self::Docs => {
                let _strict = shell.push_env("RUSTDOCFLAGS", "-D warnings");
                // With the examples, so that features unify as for clippy, and no dependency is checked again.
                cargo("doc --locked --workspace --no-deps --all-features --lib --bins --examples")?;
            }
            Self::Loom => loom(shell)?,
            Self::Bench => bench(shell)?,
            Self::Soak => short_soak(shell)?,
            Self::Dependencies => deny::dependencies(shell)?,
            Self::Advisories => return deny::advisories(shell),
        }
        Ok(None)
    }
}

/// Runs these checks, or all of them if there are none, and prints what each took.
pub(crate) fn run(shell: &Shell, only: &[Step]) -> Result {
    let (began, processor_before) = (Instant::now(), processor_time());
    let mut took = Vec::new();
    let mut not_checked = Vec::new();
    for step in Step::value_variants() {
        if !only.is_empty() && !only.contains(step) {
            continue;
        }
        let name = step
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
        let name = name.unwrap_or_default();
        eprintln!("==> {name}");
        let (step_began, step_processor) = (Instant::now(), processor_time());
        let outcome = step.run(shell);
        let times = times(step_began, step_processor);
        match outcome.map_err(|error| format!("==> {name}: FAILED after {times}: {error}"))? {
            None => eprintln!("    {name}: passed in {times}"),
            Some(why) => {
                eprintln!("    {name}: NOT CHECKED: {why}");
                not_checked.push(name.clone());
            }
        }
        took.push((name, times));
    }
    for (name, times) in took {
        eprintln!("    {name:18} {times}");
    }
    eprintln!("passed in {}", times(began, processor_before));
    if !not_checked.is_empty() {
        eprintln!("not checked: {}", not_checked.join(", "));
    }
    Ok(())
}

/// Wall-clock and processor time since then.
fn times(began: Instant, processor_before: Option<Duration>) -> String {
    let elapsed = began.elapsed().as_secs_f64();
    match processor_time().zip(processor_before) {
        None => format!("{elapsed:6.1} s"),
        Some((after, before)) => {
            let processor = after.saturating_sub(before).as_secs_f64();
            format!("{elapsed:6.1} s, {processor:6.1} s of processor time")
        }
    }
}

/// The processor time of everything that has been started from here and has ended, where Linux tells it.
fn processor_time() -> Option<Duration> {
    /// Of the figures in `/proc`, whatever the kernel's own clock.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name, in parentheses; the 16th and 17th are our children's user and system time.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut children = after_name
        .split_whitespace()
        .skip(13)
        .map(str::parse::<u64>);
    let ticks = children.next()?.ok()? + children.next()?.ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Each crate alone, since features that one member of a workspace asks for reach all the others that are built with
/// it: what is checked is what someone gets who depends on that crate only. Without tests, which may unwrap.
fn each_feature(shell: &Shell) -> Result {
    for name in published(shell)? {
        let manifest = shell.read_file(format!("crates/{name}/Cargo.toml"))?;
        let features = tidy::features(&manifest);
        for feature in std::iter::once("").chain(features.iter().map(String::as_str)) {
            cargo(shell, "clippy --quiet --locked --no-default-features")
                .args(["--package", &name, "--features", feature])
                .args(["--", "-D", "warnings", "-D", "clippy::unwrap_used"])
                .run()?;
        }
    }
    Ok(())
}

/// With the version that `rust-version` names, installed if need be. That it cannot be had is no failure. The program depends
/// on twice as much as the libraries, and is left to clippy, which knows what the standard library of that version has.
fn oldest_rust(shell: &Shell) -> Result<NotChecked> {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let rustc = cmd!(shell, "rustup run --install {version} rustc --version");
    if rustc.run().is_err() {
        return Ok(Some("this version of Rust cannot be installed here"));
    }
    let names = published(shell)?.into_iter();
    let libraries = names.filter(|name| name != "driver-cli");
    cmd!(
        shell,
        "rustup run {version} cargo check --locked --lib --all-features"
    )
    .args(libraries.map(|name| format!("--package={name}")))
    .run()?;
    Ok(None)
}

/// In a target folder of its own, since the flag is one of the whole build. With optimisation, or it takes minutes.
fn loom(shell: &Shell) -> Result {
    let target = target(shell).join("loom");
    cargo(shell, "test --locked --release --package tee-stream --lib")
        .args([
            "--target-dir".as_ref(),
            target.as_os_str(),
            "loom_tests".as_ref(),
        ])
        .env("RUSTFLAGS", "--cfg loom")
        .run()?;
    Ok(())
}

/// A workspace of its own, which the checks of this one do not reach, but which builds where they do: with the same
/// profile, and the same versions as far as its lock file goes. What it measures is not a matter of this check.
fn bench(shell: &Shell) -> Result {
    // A package without tests is compiled by clippy. To build it, too, takes a minute: all that it sends with.
    let tests = r"#\[([a-z:]*test|cfg\(test)";
    let files = cmd!(shell, "git grep --untracked -lE {tests} -- bench/*.rs").read()?;
    let folders: BTreeSet<_> = files
        .lines()
        .filter_map(|file| file.split('/').nth(1))
        .collect();
    let packages = folders.iter().map(|name| format!("--package=bench-{name}"));
    let _target = shell.push_env("CARGO_TARGET_DIR", target(shell));
    let _folder = shell.push_dir("bench/runner");
    let cargo = |words| cargo(shell, words);
    cargo("fmt --all --check").run()?;
    cargo("clippy --locked --workspace --all-targets -- -D warnings").run()?;
    cargo("test --locked").args(packages).run()?;
    Ok(())
}
