//! The house rules. Each is a function from the files of the repository to complaints, and has tests of
//! its own: that it finds what it is for, and lets the rest pass.

mod budgets;
mod manifests;
mod repository;
mod text;

use crate::{Result, report};
use repository::Repository;
use std::fmt;
use xshell::Shell;

pub(crate) use manifests::{PAPERS, STAGES, features};

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    path: String,
    /// Counted from one; `None`: the file as a whole, or that it is missing.
    line: Option<usize>,
    what: String,
}

impl Complaint {
    fn file(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            what: what.into(),
        }
    }

    fn line(path: &str, index: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(index + 1),
            what: what.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.what),
            None => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

type Rule = fn(&Repository) -> Vec<Complaint>;

const RULES: [Rule; 12] = [
    manifests::every_crate_has_its_papers,
    manifests::every_member_inherits_what_is_common,
    manifests::published_crates_introduce_themselves,
    manifests::dependencies_point_downwards,
    manifests::unsafe_code_is_forbidden,
    manifests::the_readme_lists_every_feature,
    manifests::crate_docs_are_the_readme,
    budgets::files_are_short,
    budgets::parts_keep_their_budgets,
    text::lines_end_clean,
    text::no_path_of_a_machine,
    text::files_are_small,
];

/// Applies every rule to every file that git tracks, or would track.
pub(crate) fn run(shell: &Shell) -> Result {
    let repository = Repository::read(shell)?;
    let complaints: Vec<Complaint> = RULES.iter().flat_map(|rule| rule(&repository)).collect();
    report(&complaints)
}
