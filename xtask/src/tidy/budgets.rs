use super::{Complaint, Repository};

/// How many lines a reader has to know, at most, of each part.
const BUDGETS: [(&str, usize); 13] = [
    ("crates/chunked-writer", 3_604),
    ("crates/tee-stream", 3_085),
    ("crates/measured-body", 1_491),
    ("crates/archive-sink", 6_279),
    ("crates/upload-client", 1_917),
    ("crates/driver-streaming", 4_108),
    ("crates/driver-telemetry", 699),
    ("crates/driver-cli", 8_800),
    ("crates/solver-stand-in", 910),
    ("crates/auction-fixtures", 1_275),
    ("tests/soak", 3_270),
    ("bench", 3_000),
    ("xtask", 1_045),
];

/// Folders of a part that are not counted, wherever in it they are.
const NOT_COUNTED: [&str; 7] = [
    "tests",
    "benches",
    "benchmarks",
    "bench",
    "examples",
    "fuzz",
    "target",
];

/// What can be read in one go.
const LONGEST_FILE: usize = 500;

pub(super) fn parts_keep_their_budgets(repository: &Repository) -> Vec<Complaint> {
    let over = BUDGETS.iter().filter_map(|(folder, budget)| {
        let lines = lines_to_know(repository, folder);
        let what = || format!("has {lines} lines without tests, more than {budget}");
        (lines > *budget).then(|| Complaint::file(*folder, what()))
    });
    over.collect()
}

/// The lines of a folder's Rust files that are not blank, without tests, benchmarks and examples.
fn lines_to_know(repository: &Repository, folder: &str) -> usize {
    let counted = repository.sources().filter(|(path, _)| {
        let inner = path
            .strip_prefix(folder)
            .and_then(|path| path.strip_prefix('/'));
        inner.is_some_and(|inner| {
            let folders = inner.rsplit_once('/').map_or("", |(folders, _)| folders);
            !folders.split('/').any(|name| NOT_COUNTED.contains(&name))
                && !inner.ends_with("tests.rs")
        })
    });
    counted
        .flat_map(|(_, source)| lines_before_tests(source))
        .filter(|line| !line.trim().is_empty())
        .count()
}

/// The lines of a file, up to the tests at the bottom.
fn lines_before_tests(source: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let tests = lines.windows(2).position(|pair| {
        let is_for_tests = ["#[cfg(test", "#[cfg(all(test"]
            .iter()
            .any(|start| pair[0].starts_with(start));
        is_for_tests && pair[1].ends_with('{') && pair[1].split(' ').any(|word| word == "mod")
    });
    source.lines().take(tests.unwrap_or(usize::MAX))
}

pub(super) fn files_are_short(repository: &Repository) -> Vec<Complaint> {
    repository
        .sources()
        .map(|(path, source)| (path, source.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| {
            Complaint::file(path, format!("has {lines} lines, more than {LONGEST_FILE}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_without_blank_ones_tests_and_examples() {
        let repository = Repository::of([
            (
                "crates/a/src/lib.rs",
                "//! Docs.\n\nmod b;\n#[cfg(test)]\nmod tests;\n",
            ),
            (
                "crates/a/src/b.rs",
                "fn b() {}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n",
            ),
            (
                "crates/a/src/c.rs",
                "fn c() {}\n#[cfg(all(test, not(loom)))]\npub(crate) mod tests {\n}\n",
            ),
            ("crates/a/src/loom_tests.rs", "fn d() {}\n"),
            ("crates/a/tests/it/main.rs", "fn e() {}\n"),
            ("crates/a/README.md", "# a\n"),
            ("crates/ab/src/lib.rs", "fn f() {}\n"),
        ]);
        assert_eq!(lines_to_know(&repository, "crates/a"), 4 + 1 + 1);
    }

    #[test]
    fn a_part_over_its_budget_is_found() {
        let (_, budget) = BUDGETS[BUDGETS.len() - 1];
        let (too_many, most) = ("x\n".repeat(budget + 1), "x\n".repeat(900));
        let repository = Repository::of([
            ("xtask/src/main.rs", &too_many),
            ("crates/solver-stand-in/src/lib.rs", &most),
        ]);
        let what = format!("has {} lines without tests, more than {budget}", budget + 1);
        let expected = [Complaint::file("xtask", what)];
        assert_eq!(parts_keep_their_budgets(&repository), expected);
    }

    #[test]
    fn a_file_may_have_so_many_lines() {
        let longest = "x\n".repeat(LONGEST_FILE);
        let too_long = "x\n".repeat(LONGEST_FILE + 1);
        let repository = Repository::of([
            ("a.rs", &longest),
            ("b.rs", &too_long),
            ("c.json", &too_long),
        ]);
        let expected = [Complaint::file("b.rs", "has 501 lines, more than 500")];
        assert_eq!(files_are_short(&repository), expected);
    }
}
