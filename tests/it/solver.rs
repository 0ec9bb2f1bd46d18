//! `solver`, as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::support::{Finished, program};

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _waited = self.0.wait();
    }
}

#[test]
fn prints_its_address_and_a_line_for_each_request() {
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("auction.json");
    std::fs::write(&auction, r#"{"id":"1"}"#).unwrap();
    let answer = home.path().join("answer.json");
    std::fs::write(&answer, "{\n\"solutions\":[1]}").unwrap();
    let mut arguments = program(&[
        "solver",
        "--delay",
        "10ms",
        "--read-rate",
        "1000000",
        "--respond",
        answer.to_str().unwrap(),
    ]);
    let mut child = Running(arguments.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let url = lines.next().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    for _ in 0..2 {
        let solver = format!("a={url}");
        let arguments = [
            "solve",
            "--auction",
            auction.to_str().unwrap(),
            "--solver",
            &solver,
            "--format",
            "json",
        ];
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(
            finished.outcome()["solvers"][0]["response"],
            serde_json::json!({"solutions": [1]})
        );
        // sha256 of the ten bytes, by `printf '{"id":"1"}' | sha256sum`.
        let digest = "5811967f540d300d249ab30ae681359a7815fdb5d3dc71a94be1d491006a6b27";
        let line = lines.next().unwrap();
        assert_eq!(
            line,
            format!(
                r#"{{"bytes":10,"sha256":"{digest}","complete":true,"content_encoding":null}}"#
            )
        );
    }
}
