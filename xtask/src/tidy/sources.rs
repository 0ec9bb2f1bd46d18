use super::{Complaint, Repository};

/// What can be read in one go.
const LONGEST_FILE: usize = 500;

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

pub(super) fn nothing_is_left_to_do(repository: &Repository) -> Vec<Complaint> {
    // Put together, so that the rule does not find itself.
    let forbidden = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    complaints_about(repository.sources().flat_map(code), |line| {
        let call = forbidden.iter().find(|call| line.contains(call.as_str()))?;
        Some(format!("`{call}…)` is left over"))
    })
}

pub(super) fn no_thread_sleeps(repository: &Repository) -> Vec<Complaint> {
    let call = format!("thread::{}", "sleep(");
    complaints_about(repository.sources().flat_map(code), |line| {
        let what = "blocks a thread for a time: wait for what happens, or have a clock passed in";
        line.contains(&call).then(|| what.to_owned())
    })
}

pub(super) fn no_unwrap_outside_tests(repository: &Repository) -> Vec<Complaint> {
    let call = format!(".unwrap{}", "()");
    let tests = files_of_tests(repository);
    let product = repository
        .sources()
        .filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/"))
        .filter(|(path, _)| !tests.iter().any(|file| file.holds(path)))
        .flat_map(code_before_tests);
    complaints_about(product, |line| {
        // That of a constant is run, and found to hold, by the compiler.
        let is_constant = line.contains("const ") && line.contains(" = ");
        let what = "outside tests: handle it, or `expect` what must hold";
        (line.contains(&call) && !is_constant).then(|| format!("`{call}` {what}"))
    })
}

pub(super) fn lints_are_silenced_with_a_reason(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, source) in repository.sources() {
        let lines: Vec<&str> = source.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let attribute = line.trim_start();
            let silences = ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
                .iter()
                .any(|start| attribute.starts_with(start));
            if !silences {
                continue;
            }
            let rest = &lines[index..];
            let end = rest.iter().position(|line| line.trim_end().ends_with(")]"));
            let attribute = &rest[..=end.unwrap_or(0)];
            if !attribute.iter().any(|line| line.contains("reason = ")) {
                complaints.push(Complaint::line(
                    path,
                    index,
                    "silences a lint without a reason",
                ));
            }
        }
    }
    complaints
}

/// A line of code: the path of its file, its index in there, and the line.
type Line<'a> = (&'a str, usize, &'a str);

fn complaints_about<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    complaint: impl Fn(&str) -> Option<String>,
) -> Vec<Complaint> {
    lines
        .filter_map(|(path, index, line)| Some(Complaint::line(path, index, complaint(line)?)))
        .collect()
}

/// The lines of a file that are not comments, so neither docs nor their examples.
fn code<'a>((path, source): (&'a str, &'a str)) -> impl Iterator<Item = Line<'a>> {
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(move |(index, line)| (path, index, line))
}

/// The same, up to the tests at the bottom of the file.
fn code_before_tests<'a>((path, source): (&'a str, &'a str)) -> impl Iterator<Item = Line<'a>> {
    let lines: Vec<&str> = source.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        is_test_only(pair[0]) && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    code((path, source)).take_while(move |(_, index, _)| tests.is_none_or(|tests| *index < tests))
}

/// Whether what follows this attribute is compiled for tests only.
fn is_test_only(attribute: &str) -> bool {
    attribute == "#[cfg(test)]" || attribute.starts_with("#[cfg(all(test,")
}

/// A module in a file of its own that is compiled for tests only, by its path without the ending.
#[derive(Debug)]
struct TestModule(String);

impl TestModule {
    fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.0)
            .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

