//! Many readers through a real HTTP client: what they cost together, and that none holds the others.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Engine, Finished, Size, generated, program};

/// The most productions that may be under way at once, and the one that all start from.
pub(crate) const MAXIMUM_PASSES: f64 = 9.0;

/// Sends the large auction to these engines and returns the outcome.
fn send(engines: &[Engine], more: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let path = generated(home.path(), Size::Large);
    let mut arguments: Vec<String> = ["solve", "--format", "json", "--auction"]
        .map(str::to_owned)
        .to_vec();
    arguments.push(path.to_str().unwrap().to_owned());
    for (index, engine) in engines.iter().enumerate() {
        arguments.extend(["--solver".to_owned(), engine.argument(&format!("s{index}"))]);
    }
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Finished::run(&mut program(&arguments)).outcome()
}

fn passes(outcome: &Value) -> f64 {
    outcome["serialize"]["passes"].as_f64().unwrap()
}

#[test]
fn thirty_two_healthy_engines_are_served_together() {
    let engines: Vec<_> = (0..32)
        .map(|_| Engine::stand_in(|builder| builder))
        .collect();
    let outcome = send(&engines, &["--deadline", "2m"]);
    let digest = outcome["auction"]["sha256"].as_str().unwrap();
    for (engine, solver) in engines.iter().zip(outcome["solvers"].as_array().unwrap()) {
        assert_eq!(solver["status"], "ok", "{solver}");
        assert_eq!(engine.report().sha256, digest);
    }
    // On a quiet machine it is 1.0; how often a busy one lets somebody fall behind is not this test's to say.
    assert!(passes(&outcome) <= MAXIMUM_PASSES, "{}", passes(&outcome));
}

#[test]
fn thirty_engines_of_thirty_speeds_cost_a_few_productions() {
    let engines: Vec<_> = (0..30)
        .map(|index| Engine::stand_in(|builder| builder.read_rate(4_000_000 + index * 2_000_000)))
        .collect();
    let outcome = send(&engines, &["--deadline", "2m"]);
    let digest = outcome["auction"]["sha256"].as_str().unwrap();
    for (engine, solver) in engines.iter().zip(outcome["solvers"].as_array().unwrap()) {
        assert_eq!(solver["status"], "ok", "{solver}");
        assert_eq!(engine.report().sha256, digest);
    }
    assert!(passes(&outcome) <= MAXIMUM_PASSES, "{}", passes(&outcome));
}

#[test]
fn stalled_engines_hold_nobody() {
    let mut engines: Vec<_> = (0..3)
        .map(|_| Engine::stand_in(|builder| builder.stall_after(50_000)))
        .collect();
    engines.extend((0..3).map(|_| Engine::stand_in(|builder| builder)));
    let deadline = Duration::from_secs(10);
    let outcome = send(&engines, &["--deadline", "10s"]);
    let solvers = outcome["solvers"].as_array().unwrap();
    for solver in &solvers[..3] {
        assert_eq!(solver["status"], "timed_out", "{solver}");
        assert_eq!(solver["ending"], "cancelled");
    }
    for (engine, solver) in engines[3..].iter().zip(&solvers[3..]) {
        assert_eq!(solver["status"], "ok", "{solver}");
        assert!(engine.report().complete);
        // They were done before the others were given up, or else they would have timed out with them.
        assert!(solver["total_ms"].as_f64().unwrap() < deadline.as_secs_f64() * 1000.0);
    }
    assert!(passes(&outcome) <= MAXIMUM_PASSES, "{}", passes(&outcome));
}
