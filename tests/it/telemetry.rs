//! What is exported, read back by a collector; and that a run does not depend on there being one.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Collector, Engine, Finished, attribute, attributes, program};

const README: &str = include_str!("../../crates/driver-telemetry/README.md");

/// A run with a solver that answers well, one that answers 500, and an archive.
struct Run {
    finished: Finished,
    good: Engine,
    home: TempDir,
}

impl Run {
    fn with(set_up: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let home = tempfile::tempdir().unwrap();
        let auction = home.path().join("auction.json");
        fs::write(&auction, r#"{"id":"A7","orders":[1,2,3]}"#).unwrap();
        let archive = home.path().join("archive");
        let good = Engine::keeping();
        let bad = Engine::stand_in(|builder| builder.status(500));
        let good_url = good
            .argument("good")
            .replace("http://", "http://user:secret@")
            + "/?key=secret";
        let mut command = program(&[
            "solve",
            "--auction",
            auction.to_str().unwrap(),
            "--solver",
            &good_url,
            "--solver",
            &bad.argument("bad"),
            "--archive",
            archive.to_str().unwrap(),
            "--spool",
            home.path().join("spool").to_str().unwrap(),
            "--format",
            "json",
        ]);
        let finished = Finished::run(set_up(&mut command));
        Self {
            finished,
            good,
            home,
        }
    }

    fn exporting_to(collector: &Collector) -> Self {
        Self::with(|command| command.args(["--otlp", &collector.url]))
    }

    /// That it went as it would have without telemetry.
    fn is_unaffected(&self) -> Value {
        assert_eq!(self.finished.code, Some(1), "{:?}", self.finished);
        let outcome = self.finished.outcome();
        assert_eq!(outcome["solvers"][0]["status"], "ok");
        assert_eq!(outcome["solvers"][1]["http_status"], 500);
        assert_eq!(outcome["archive"]["status"], "ok");
        assert!(self.home.path().join("archive/A7.json.gz").exists());
        outcome
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn error_of(span: &Span) -> Option<&str> {
    let status = span.status.as_ref()?;
    (status.code() == StatusCode::Error).then_some(status.message.as_str())
}

#[test]
fn a_run_is_one_trace() {
    let collector = Collector::start();
    let run = Run::exporting_to(&collector);
    let outcome = run.is_unaffected();
    assert_eq!(run.finished.errors, "");
    let exported = collector.exported();

    assert_eq!(exported.spans.len(), 4);
    let root = exported.span("auction", "driver_streaming.auction.id", "A7");
    assert!(root.parent_span_id.is_empty());
    assert_eq!(error_of(root), Some("1 of 2 solvers failed"));
    let good = exported.span("POST", "driver_streaming.solver.name", "good");
    let bad = exported.span("POST", "driver_streaming.solver.name", "bad");
    let archive = exported.span("archive", "driver_streaming.archive.status", "ok");
    for child in [good, bad, archive] {
        assert_eq!(child.parent_span_id, root.span_id);
        assert_eq!(child.trace_id, root.trace_id);
        assert!(child.end_time_unix_nano <= root.end_time_unix_nano);
    }

    assert_eq!(good.kind(), SpanKind::Client);
    assert_eq!(error_of(good), None);
    let said = attributes(&good.attributes);
    let solver = &outcome["solvers"][0];
    assert_eq!(said["http.request.method"], "POST");
    assert_eq!(said["http.response.status_code"], "200");
    assert_eq!(said["server.address"], "127.0.0.1");
    assert_eq!(
        said["url.full"],
        format!(
            "http://127.0.0.1:{}/solve?key=REDACTED",
            said["server.port"]
        )
    );
    assert_eq!(
        said["http.request.body.size"],
        solver["bytes_sent"].to_string()
    );
    assert_eq!(said["measured_body.ending"], "complete");
    let seconds: f64 = said["measured_body.transmission.duration"].parse().unwrap();
    // The outcome is rounded to the microsecond.
    let milliseconds = solver["sending_ms"].as_f64().unwrap();
    assert!((seconds * 1000.0 - milliseconds).abs() < 0.002);
    assert!(!said.contains_key("error.type"));

    assert_eq!(attribute(&bad.attributes, "error.type").unwrap(), "500");
    assert_eq!(error_of(bad), outcome["solvers"][1]["error"].as_str());

    let said = attributes(&archive.attributes);
    let kept = &outcome["archive"];
    assert_eq!(
        said["driver_streaming.archive.stored.size"],
        kept["stored_bytes"].to_string()
    );
    assert_eq!(said["driver_streaming.archive.codec"], "gzip");
    assert_eq!(
        said["driver_streaming.archive.location"],
        kept["location"].as_str().unwrap()
    );

    let request = run.good.request();
    assert_eq!(request.header("x-request-id"), Some("A7"));
    let parent = format!("00-{}-{}-01", hex(&good.trace_id), hex(&good.span_id));
    assert_eq!(request.header("traceparent"), Some(&*parent));
    for request in &exported.requests {
        let secret = b"secret";
        let has_secret = request
            .body
            .windows(secret.len())
            .any(|bytes| bytes == secret);
        assert!(!has_secret, "a secret was exported to {}", request.path());
    }
    let service = attribute(&exported.resources[0].attributes, "service.name");
    assert_eq!(service.as_deref(), Some("driver-streaming"));
}

#[test]
fn a_replay_is_a_trace_as_well() {
    let run = Run::with(|command| command);
    run.is_unaffected();
    let collector = Collector::start();
    let archived = run.home.path().join("archive/A7.json.gz");
    let engine = Engine::keeping();
    let finished = Finished::run(&mut program(&[
        "replay",
        archived.to_str().unwrap(),
        "--solver",
        &engine.argument("again"),
        "--otlp",
        &collector.url,
    ]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let exported = collector.exported();
    let root = exported.span("auction", "driver_streaming.auction.id", "A7");
    let solver = exported.span("POST", "driver_streaming.solver.name", "again");
    assert_eq!((error_of(root), error_of(solver)), (None, None));
    assert_eq!(exported.spans.len(), 2);
    let request = engine.request();
    assert_eq!(request.header("x-request-id"), Some("A7"));
    let trace = request.header("traceparent").unwrap().split('-').nth(1);
    assert_eq!(trace, Some(&*hex(&root.trace_id)));
}

#[test]
fn an_archive_that_fails_is_a_span_that_failed() {
    let collector = Collector::start();
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("auction.json");
    fs::write(&auction, r#"{"id":"1"}"#).unwrap();
    let archive = home.path().join("archive");
    let solve = || {
        Finished::run(&mut program(&[
            "solve",
            "--auction",
            auction.to_str().unwrap(),
            "--archive",
            archive.to_str().unwrap(),
            "--otlp",
            &collector.url,
        ]))
    };
    assert_eq!(solve().code, Some(0));
    // Another auction under the same id is a conflict.
    fs::write(&auction, r#"{"id":"1","orders":[]}"#).unwrap();
    assert_eq!(solve().code, Some(1));
    let exported = collector.exported();
    let failed = exported.span("archive", "driver_streaming.archive.status", "conflict");
    assert!(error_of(failed).is_some());
    let root = exported.span("auction", "driver_streaming.auction.status", "failed");
    assert_eq!(error_of(root), Some("the archive failed"));
}

#[test]
fn requests_are_named_without_telemetry_and_without_an_id() {
    let home = tempfile::tempdir().unwrap();
    let auction = home.path().join("auction.json");
    fs::write(&auction, r#"{"orders":[]}"#).unwrap();
    let engines = [Engine::keeping(), Engine::keeping()];
    let finished = Finished::run(&mut program(&[
        "solve",
        "--auction",
        auction.to_str().unwrap(),
        "--solver",
        &engines[0].argument("a"),
        "--solver",
        &engines[1].argument("b"),
    ]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let requests = engines.each_ref().map(Engine::request);
    let names = requests
        .each_ref()
        .map(|request| request.header("x-request-id").unwrap());
    assert_eq!(names[0], names[1]);
    // RFC 9562: 32 digits in five groups, the third of which starts with the version.
    let groups: Vec<_> = names[0].split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert_eq!(names[0].as_bytes()[14], b'4');
    assert!(
        requests
            .iter()
            .all(|request| request.header("traceparent").is_none())
    );
}

#[test]
fn the_environment_is_honoured() {
    let collector = Collector::start();
    let run = Run::with(|command| {
        command
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("{}/below", collector.url),
            )
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=seven")
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
            .env("OTEL_SERVICE_NAME", "driver")
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment=test")
    });
    run.is_unaffected();
    let exported = collector.exported();
    let paths: BTreeSet<_> = exported
        .requests
        .iter()
        .map(|request| request.path())
        .collect();
    assert_eq!(
        paths,
        BTreeSet::from(["/below/v1/metrics", "/below/v1/traces"])
    );
    for request in &exported.requests {
        assert_eq!(request.header("x-tenant"), Some("seven"));
        assert_eq!(request.header("content-encoding"), Some("gzip"));
    }
    for resource in &exported.resources {
        let said = attributes(&resource.attributes);
        assert_eq!(said["service.name"], "driver");
        assert_eq!(said["deployment"], "test");
    }
}

#[test]
fn the_environment_can_switch_it_off() {
    let collector = Collector::start();
    let run = Run::with(|command| {
        command
            .args(["--otlp", &collector.url])
            .env("OTEL_SDK_DISABLED", "true")
    });
    run.is_unaffected();
    assert!(collector.exported().requests.is_empty());
    assert_eq!(run.good.request().header("traceparent"), None);

    let run = Run::with(|command| {
        command
            .args(["--otlp", &collector.url])
            .env("OTEL_METRICS_EXPORTER", "none")
    });
    run.is_unaffected();
    let exported = collector.exported();
    assert_eq!((exported.spans.len(), exported.metrics.len()), (4, 0));
}

#[test]
fn a_collector_that_is_gone_changes_nothing() {
    let run = Run::with(|command| command.args(["--otlp", &Engine::unreachable_url()]));
    run.is_unaffected();
    assert!(
        run.finished.errors.contains("spans were not exported"),
        "{:?}",
        run.finished
    );
}

#[test]
fn a_collector_that_refuses_changes_nothing() {
    let collector = Collector::answering("403 Forbidden");
    let run = Run::exporting_to(&collector);
    run.is_unaffected();
    let warning = "spans were not exported: the collector answered 403 Forbidden";
    assert!(run.finished.errors.contains(warning), "{:?}", run.finished);
}

/// Without a limit of its own, leaving would wait for an hour.
#[test]
fn a_collector_that_stalls_changes_nothing() {
    let collector = Collector::stalled();
    let run = Run::with(|command| {
        command
            .args(["--otlp", &collector.url])
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000")
    });
    run.is_unaffected();
    assert!(
        run.finished.errors.contains("were not exported"),
        "{:?}",
        run.finished
    );
}

#[test]
fn no_warning_shows_the_password_of_an_endpoint() {
    // One where nobody listens, one that does not parse, one that is no HTTP.
    for endpoint in [
        "http://user:secret@127.0.0.1:1",
        "http://user:secret@127.0.0.1:99999",
        "ftp://user:secret@127.0.0.1:1",
    ] {
        let run = Run::with(|command| command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint));
        run.is_unaffected();
        let Finished { output, errors, .. } = &run.finished;
        assert!(!errors.is_empty(), "{endpoint}");
        assert!(!format!("{output}{errors}").contains("secret"), "{errors}");
    }
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    for endpoint in ["", "localhost:4318", "ftp://u:secret@h"] {
        let run = Run::with(|command| command.args(["--otlp", endpoint]));
        assert_eq!(run.finished.code, Some(2), "{:?}", run.finished);
        assert!(run.finished.errors.starts_with("error: --otlp: "));
        assert!(!run.finished.errors.contains("secret"));
    }
}

/// The first columns of the rows between two headings of the README, without their backquotes.
fn rows(from: &str, to: &str) -> BTreeSet<(String, String)> {
    let section = README.split(from).nth(1).unwrap().split(to).next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`'));
            let name = cells.nth(1).unwrap().to_owned();
            (name, cells.next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn the_readme_lists_what_is_exported_and_nothing_else() {
    let collector = Collector::start();
    Run::exporting_to(&collector).is_unaffected();
    let exported = collector.exported();
    assert_eq!(exported.units(), rows("## Metrics", "## Spans"));

    let of_spans: BTreeSet<_> = exported
        .spans
        .iter()
        .flat_map(|span| span.attributes.iter().map(|found| found.key.clone()))
        .collect();
    let listed: BTreeSet<_> = rows("## Spans", "## ")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(of_spans, listed);
}