fn files_of_tests(repository: &Repository) -> Vec<TestModule> {
    let mut modules = Vec::new();
    for (path, source) in repository.sources() {
        let lines: Vec<&str> = source.lines().collect();
        for pair in lines.windows(2).filter(|pair| is_test_only(pair[0])) {
            let declared = pair[1].trim_start_matches("pub(crate) ");
            let Some(name) = declared
                .strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(';'))
            else {
                continue;
            };
            modules.push(TestModule(format!("{}/{name}", folder_of_modules(path))));
        }
    }
    modules
}

/// Where the modules that a file declares are.
fn folder_of_modules(path: &str) -> &str {
    let stem = path.trim_end_matches(".rs");
    ["/mod", "/lib", "/main"]
        .iter()
        .find_map(|name| stem.strip_suffix(name))
        .unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&Repository) -> Vec<Complaint>, path: &str, source: &str) -> Vec<usize> {
        rule(&Repository::of([(path, source)]))
            .into_iter()
            .filter_map(|complaint| complaint.line)
            .collect()
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

    #[test]
    fn what_is_left_over_is_found_in_code_only() {
        // The names apart from what follows them, so that the rule does not find its own test.
        let source = [
            "// a word on todo",
            "fn a() { todo",
            "fn b() { dbg",
            "fn c() { d",
        ]
        .map(|line| line.to_owned() + "!(1); }")
        .join("\n");
        assert_eq!(found(nothing_is_left_to_do, "a.rs", &source), [2, 3]);
    }

    #[test]
    fn a_sleeping_thread_is_found_in_tests_too() {
        let source = "#[cfg(test)]\nmod tests {\n    fn a() { std::thread".to_owned()
            + "::sleep(SECOND); }\n}\n";
        assert_eq!(found(no_thread_sleeps, "crates/a/tests/a.rs", &source), [3]);
    }

    #[test]
    fn unwrap_is_for_tests() {
        let source = "/// a.unwrap()\nfn a() { b.unwrap() }\n#[cfg(test)]\nmod tests {\n\
            fn c() { d.unwrap() }\n}\n";
        let constant = "pub const ONE: NonZeroU8 = NonZeroU8::new(1).unwrap();\n";
        assert_eq!(
            found(no_unwrap_outside_tests, "crates/a/src/b.rs", constant),
            []
        );
        assert_eq!(
            found(no_unwrap_outside_tests, "crates/a/src/b.rs", source),
            [2]
        );
        assert_eq!(
            found(no_unwrap_outside_tests, "crates/a/tests/b.rs", source),
            []
        );
        assert_eq!(found(no_unwrap_outside_tests, "xtask/src/b.rs", source), []);
    }

    #[test]
    fn a_module_of_tests_in_its_own_file_is_tests() {
        let unwrap = "fn c() { d.unwrap() }\n";
        let repository = Repository::of([
            (
                "crates/a/src/lib.rs",
                "#[cfg(test)]\nmod support;\nmod product;\n#[cfg(all(test, loom))]\nmod loom_tests;\n",
            ),
            ("crates/a/src/support.rs", unwrap),
            ("crates/a/src/support/more.rs", unwrap),
            ("crates/a/src/loom_tests.rs", unwrap),
            (
                "crates/a/src/product.rs",
                "#[cfg(test)]\nmod tests;\nfn a() { b.unwrap() }\n",
            ),
            ("crates/a/src/product/tests.rs", unwrap),
            ("crates/a/src/supporting.rs", unwrap),
        ]);
        let complaints = no_unwrap_outside_tests(&repository);
        let paths: Vec<&str> = complaints.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(
            paths,
            ["crates/a/src/product.rs", "crates/a/src/supporting.rs"]
        );
    }

    #[test]
    fn a_lint_is_silenced_with_a_reason() {
        let source = "#[allow(dead_code)]\n#[expect(dead_code, reason = \"later\")]\n#![allow(\n    \
            dead_code,\n    reason = \"later\"\n)]\n    #[expect(\n        dead_code\n    )]\n// reason = \n";
        assert_eq!(
            found(lints_are_silenced_with_a_reason, "a.rs", source),
            [1, 7]
        );
    }
}
