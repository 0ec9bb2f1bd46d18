use crate::tidy::PAPERS;
use crate::{Result, published};
use xshell::{Shell, cmd};

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
        let listed = cmd!(
            shell,
            "cargo package --quiet --locked --allow-dirty --list --package {name}"
        )
        .read()?;
        complaints.extend(
            complaints_about(&listed)
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
    }
    for complaint in &complaints {
        eprintln!("    {complaint}");
    }
    match complaints.is_empty() {
        true => Ok(()),
        false => Err("packages are not as they should be; see above".into()),
    }
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
