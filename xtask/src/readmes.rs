//! Every Rust example in the README of a crate, compiled as a user has it who copies it: in a package with just the
//! dependencies that the README names.

use crate::{Result, cargo, published, report, target};
use std::fmt::Write;
use xshell::Shell;

/// What rustdoc takes for Rust: a block without a language, or with nothing but these.
const RUST: [&str; 5] = ["", "rust", "no_run", "should_panic", "ignore"];

/// Writes one workspace with a package for each README, and checks each package by itself, since features unify.
pub(crate) fn check(shell: &Shell) -> Result {
    let folder = target(shell).join("readmes");
    shell.remove_path(&folder)?;
    let mut workspace =
        "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n\n[patch.crates-io]\n".to_owned();
    let mut with_examples = Vec::new();
    let mut complaints = Vec::new();
    for name in published(shell)? {
        let path = format!("crates/{name}/README.md");
        let folder_of_crate = shell.current_dir().join("crates").join(&name);
        writeln!(workspace, "{name} = {{ path = {folder_of_crate:?} }}")?;
        match package(&name, &shell.read_file(&path)?) {
            Ok(files) if files.is_empty() => continue,
            Ok(files) => {
                for (file, content) in files {
                    shell.write_file(folder.join(&name).join(file), content)?;
                }
                with_examples.push(name);
            }
            Err(complaint) => complaints.push(format!("{path}: {complaint}")),
        }
    }
    shell.write_file(folder.join("Cargo.toml"), workspace)?;
    // The same versions, so that what other checks have built is used again.
    shell.copy_file("Cargo.lock", folder.join("Cargo.lock"))?;
    let (manifest, target) = (folder.join("Cargo.toml"), target(shell));
    for name in with_examples {
        let check = cargo(shell, "check --quiet --offline --manifest-path").arg(&manifest);
        let check = check.arg("--target-dir").arg(&target);
        if check
            .arg(format!("--package=readme-of-{name}"))
            .run()
            .is_err()
        {
            complaints.push(format!(
                "crates/{name}/README.md: an example does not compile"
            ));
        }
    }
    report(&complaints)
}

/// The files of a package with the examples of a README: its manifest, and a program for each example, of which one
/// without a `main` becomes it; none without an example.
fn package(name: &str, readme: &str) -> Result<Vec<(String, String)>, String> {
    let blocks = blocks(readme);
    let mut files = Vec::new();
    for Block { line, code, .. } in blocks.iter().filter(|block| block.is_rust()) {
        let mut lines = code.lines().map(str::trim_start);
        if lines.any(|line| line.trim_end() == "#" || line.starts_with("# ")) {
            return Err(format!("the example in line {line} has hidden lines"));
        }
        let program = match code.contains("fn main(") {
            true => code.clone(),
            false => format!("fn main() {{\n{code}}}\n"),
        };
        files.push((format!("src/bin/line_{line}.rs"), program));
    }
    if !files.is_empty() {
        let dependencies = blocks
            .iter()
            .find(|block| block.language == "toml" && block.code.contains("[dependencies]"));
        let dependencies = dependencies
            .ok_or("has examples, but no `toml` block with the [dependencies] that they need")?;
        let package = format!(
            "[package]\nname = \"readme-of-{name}\"\nedition = \"2024\"\n\n{}",
            dependencies.code
        );
        files.push(("Cargo.toml".to_owned(), package));
    }
    Ok(files)
}

/// A fenced block of a Markdown file.
#[derive(Debug)]
struct Block {
    /// Where it begins, counted from one.
    line: usize,
    language: String,
    code: String,
}

impl Block {
    fn is_rust(&self) -> bool {
        self.language
            .split(',')
            .all(|word| RUST.contains(&word.trim()))
    }
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (index, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), is_inside) {
            (Some(language), false) => {
                let (line, language) = (index + 1, language.trim().to_owned());
                blocks.push(Block {
                    line,
                    language,
                    code: String::new(),
                });
                is_inside = true;
            }
            (Some(_), true) => is_inside = false,
            (None, true) => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(line);
                    block.code.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::package;

    const DEPENDENCIES: &str = "```toml\n[dependencies]\nbytes = \"1\"\n```\n";

    #[test]
    fn each_example_becomes_a_program_with_the_dependencies_of_the_readme() {
        let readme = format!(
            "# a\n{DEPENDENCIES}```rust\nstruct A;\n```\n```no_run\nfn main() {{}}\n```\n```sh\nls\n```\n"
        );
        let files = package("a", &readme).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["src/bin/line_6.rs", "src/bin/line_9.rs", "Cargo.toml"]
        );
        assert_eq!(files[0].1, "fn main() {\nstruct A;\n}\n");
        assert_eq!(files[1].1, "fn main() {}\n");
        assert!(files[2].1.ends_with("[dependencies]\nbytes = \"1\"\n"));
        assert!(package("a", "# a\n").unwrap().is_empty());
    }

    #[test]
    fn hidden_lines_and_missing_dependencies_are_found() {
        let hidden =
            format!("{DEPENDENCIES}```rust\n#[derive(Debug)]\nstruct A;\n# struct B;\n```\n");
        assert!(
            package("a", &hidden)
                .unwrap_err()
                .contains("line 5 has hidden lines")
        );
        assert!(
            package("a", "```\nstruct A;\n```\n")
                .unwrap_err()
                .contains("[dependencies]")
        );
    }
}
