use super::{Complaint, Repository};

/// The files that each crate has besides its code, for a reader who meets it alone.
pub(crate) const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// What each member inherits from the workspace, so that it is said once.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// What a published crate says of itself.
const SHOWN: [&str; 5] = ["authors", "categories", "description", "keywords", "readme"];

/// The stages, none of which depends on another crate of ours.
pub(crate) const STAGES: [&str; 5] = [
    "archive-sink",
    "chunked-writer",
    "measured-body",
    "tee-stream",
    "upload-client",
];

/// What tests of any crate may use.
const FIXTURES: [&str; 2] = ["auction-fixtures", "solver-stand-in"];

pub(super) fn every_crate_has_its_papers(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for folder in repository.crates() {
        for name in PAPERS {
            let path = format!("{folder}/{name}");
            match repository.text(&path) {
                None => complaints.push(Complaint::file(path, "is missing")),
                Some(text)
                    if name.starts_with("LICENSE") && Some(text) != repository.text(name) =>
                {
                    complaints.push(Complaint::file(path, "differs from the one in the root"));
                }
                Some(_) => {}
            }
        }
    }
    complaints
}

pub(super) fn every_member_inherits_what_is_common(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for folder in repository.members() {
        let path = format!("{folder}/Cargo.toml");
        let mut demand = |section: &str, line: &str| {
            complaints.extend(missing_line(repository, &path, section, line));
        };
        for key in INHERITED {
            demand("package", &format!("{key}.workspace = true"));
        }
        demand("lints", "workspace = true");
        if !folder.starts_with("crates/") {
            demand("package", "publish = false");
        } else if !features(repository.text(&path).unwrap_or_default()).is_empty() {
            demand("package.metadata.docs.rs", "all-features = true");
        }
    }
    complaints
}

pub(super) fn unsafe_code_is_forbidden(repository: &Repository) -> Vec<Complaint> {
    let forbid = "unsafe_code = \"forbid\"";
    missing_line(repository, "Cargo.toml", "workspace.lints.rust", forbid)
        .into_iter()
        .collect()
}

fn missing_line(
    repository: &Repository,
    path: &str,
    section: &str,
    line: &str,
) -> Option<Complaint> {
    let manifest = repository.text(path).unwrap_or_default();
    let is_there = section_of(manifest, section).any(|(_, found)| found == line);
    (!is_there).then(|| Complaint::file(path, format!("has no line `{line}` in [{section}]")))
}

pub(super) fn published_crates_introduce_themselves(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for folder in repository.crates() {
        let path = format!("{folder}/Cargo.toml");
        let manifest = repository.text(&path).unwrap_or_default();
        let keys: Vec<&str> = section_of(manifest, "package")
            .map(|(_, line)| key_of(line))
            .collect();
        for key in SHOWN.iter().filter(|key| !keys.contains(key)) {
            complaints.push(Complaint::file(
                path.as_str(),
                format!("has no `{key}` in [package]"),
            ));
        }
    }
    complaints
}

/// The crates that a crate of ours may depend on, if there is a rule for it.
fn allowed_dependencies(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "auction-fixtures" => Some(&[]),
        "driver-streaming" => Some(&STAGES),
        "driver-telemetry" => Some(&["driver-streaming", "measured-body"]),
        stage => STAGES.contains(&stage).then_some(&[]),
    }
}

pub(super) fn dependencies_point_downwards(repository: &Repository) -> Vec<Complaint> {
    let ours: Vec<&str> = repository
        .crates()
        .filter_map(|folder| folder.strip_prefix("crates/"))
        .collect();
    let mut complaints = Vec::new();
    for name in &ours {
        let Some(allowed) = allowed_dependencies(name) else {
            continue;
        };
        let path = format!("crates/{name}/Cargo.toml");
        for (header, index, line) in with_headers(repository.text(&path).unwrap_or_default()) {
            let dependency = key_of(line);
            let is_for_tests =
                header.ends_with("dev-dependencies]") && FIXTURES.contains(&dependency);
            let is_allowed = dependency == *name || allowed.contains(&dependency) || is_for_tests;
            if header.ends_with("dependencies]") && ours.contains(&dependency) && !is_allowed {
                complaints.push(Complaint::line(
                    &path,
                    index,
                    format!("{name} may not depend on {dependency}"),
                ));
            }
        }
    }
    complaints
}

