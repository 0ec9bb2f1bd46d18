//! The dashboard and the alerts, asked about what really arrives: from many `solve`s, and from a service.
//!
//! The queries are evaluated by Prometheus's own `promtool`. Where it is not installed, the output says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use serde_json::{Value, json};

use crate::support::{Collector, Engine, Finished, Service, attribute, attributes, program};

const DASHBOARD: &str = include_str!("../../dashboards/driver-streaming.json");
const ALERTS: &str = include_str!("../../dashboards/alerts.yml");
const AUCTION: &str = r#"{"id":"A7","orders":[1,2,3]}"#;

/// What PromQL, and the annotations of alerts, have of their own.
const LANGUAGE: [&str; 14] = [
    "by",
    "histogram_quantile",
    "increase",
    "last_over_time",
    "max",
    "offset",
    "or",
    "sum",
    "unless",
    // Durations, and units of numbers.
    "h",
    "m",
    // Labels that Prometheus adds.
    "instance",
    "job",
    "le",
];

/// A solver that answers well, one that does not, and an archive.
struct Engines([Engine; 2]);

impl Engines {
    fn start() -> Self {
        Self([
            Engine::stand_in(|builder| builder),
            Engine::stand_in(|builder| builder.status(500)),
        ])
    }

    /// What a run of `solve` with them exports: the series that Prometheus makes of it, each with its value.
    fn solve(&self, collector: &Collector) -> Vec<(String, f64)> {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("auction.json"), AUCTION).unwrap();
        let (auction, archive, spool) = (path("auction.json"), path("archive"), path("spool"));
        let [good, bad] = [self.0[0].argument("good"), self.0[1].argument("bad")];
        let arguments = ["solve", "--auction", &auction, "--archive", &archive];
        let more = ["--spool", &spool, "--solver", &good, "--solver", &bad];
        let mut command = program(&[&arguments[..], &more, &["--otlp", &collector.url]].concat());
        let finished = Finished::run(&mut command);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let exported = collector.exported();
        let instances: BTreeSet<_> = exported
            .resources
            .iter()
            .map(|resource| attribute(&resource.attributes, "service.instance.id").unwrap())
            .collect();
        assert_eq!(instances.len(), 1, "of a process: {instances:?}");
        let instance = instances.first().unwrap();
        let metrics = exported.metrics.iter();
        metrics
            .flat_map(|metric| series(metric, instance))
            .collect()
    }
}

/// The series that Prometheus makes of a metric: <https://prometheus.io/docs/guides/opentelemetry/>.
fn series(metric: &Metric, instance: &str) -> Vec<(String, f64)> {
    let cumulative = i32::from(AggregationTemporality::Cumulative);
    // Units become a suffix; a unit in braces is an annotation, which does not.
    let suffix = match &*metric.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        unit if unit.starts_with('{') => "",
        other => panic!("{}: which suffix has {other}?", metric.name),
    };
    let name = metric.name.replace('.', "_") + suffix;
    let one = |part: &str, found: &[KeyValue], more: &str, value: f64| {
        let labels = attributes(found).into_iter().map(|(name, value)| {
            let value = value.replace('\\', r"\\").replace('"', r#"\""#);
            format!("{}=\"{value}\",", name.replace('.', "_"))
        });
        let labels: String = labels.collect();
        let series =
            format!("{name}{part}{{{labels}{more}job=\"driver\",instance=\"{instance}\"}}");
        (series, value)
    };
    let mut found = Vec::new();
    match metric.data.as_ref().unwrap() {
        Data::Histogram(data) => {
            assert_eq!(data.aggregation_temporality, cumulative);
            for point in &data.data_points {
                let mut below = 0;
                let bounds = point.explicit_bounds.iter().map(ToString::to_string);
                let bounds = bounds.chain(["+Inf".to_owned()]);
                for (bound, count) in bounds.zip(&point.bucket_counts) {
                    below += count;
                    let le = format!("le=\"{bound}\",");
                    found.push(one("_bucket", &point.attributes, &le, below as f64));
                }
                found.push(one("_count", &point.attributes, "", point.count as f64));
                found.push(one("_sum", &point.attributes, "", point.sum.unwrap()));
            }
        }
        Data::Gauge(data) => {
            let points = data.data_points.iter();
            found.extend(points.map(|point| one("", &point.attributes, "", 0.0)));
        }
        Data::Sum(data) => {
            assert_eq!(data.aggregation_temporality, cumulative);
            let points = data.data_points.iter();
            found.extend(points.map(|point| one("_total", &point.attributes, "", 0.0)));
        }
        other => panic!("{} is {other:?}", metric.name),
    }
    found
}

/// The series that a service shows, as it is scraped.
fn scraped(service: &Service) -> Vec<(String, f64)> {
    let metrics = service.get("/metrics").body;
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let of_target = r#",job="driver",instance="service"}"#;
        let series = match series.strip_suffix('}') {
            Some(labelled) => format!("{labelled}{of_target}"),
            None => format!("{series}{{{}", &of_target[1..]),
        };
        (series, value.parse().unwrap())
    });
    samples.collect()
}

/// A service with an engine, an archive and a spool.
fn service(engines: &Engines) -> Service {
    let config = format!(
        "[archive]\nlocation = \"store\"\nspool = \"spool\"\n[[solver]]\nname = \"good\"\nendpoint = \"{}\"\n",
        engines.0[0].url()
    );
    Service::start(&config, &["--log-format", "json"])
}

