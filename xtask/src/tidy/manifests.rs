use super::{Complaint, Repository};

/// What each crate shows to whoever meets it alone.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// What each member has from the workspace, so that it is said once.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// The crates that never depend on one another.
const STAGES: [&str; 4] = [
    "archive-sink",
    "chunked-writer",
    "measured-body",
    "tee-stream",
];

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
        let manifest = repository.text(&path).unwrap_or_default();
        let mut demand = |section: &str, line: &str| {
            if !section_of(manifest, section).any(|(_, found)| found == line) {
                complaints.push(Complaint::file(
                    path.as_str(),
                    format!("has no line `{line}` in [{section}]"),
                ));
            }
        };
        for key in INHERITED {
            demand("package", &format!("{key}.workspace = true"));
        }
        demand("lints", "workspace = true");
        if !folder.starts_with("crates/") {
            demand("package", "publish = false");
        }
    }
    complaints
}

pub(super) fn stages_do_not_depend_on_one_another(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for stage in STAGES {
        let path = format!("crates/{stage}/Cargo.toml");
        let manifest = repository.text(&path).unwrap_or_default();
        for (index, line) in dependencies_of(manifest) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if name != stage && (STAGES.contains(&name) || name == "driver-streaming") {
                let what = format!("a stage depends on another, {name}");
                complaints.push(Complaint::line(&path, index, what));
            }
        }
    }
    complaints
}

pub(super) fn unsafe_code_is_forbidden(repository: &Repository) -> Vec<Complaint> {
    let manifest = repository.text("Cargo.toml").unwrap_or_default();
    let forbidden = section_of(manifest, "workspace.lints.rust")
        .any(|(_, line)| line == "unsafe_code = \"forbid\"");
    if forbidden {
        Vec::new()
    } else {
        vec![Complaint::file(
            "Cargo.toml",
            "does not forbid unsafe code in the whole workspace",
        )]
    }
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

/// The lines of all sections of dependencies: normal, dev and build, of all platforms.
fn dependencies_of(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    with_headers(manifest)
        .filter(|(header, _, _)| header.ends_with("dependencies]"))
        .map(|(_, index, line)| (index, line))
}

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

    #[test]
    fn a_stage_that_depends_on_another_is_found_in_every_section() {
        for section in [
            "[dependencies]",
            "[dev-dependencies]",
            "[target.'cfg(unix)'.build-dependencies]",
        ] {
            let manifest = format!("{section}\nbytes = \"1\"\ntee-stream.workspace = true\n");
            let repository = Repository::of([("crates/archive-sink/Cargo.toml", &manifest)]);
            let expected = [Complaint::line(
                "crates/archive-sink/Cargo.toml",
                2,
                "a stage depends on another, tee-stream",
            )];
            assert_eq!(stages_do_not_depend_on_one_another(&repository), expected);
        }
    }

    #[test]
    fn the_program_may_depend_on_stages_and_a_stage_may_speak_of_one() {
        let repository = Repository::of([
            (
                "crates/driver-streaming/Cargo.toml",
                "[dependencies]\ntee-stream.workspace = true\n",
            ),
            (
                "crates/measured-body/Cargo.toml",
                "[dependencies]\n# tee-stream is a neighbour\nbytes = \"1\"\n",
            ),
        ]);
        assert_eq!(stages_do_not_depend_on_one_another(&repository), []);
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
