use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::raw_connection::RawConnection;
use super::request::Request;
use super::runtime;

/// A collector in this process, for OTLP over HTTP. It ends with this value.
pub(crate) struct Collector {
    pub(crate) url: String,
    requests: Receiver<Request>,
    task: JoinHandle<()>,
}

/// What a program that has ended left with a collector.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) spans: Vec<Span>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) requests: Vec<Request>,
}

impl Collector {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::answering("200 OK")
    }

    /// One that answers with this status.
    pub(crate) fn answering(status: &'static str) -> Self {
        let (sender, requests) = channel();
        let (listener, url) = listen();
        let task = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut connection = RawConnection::new(stream);
                    let request = connection.request().await;
                    if let Some(request) = request.filter(|request| request.is_whole) {
                        // Noted before it is answered: the program ends after the answer.
                        let _heard = sender.send(request);
                        let answer = format!(
                            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                        );
                        connection.write(answer.as_bytes()).await;
                    }
                });
            }
        });
        Self {
            url,
            requests,
            task,
        }
    }

    /// One that takes connections and nothing else.
    pub(crate) fn stalled() -> Self {
        let (listener, url) = listen();
        let task = runtime().spawn(async move {
            let mut held = Vec::new();
            while let Ok(connection) = listener.accept().await {
                held.push(connection);
            }
        });
        Self {
            url,
            requests: channel().1,
            task,
        }
    }

    /// What has come.
    pub(crate) fn exported(&self) -> Exported {
        let mut exported = Exported::default();
        for request in self.requests.try_iter() {
            let body = decoded(&request);
            if request.path().ends_with("/v1/traces") {
                let found = ExportTraceServiceRequest::decode(&*body).expect("these are spans");
                for of_resource in found.resource_spans {
                    exported.resources.extend(of_resource.resource);
                    let scopes = of_resource.scope_spans.into_iter();
                    exported.spans.extend(scopes.flat_map(|scope| scope.spans));
                }
            } else if request.path().ends_with("/v1/metrics") {
                let found = ExportMetricsServiceRequest::decode(&*body).expect("these are metrics");
                for of_resource in found.resource_metrics {
                    exported.resources.extend(of_resource.resource);
                    let scopes = of_resource.scope_metrics.into_iter();
                    exported
                        .metrics
                        .extend(scopes.flat_map(|scope| scope.metrics));
                }
            } else {
                panic!("nothing is sent to {}", request.path());
            }
            exported.requests.push(request);
        }
        exported
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Exported {
    /// Names of metrics, and their units.
    pub(crate) fn units(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for Metric { name, unit, .. } in &self.metrics {
            let is_new = found.insert((name.clone(), unit.clone()));
            assert!(is_new, "{name} was exported twice");
        }
        found
    }

    /// The one span with this name and this attribute.
    pub(crate) fn span(&self, name: &str, key: &str, value: &str) -> &Span {
        let mut found = self.spans.iter().filter(|span| {
            span.name == name && attribute(&span.attributes, key).as_deref() == Some(value)
        });
        let only = found.next().expect("there is such a span");
        assert!(found.next().is_none(), "there are two such spans");
        only
    }
}

/// Attributes as text.
pub(crate) fn attributes(found: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |found: &KeyValue| match found.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => panic!("{}: {other:?} is not expected here", found.key),
    };
    found
        .iter()
        .map(|found| (found.key.clone(), text(found)))
        .collect()
}

/// One attribute as text.
pub(crate) fn attribute(found: &[KeyValue], key: &str) -> Option<String> {
    attributes(found).remove(key)
}

fn listen() -> (TcpListener, String) {
    let listener = runtime()
        .block_on(TcpListener::bind(("127.0.0.1", 0)))
        .expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    (listener, format!("http://{address}"))
}

fn decoded(request: &Request) -> Vec<u8> {
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    match request.header("content-encoding") {
        None => request.body.clone(),
        Some("gzip") => {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(&*request.body)
                .read_to_end(&mut body)
                .expect("this is gzip");
            body
        }
        Some(other) => panic!("nobody asked for {other}"),
    }
}