pub(super) fn the_readme_lists_every_feature(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for folder in repository.crates() {
        let manifest = repository.text(&format!("{folder}/Cargo.toml"));
        let path = format!("{folder}/README.md");
        let readme = repository.text(&path).unwrap_or_default();
        for feature in manifest.map(features).unwrap_or_default() {
            if !readme.contains(&format!("| `{feature}` |")) {
                let what = format!("has no row for the feature `{feature}`");
                complaints.push(Complaint::file(path.as_str(), what));
            }
        }
    }
    complaints
}

pub(super) fn crate_docs_are_the_readme(repository: &Repository) -> Vec<Complaint> {
    repository
        .crates()
        .map(|folder| format!("{folder}/src/lib.rs"))
        .filter(|path| {
            let source = repository.text(path).unwrap_or_default();
            !source.starts_with("#![doc = include_str!(\"../README.md\")]\n")
        })
        .map(|path| Complaint::file(path, "does not begin with the README as its docs"))
        .collect()
}

/// The names of the features that a manifest declares, `default` apart.
pub(crate) fn features(manifest: &str) -> Vec<String> {
    section_of(manifest, "features")
        .filter_map(|(_, line)| line.split_once(" = "))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| name != "default")
        .collect()
}

/// The lines of one section of a manifest, without comments and blank lines, each with its index.
///
/// Not all of TOML: what `cargo` and we write, which is one `key = value` a line under one header.
fn section_of<'a>(manifest: &'a str, section: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let header = format!("[{section}]");
    with_headers(manifest)
        .filter(move |(found, _, _)| *found == header)
        .map(|(_, index, line)| (index, line))
}

/// The key of a line, or the first part of a dotted one.
fn key_of(line: &str) -> &str {
    line.split(['.', ' ', '=']).next().unwrap_or_default()
}

