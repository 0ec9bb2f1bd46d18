//! `solve` with no argument at all.

use std::fs;

use crate::support::{Finished, program, sha256};

#[test]
fn runs_by_itself_and_runs_again() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let finished = Finished::run(program(&["solve"]).current_dir(home.path()));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        for part in ["alpha", "beta", "gamma", "archive ok", "file:///"] {
            assert!(finished.output.contains(part), "{finished:?}");
        }
        assert_eq!(finished.errors, "");
        assert_eq!(
            fs::read_dir(home.path().join("archive")).unwrap().count(),
            1
        );
    }
}

#[test]
fn sends_the_auction_that_generate_writes() {
    let home = tempfile::tempdir().unwrap();
    let generated = Finished::run(&mut program(&["generate"])).output;
    let sent = Finished::run(program(&["solve"]).current_dir(home.path())).output;
    let digest = format!("sha256 {}", &sha256(generated.as_bytes())[..16]);
    assert!(sent.contains(&digest), "{digest}: {sent}");
}