fn solve(service: &Service, id: u32) {
    let answer = service.solve("", format!(r#"{{"id":"{id}","orders":[]}}"#));
    assert_eq!(answer.status(), 200);
    service.wait_for(&format!("\"auction\":\"{id}\""));
}

/// The panels of the dashboard: their titles and queries, with what Grafana would write for its variables.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$job", ".*")
                .replace("$__rate_interval", "4m");
            let title = panel["title"].as_str().unwrap().to_owned();
            found.push((title, query.replace("$__range", "30m")));
        }
    }
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// The names in a query: not what is quoted, and no numbers.
fn words(query: &str) -> BTreeSet<&str> {
    let unquoted = query.split('"').step_by(2);
    unquoted
        .flat_map(|part| {
            part.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        })
        .map(|word| word.trim_start_matches(|first: char| first.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn queries_ask_for_what_is_exported() {
    let engines = Engines::start();
    let service = service(&engines);
    solve(&service, 1);
    let found = [engines.solve(&Collector::start()), scraped(&service)].concat();
    let mut names = BTreeSet::new();
    let mut labels = BTreeSet::new();
    for (series, _) in &found {
        let (name, inner) = series.split_once('{').unwrap();
        names.insert(name);
        labels.extend(words(inner));
    }
    let alerts = ALERTS.split("expr:").skip(1).map(|rule| {
        let query = rule.split("\n        labels:").next().unwrap();
        query.split("\n        for:").next().unwrap().to_owned()
    });
    let panels = panels().into_iter().map(|(_, query)| query);
    for query in panels.chain(alerts) {
        let words = words(&query);
        assert!(
            words.iter().any(|word| names.contains(word)),
            "{query} asks for nothing"
        );
        for word in words {
            let is_known =
                names.contains(word) || labels.contains(word) || LANGUAGE.contains(&word);
            assert!(is_known, "{word} of {query} is not exported");
        }
    }
}

/// Two `solve`s within the window of a panel, of which each leaves one value of series of its own, and a service that is
/// scraped every minute and solves an auction before the first scrape and one after it.
#[test]
fn panels_count_both_ways_of_running() {
    let (engines, collector) = (Engines::start(), Collector::start());
    let mut input = Vec::new();
    for minute in [70, 72] {
        let exported = engines.solve(&collector);
        input.extend(exported.into_iter().map(
            |(series, value)| json!({"series": series, "values": format!("_x{minute} {value}")}),
        ));
    }
    let service = service(&engines);
    solve(&service, 1);
    let before = scraped(&service);
    solve(&service, 2);
    for (series, after) in scraped(&service) {
        // What is new with the second auction begins later.
        let values = match before.iter().find(|(known, _)| *known == series) {
            Some((_, before)) => format!("_x79 {before}x3 {after}x10"),
            None => format!("_x83 {after}x10"),
        };
        input.push(json!({"series": series, "values": values}));
    }

    let solved = AUCTION.len();
    let expected = |title: &str, minute: u32, samples: Value| {
        let (_, query) = panels()
            .into_iter()
            .find(|(found, _)| found == title)
            .unwrap();
        // Where a window begins between two scrapes, `increase` is a fraction.
        json!({"expr": format!("round({query})"), "eval_time": format!("{minute}m"), "exp_samples": samples})
    };
    let ok = |name: &str, count: u32| {
        let labels = format!(
            r#"{{driver_streaming_solver_name="{name}",driver_streaming_solver_status="ok"}}"#
        );
        json!({"labels": labels, "value": count})
    };
    let failed = |count: u32| {
        let labels = r#"{driver_streaming_solver_name="bad",driver_streaming_solver_status="failed",error_type="500"}"#;
        json!({"labels": labels, "value": count})
    };
    let mut tests = vec![
        expected("Solver outcomes", 71, json!([ok("good", 1), failed(1)])),
        expected("Solver outcomes", 73, json!([ok("good", 2), failed(2)])),
        expected("Solver outcomes", 75, json!([ok("good", 1), failed(1)])),
        expected("Solver outcomes", 78, json!([])),
        // The first auction of the service, then its second.
        expected("Solver outcomes", 81, json!([ok("good", 1)])),
        expected("Solver outcomes", 85, json!([ok("good", 1)])),
        expected(
            "Requests in the time shown",
            92,
            json!([ok("good", 4), failed(2)]),
        ),
        expected(
            "Sent to solvers",
            73,
            json!([
                {"labels": r#"{driver_streaming_solver_name="good"}"#, "value": 2 * solved},
                {"labels": r#"{driver_streaming_solver_name="bad"}"#, "value": 2 * solved},
            ]),
        ),
        expected(
            "Auctions",
            73,
            json!([{"labels": r#"{driver_streaming_auction_status="failed"}"#, "value": 2}]),
        ),
        expected(
            "Auctions",
            85,
            json!([{"labels": r#"{driver_streaming_auction_status="ok"}"#, "value": 1}]),
        ),
    ];
    // Each panel shows something of each way.
    for (_, query) in panels() {
        for minute in [73, 82, 85] {
            tests.push(json!({
                "expr": format!("count({query}) > bool 0"),
                "eval_time": format!("{minute}m"),
                "exp_samples": [{"labels": "{}", "value": 1}],
            }));
        }
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("panels.yml");
    let group = json!({"interval": "1m", "input_series": input, "promql_expr_test": tests});
    fs::write(&file, json!({"tests": [group]}).to_string()).unwrap();
    promtool(&file);
}

#[test]
fn alerts_fire_for_both_ways_of_running() {
    promtool(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/alerts_test.yml"));
}

/// Has Prometheus evaluate a file of tests.
#[expect(
    clippy::print_stdout,
    reason = "without promtool the test is empty, and its output says so"
)]
fn promtool(tests: &Path) {
    match Command::new("promtool")
        .args(["test", "rules"])
        .arg(tests)
        .output()
    {
        Ok(output) => assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        ),
        Err(error) => println!("not checked: promtool: {error}"),
    }
}
