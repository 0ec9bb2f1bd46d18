use super::{Complaint, Repository};

/// Larger files belong elsewhere: a clone fetches every version of them.
const LARGEST_FILE: usize = 100_000;

/// Written by cargo, not by us.
const LOCK_FILE: &str = "Cargo.lock";

pub(super) fn lines_end_clean(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repository.texts() {
        for (index, line) in text.split_terminator('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                complaints.push(Complaint::line(path, index, "ends with white space"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            complaints.push(Complaint::file(path, "does not end with a line feed"));
        }
    }
    complaints
}

pub(super) fn no_path_of_a_machine(repository: &Repository) -> Vec<Complaint> {
    // Put together, so that the rule does not find itself.
    let folders = ["home", "root", "tmp", "work"].map(|name| format!("/{name}/"));
    let mut complaints = Vec::new();
    for (path, text) in repository.texts() {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = folders.iter().find(|folder| names_path(line, folder)) {
                let what = format!("names a path of one machine, under {folder}");
                complaints.push(Complaint::line(path, index, what));
            }
        }
    }
    complaints
}

/// Whether this folder is at the beginning of a path somewhere in the line. In the middle of a path, or
/// of a URL, it is somebody else's.
fn names_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~})>*".contains(c))
    })
}

pub(super) fn files_are_small(repository: &Repository) -> Vec<Complaint> {
    repository
        .sizes()
        .filter(|(path, size)| *path != LOCK_FILE && *size > LARGEST_FILE)
        .map(|(path, size)| {
            Complaint::file(path, format!("has {size} bytes, more than {LARGEST_FILE}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_at_the_end_of_a_line_is_found() {
        let repository = Repository::of([
            ("a", "clean\n\nclean too\n"),
            ("b", "one\ntwo \nthree\t\nfour\r\n"),
            ("c", "no line feed"),
            ("d", ""),
        ]);
        let expected = [
            Complaint::line("b", 1, "ends with white space"),
            Complaint::line("b", 2, "ends with white space"),
            Complaint::line("b", 3, "ends with white space"),
            Complaint::file("c", "does not end with a line feed"),
        ];
        assert_eq!(lines_end_clean(&repository), expected);
    }

    #[test]
    fn a_path_of_a_machine_is_found_where_it_begins() {
        for (line, is_found) in [
            (["see /", "home/me/notes"].concat(), true),
            (["\"/", "tmp/archive\""].concat(), true),
            (["file:///", "root/auction.json"].concat(), true),
            (["--archive=/", "work/archive"].concat(), true),
            (["https://example.com/", "home/page"].concat(), false),
            (["s3://bucket/", "tmp/object"].concat(), false),
            (["../", "work/x"].concat(), false),
            ("/homely/ and /tmpfs".to_owned(), false),
        ] {
            let repository = Repository::of([("a.md", &line)]);
            let found = !no_path_of_a_machine(&repository).is_empty();
            assert_eq!(found, is_found, "{line}");
        }
    }

    #[test]
    fn a_large_file_is_found_unless_cargo_wrote_it() {
        let largest = "x".repeat(LARGEST_FILE);
        let too_large = "x".repeat(LARGEST_FILE + 1);
        let repository = Repository::of([
            ("a.json", &largest),
            ("b.json", &too_large),
            ("Cargo.lock", &too_large),
        ]);
        let expected = [Complaint::file(
            "b.json",
            "has 100001 bytes, more than 100000",
        )];
        assert_eq!(files_are_small(&repository), expected);
    }
}
