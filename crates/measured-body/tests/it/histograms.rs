//! The names, units, attributes and boundaries that the OpenTelemetry SDK exports.

use measured_body::{BodyHistograms, BodyRole, Ending, Measurements, Recorder};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, HistogramDataPoint, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use std::fmt::Display;
use std::time::Duration;

const SNAPSHOT: &str = include_str!("histograms.txt");
const README: &str = include_str!("../../README.md");

/// Returns as text what is exported after these reports for one target.
fn exported(role: BodyRole, reports: &[Measurements]) -> String {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter.clone()).build())
        .build();
    let histograms = BodyHistograms::new(&provider.meter("test"), role);
    let recorder = histograms.recorder([
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("server.address", "solver.example"),
    ]);
    for report in reports {
        recorder.clone().record(report);
    }
    provider.force_flush().unwrap();

    let exported = exporter.get_finished_metrics().unwrap();
    let mut metrics: Vec<String> = exported
        .iter()
        .flat_map(|resource| resource.scope_metrics())
        .flat_map(|scope| scope.metrics())
        .map(describe)
        .collect();
    metrics.sort();
    metrics.concat()
}

fn describe(metric: &Metric) -> String {
    let points = match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            describe_points(histogram.data_points())
        }
        AggregatedMetrics::U64(MetricData::Histogram(histogram)) => {
            describe_points(histogram.data_points())
        }
        other => panic!("not a histogram: {other:?}"),
    };
    let (name, unit, description) = (metric.name(), metric.unit(), metric.description());
    format!("{name} [{unit}] {description}\n{points}")
}

fn describe_points<'a, T>(points: impl Iterator<Item = &'a HistogramDataPoint<T>>) -> String
where
    T: Copy + Display + 'a,
{
    let mut bounds = String::new();
    let mut points: Vec<String> = points
        .map(|point| {
            bounds = format!("  bounds {:?}\n", point.bounds().collect::<Vec<_>>());
            let mut attributes: Vec<String> = point
                .attributes()
                .map(|attribute| format!("{}={}", attribute.key, attribute.value))
                .collect();
            attributes.sort();
            let (count, sum) = (point.count(), point.sum());
            format!("  {{{}}} count {count} sum {sum}\n", attributes.join(", "))
        })
        .collect();
    points.sort();
    bounds + &points.concat()
}

fn two_reports() -> [Measurements; 2] {
    let mut complete = Measurements::new(Ending::Complete);
    complete.bytes = 8_500_000;
    complete.chunks = 130;
    complete.largest_chunk = 65_536;
    complete.to_first_poll = Some(Duration::from_micros(500));
    complete.to_first_data = Some(Duration::from_millis(2));
    complete.transmission = Some(Duration::from_millis(1_750));
    complete.busy = Duration::from_millis(250);
    complete.producer_wait = Duration::from_millis(500);
    complete.consumer_wait = Duration::from_secs(1);
    complete.total = Duration::from_micros(1_750_500);
    let mut never_polled = Measurements::new(Ending::NeverPolled);
    never_polled.total = Duration::from_secs(15);
    [complete, never_polled]
}

#[test]
fn names_units_attributes_and_boundaries() {
    let exported = exported(BodyRole::ClientRequest, &two_reports());
    assert_eq!(exported, SNAPSHOT, "exported:\n{exported}");
}

#[test]
fn the_size_has_the_name_of_the_semantic_conventions() {
    for (role, name) in [
        (BodyRole::ClientRequest, "http.client.request.body.size"),
        (BodyRole::ClientResponse, "http.client.response.body.size"),
        (BodyRole::ServerRequest, "http.server.request.body.size"),
        (BodyRole::ServerResponse, "http.server.response.body.size"),
    ] {
        let exported = exported(role, &two_reports());
        assert!(exported.starts_with(&format!("{name} [By]")), "{exported}");
    }
}

#[test]
fn each_ending_has_its_series() {
    let reports = Ending::ALL.map(Measurements::new);
    let exported = exported(BodyRole::ClientRequest, &reports);
    for ending in Ending::ALL {
        let attribute = format!("measured_body.ending={ending},");
        assert!(exported.contains(&attribute), "{ending}: {exported}");
    }
}

#[test]
fn the_readme_lists_every_metric() {
    let names_and_units = SNAPSHOT
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            let mut words = line.split(' ');
            let (name, unit) = (words.next().unwrap(), words.next().unwrap());
            (name, unit.trim_matches(['[', ']']))
        });
    let mut metrics = 0;
    for (name, unit) in names_and_units {
        let row = format!("| `{name}` | `{unit}` |");
        assert!(README.contains(&row), "no such row: {row}");
        metrics += 1;
    }
    assert_eq!(metrics, 10);
}
