//! `docs/outcome.schema.json` describes every member of real outcomes, and `docs/outcome.md` names them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archive_sink::Archive;
use archive_sink::object_store::memory::InMemory;
use driver_streaming::{ArchiveTarget, Dispatch, JsonDocument, Outcome, Pipeline, Solver};
use serde_json::{Map, Value};
use solver_stand_in::{StandIn, StandInBuilder};

const SCHEMA: &str = include_str!("../../../docs/outcome.schema.json");
const PAGE: &str = include_str!("../../../docs/outcome.md");

/// Says where `value` is not as `schema` has it. Of JSON Schema, it knows what ours uses, and refuses all else.
fn check(schema: &Value, value: &Value, root: &Value, path: &str) {
    let schema = schema.as_object().unwrap();
    for (keyword, wanted) in schema {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                check(root.pointer(pointer).unwrap(), value, root, path);
            }
            "type" => {
                let one = std::slice::from_ref(wanted);
                let kinds = wanted.as_array().map_or(one, Vec::as_slice);
                let found = kinds.iter().any(|kind| is_a(kind.as_str().unwrap(), value));
                assert!(found, "{path} is {value}, no {wanted}");
            }
            "const" => assert_eq!(wanted, value, "{path}"),
            "enum" => {
                let allowed = wanted.as_array().unwrap();
                assert!(allowed.contains(value), "{path} is {value}");
            }
            "minimum" => {
                let too_small = value
                    .as_f64()
                    .is_some_and(|value| value < wanted.as_f64().unwrap());
                assert!(!too_small, "{path} is {value}");
            }
            "items" => {
                for (index, item) in value.as_array().unwrap().iter().enumerate() {
                    check(wanted, item, root, &format!("{path}[{index}]"));
                }
            }
            "required" => {
                for name in wanted.as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    assert!(value.get(name).is_some(), "{path}.{name} is missing");
                }
            }
            "properties" => check_members(wanted.as_object().unwrap(), value, root, path),
            other => panic!("{other:?} is not checked"),
        }
    }
}

/// Stricter than the schema, which allows members of later versions: ours are all described.
fn check_members(described: &Map<String, Value>, value: &Value, root: &Value, path: &str) {
    for (name, member) in value.as_object().unwrap() {
        let schema = described.get(name);
        let schema = schema.unwrap_or_else(|| panic!("{path}.{name} is not described"));
        check(schema, member, root, &format!("{path}.{name}"));
        assert!(
            PAGE.contains(&format!("| `{name}` |")),
            "{path}.{name} is not on the page"
        );
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other:?} is not checked"),
    }
}

fn holds(outcome: &Outcome) -> Value {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let text = serde_json::to_string(outcome).unwrap();
    let value = serde_json::from_str(&text).expect("within the limit of serde_json");
    check(&schema, &value, &schema, "outcome");
    value
}

async fn solver(name: &str, engine: StandInBuilder) -> Solver {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let engine = engine.bind(loopback).await.unwrap();
    let solver = Solver::new(name, &engine.url()).unwrap();
    tokio::spawn(engine.serve());
    solver.with_retries(0)
}

fn dispatch() -> Dispatch {
    Dispatch::new(JsonDocument::new(vec!["order"; 100_000])).archive_as("1".parse().unwrap())
}

#[tokio::test]
async fn real_outcomes_are_as_the_schema_says() {
    let answer = StandIn::builder;
    let engines = [
        ("ok", answer()),
        (
            "refused",
            answer()
                .status(422)
                .response(r#"{"detail":"no field 'id'"}"#),
        ),
        ("page", answer().response("<html>")),
        ("empty", answer().status(500).response("")),
        (
            "deep",
            answer().response("[".repeat(126) + &"]".repeat(126)),
        ),
        ("reset", answer().reset_after(1)),
        ("stalled", answer().stall_after(100)),
    ];
    let mut pipeline = Pipeline::builder().deadline(Duration::from_secs(2));
    for (name, engine) in engines {
        pipeline = pipeline.solver(solver(name, engine).await);
    }
    let archive = Archive::builder(Arc::new(InMemory::new())).build().unwrap();
    let target = ArchiveTarget::new(archive, "memory:///".parse().unwrap());
    let pipeline = pipeline.archive(target).build().unwrap();

    let found = holds(&pipeline.run(dispatch()).await);
    let failures: Vec<_> = found["solvers"].as_array().unwrap().iter().collect();
    let failures: Vec<_> = failures.iter().map(|solver| &solver["failure"]).collect();
    assert_eq!(failures[0], &Value::Null);
    let rest: Vec<_> = failures[1..]
        .iter()
        .map(|kind| kind.as_str().unwrap())
        .collect();
    let expected = [
        "refused",
        "answer_not_json",
        "refused",
        "answer_too_deep",
        "broken",
        "timed_out",
    ];
    assert_eq!(rest, expected);
    assert_eq!(found["solvers"][1]["response"]["detail"], "no field 'id'");
    let archive = &found["archive"];
    let of_archive = |member: &str| archive[member].as_f64().unwrap();
    assert_eq!(archive["status"], "ok");
    assert!(0.0 < of_archive("write_ms") && of_archive("write_ms") <= of_archive("total_ms"));
    assert!(of_archive("total_ms") <= found["wall_ms"].as_f64().unwrap());
    // What the stalled engine's reader, in part, was waited for.
    assert!(of_archive("waited_ms") >= 0.0 && of_archive("waited_for_ms") >= 0.0);
    assert_eq!(found["archive"]["status"], "ok");

    let (run, archive) =
        pipeline.run_ahead_of_archive(dispatch().deadline(Instant::now()), std::future::pending());
    let late = holds(&run.await);
    for solver in late["solvers"].as_array().unwrap() {
        assert_eq!(
            (&solver["status"], &solver["attempts"]),
            (&"timed_out".into(), &0.into())
        );
    }
    assert!(archive.ended().await.stored_bytes.is_some());

    let stopped = pipeline.run_until(dispatch(), std::future::ready(())).await;
    let stopped = holds(&stopped);
    assert_eq!(stopped["solvers"][0]["failure"], "cancelled");
}
