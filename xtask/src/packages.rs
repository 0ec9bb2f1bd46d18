use crate::tidy::PAPERS;
use crate::{Result, cargo, published, report};
use xshell::Shell;

/// What cargo adds by itself.
const GENERATED: [&str; 4] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
];

/// Where code is.
const CODE: [&str; 5] = ["build.rs", "src/", "tests/", "benches/", "examples/"];

/// Checks what would be published of each crate: its papers, its code, and nothing stray.
pub(crate) fn check(shell: &Shell) -> Result {
    let mut complaints = Vec::new();
    for name in published(shell)? {
        let list = cargo(
            shell,
            "package --quiet --locked --allow-dirty --list --package",
        );
        let found = complaints_about(&list.arg(&name).read()?).into_iter();
        complaints.extend(found.map(|what| format!("{name}: {what}")));
    }
    report(&complaints)
}

fn complaints_about(listed: &str) -> Vec<String> {
    let files: Vec<String> = listed.lines().map(|path| path.replace('\\', "/")).collect();
    let missing = PAPERS
        .iter()
        .filter(|paper| !files.iter().any(|file| file == *paper));
    let mut complaints: Vec<String> = missing.map(|paper| format!("{paper} is missing")).collect();
    for file in &files {
        let is_paper = PAPERS.contains(&file.as_str()) || GENERATED.contains(&file.as_str());
        if !is_paper && !CODE.iter().any(|folder| file.starts_with(folder)) {
            complaints.push(format!("{file} is stray"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::complaints_about;

    #[test]
    fn missing_papers_and_stray_files_are_found() {
        let good = "Cargo.toml\nCargo.toml.orig\nREADME.md\nCHANGELOG.md\nLICENSE-APACHE\nLICENSE-MIT\nsrc/lib.rs\n";
        assert!(complaints_about(good).is_empty());
        let bad = good.replace("CHANGELOG.md\n", "notes.txt\n");
        assert_eq!(
            complaints_about(&bad),
            ["CHANGELOG.md is missing", "notes.txt is stray"]
        );
    }
}