/// All lines that count, each with the header of its section and its index.
fn with_headers(manifest: &str) -> impl Iterator<Item = (&str, usize, &str)> {
    let mut header = "";
    manifest
        .lines()
        .enumerate()
        .filter_map(move |(index, line)| {
            if line.starts_with('[') {
                header = line.trim_end();
                return None;
            }
            let line = line.trim();
            let counts = !line.is_empty() && !line.starts_with('#');
            counts.then_some((header, index, line))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: [(&str, &str); 2] = [("LICENSE-APACHE", "apache"), ("LICENSE-MIT", "mit")];

    #[test]
    fn papers_must_be_there_and_licences_the_same() {
        let [apache, mit] = ROOT;
        let repository = Repository::of([
            apache,
            mit,
            ("crates/a/Cargo.toml", ""),
            ("crates/a/README.md", "# a"),
            ("crates/a/LICENSE-APACHE", "apache"),
            ("crates/a/LICENSE-MIT", "another"),
            ("xtask/Cargo.toml", ""),
        ]);
        let expected = [
            Complaint::file("crates/a/CHANGELOG.md", "is missing"),
            Complaint::file("crates/a/LICENSE-MIT", "differs from the one in the root"),
        ];
        assert_eq!(every_crate_has_its_papers(&repository), expected);
    }

    #[test]
    fn what_is_common_must_be_inherited() {
        let package = "[package]\nversion.workspace = true\nedition.workspace = true\n\
            rust-version.workspace = true\nlicense.workspace = true\n";
        let good = format!("{package}\n[lints]\nworkspace = true\n");
        let own_lints = format!("{package}\n[lints.rust]\nunsafe_code = \"allow\"\n");
        let repository = Repository::of([
            ("crates/a/Cargo.toml", &good),
            ("crates/b/Cargo.toml", &own_lints),
            ("tests/Cargo.toml", &good),
        ]);
        let expected = [
            Complaint::file(
                "crates/b/Cargo.toml",
                "has no line `workspace = true` in [lints]",
            ),
            Complaint::file(
                "tests/Cargo.toml",
                "has no line `publish = false` in [package]",
            ),
        ];
        assert_eq!(every_member_inherits_what_is_common(&repository), expected);
    }

    /// What the rule finds in a manifest of this crate, beside others of ours.
    fn forbidden(name: &str, manifest: &str) -> Vec<Complaint> {
        let others = [
            "tee-stream",
            "measured-body",
            "solver-stand-in",
            "driver-cli",
            name,
        ];
        let files = others.map(|other| {
            let content = if other == name { manifest } else { "" };
            (format!("crates/{other}/Cargo.toml"), content)
        });
        dependencies_point_downwards(&Repository::of(files))
    }

    #[test]
    fn a_stage_that_depends_on_another_is_found_in_every_section() {
        for section in [
            "[dependencies]",
            "[dev-dependencies]",
            "[target.'cfg(unix)'.build-dependencies]",
        ] {
            let manifest = format!("{section}\nbytes = \"1\"\ntee-stream.workspace = true\n");
            let what = "archive-sink may not depend on tee-stream";
            let expected = [Complaint::line("crates/archive-sink/Cargo.toml", 2, what)];
            assert_eq!(forbidden("archive-sink", &manifest), expected);
        }
        let above = "[dependencies]\nsolver-stand-in.workspace = true\n";
        assert_eq!(forbidden("upload-client", above).len(), 1);
        assert_eq!(
            forbidden(
                "auction-fixtures",
                "[dependencies]\nmeasured-body = \"0.1\"\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn the_library_depends_on_stages_and_on_nothing_above_it() {
        let stages = "[dependencies]\ntee-stream = { workspace = true }\n[dev-dependencies]\nsolver-stand-in.workspace = true\n";
        assert_eq!(forbidden("driver-streaming", stages), []);
        let above = "[dev-dependencies]\ndriver-cli.workspace = true\n";
        assert_eq!(forbidden("driver-streaming", above).len(), 1);
        let observer = "[dependencies]\ndriver-streaming.workspace = true\nmeasured-body = { workspace = true }\n";
        assert_eq!(forbidden("driver-telemetry", observer), []);
        assert_eq!(forbidden("driver-telemetry", above).len(), 1);
        let comment = "[dependencies]\n# tee-stream is a neighbour\nbytes = \"1\"\n";
        assert_eq!(forbidden("chunked-writer", comment), []);
    }

    #[test]
    fn a_published_crate_introduces_itself() {
        let good = "[package]\nauthors.workspace = true\ncategories = []\ndescription = \"a\"\nkeywords = []\nreadme = \"README.md\"\n";
        let bad = good.replace("keywords = []", "version = \"1\"");
        let repository =
            Repository::of([("crates/a/Cargo.toml", good), ("crates/b/Cargo.toml", &bad)]);
        let expected = [Complaint::file(
            "crates/b/Cargo.toml",
            "has no `keywords` in [package]",
        )];
        assert_eq!(published_crates_introduce_themselves(&repository), expected);
    }

    #[test]
    fn the_docs_of_a_crate_are_its_readme() {
        let readme = "#![doc = include_str!(\"../README.md\")]\n\nmod a;\n";
        let repository = Repository::of([
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", readme),
            ("crates/b/Cargo.toml", ""),
            ("crates/b/src/lib.rs", "//! Something else.\n"),
        ]);
        let complaints = crate_docs_are_the_readme(&repository);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].path, "crates/b/src/lib.rs");
    }

    #[test]
    fn unsafe_code_must_be_forbidden_in_the_root() {
        let good = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        let bad = "[workspace.lints.rust]\nunsafe_code = \"deny\"\n";
        assert_eq!(
            unsafe_code_is_forbidden(&Repository::of([("Cargo.toml", good)])),
            []
        );
        assert_eq!(
            unsafe_code_is_forbidden(&Repository::of([("Cargo.toml", bad)])).len(),
            1
        );
    }

    #[test]
    fn features_are_found_and_must_be_in_the_readme() {
        let manifest = "[features]\ndefault = [\"gzip\"]\n# Compression.\ngzip = []\ncli = [\n    \
            \"gzip\",\n    \"dep:clap\",\n]\n\n[dependencies]\nbytes = \"1\"\n";
        assert_eq!(features(manifest), ["gzip", "cli"]);
        let repository = Repository::of([
            ("crates/a/Cargo.toml", manifest),
            (
                "crates/a/README.md",
                "| feature | what |\n|---|---|\n| `gzip` | gzip |\n",
            ),
        ]);
        let expected = [Complaint::file(
            "crates/a/README.md",
            "has no row for the feature `cli`",
        )];
        assert_eq!(the_readme_lists_every_feature(&repository), expected);
    }
}
