//! What the production module's own tests ask for, of `stream_body` and `stream_body_and_archive`.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive_sink::object_store::ObjectStoreExt as _;
use archive_sink::object_store::memory::InMemory;
use archive_sink::object_store::path::Path;
use archive_sink::{Archive, StoreError};
use driver_streaming::{
    ArchiveError, BodyHandle, Dispatch, Ending, JsonDocument, Pipeline, RequestBody, Solver,
    SolverStatus, stream_body, stream_body_and_archive,
};
use futures_util::{FutureExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use solver_stand_in::StandIn;

const NAME: &str = "8339027.json";

/// A document of 1.4 MB: more than all that is kept of it.
fn large() -> Value {
    let orders: Vec<_> = (0..20_000)
        .map(|index| json!({ "uid": format!("{index:064x}"), "index": index }))
        .collect();
    json!({ "orders": orders, "text": "\u{fc}\"\\\n" })
}

fn archive() -> (Archive, Arc<InMemory>) {
    let store = Arc::new(InMemory::new());
    let archive = Archive::builder(store.clone()).build().unwrap();
    (archive, store)
}

/// The archived document.
async fn archived(store: &InMemory) -> Vec<u8> {
    let object = store.get(&Path::from(NAME)).await.unwrap();
    let compressed = object.bytes().await.unwrap();
    let mut decoded = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&compressed[..]);
    decoder.read_to_end(&mut decoded).unwrap();
    decoded
}

async fn is_empty(store: &InMemory) -> bool {
    use archive_sink::object_store::ObjectStore as _;
    store.list(None).next().await.is_none()
}

async fn read(body: RequestBody) -> Vec<u8> {
    body.collect().await.unwrap().to_bytes().to_vec()
}

async fn ending(sent: &BodyHandle) -> (Ending, u64) {
    let found = sent.measurements().await.body;
    (found.ending, found.bytes)
}

#[tokio::test]
async fn the_bytes_are_those_of_serde_json() {
    let small = json!({ "a": 1, "b": [1, 2, 3], "c": "hello" });
    for value in [small, large(), json!(null), json!([]), json!(0.1)] {
        let expected = serde_json::to_vec(&value).unwrap();
        let (body, sent) = stream_body(value.clone());
        assert!(read(body).await == expected);
        let whole = (Ending::Complete, expected.len() as u64);
        assert_eq!(ending(&sent).await, whole);

        let (archive, store) = archive();
        let (body, sent, archiving) = stream_body_and_archive(value, &archive, NAME);
        let (sent_bytes, receipt) = tokio::join!(read(body), archiving.ended());
        assert!(sent_bytes == expected && archived(&store).await == expected);
        assert_eq!(receipt.unwrap().raw_bytes, expected.len() as u64);
        assert_eq!(ending(&sent).await, whole);
    }
}

#[tokio::test]
async fn the_archive_is_whole_though_the_body_was_dropped() {
    let expected = serde_json::to_vec(&large()).unwrap();
    for frames in [0, 1, 2, 1000] {
        let (archive, store) = archive();
        let (mut body, sent, archiving) = stream_body_and_archive(large(), &archive, NAME);
        for _ in 0..frames {
            let _frame = body.frame().await;
        }
        drop(body);
        archiving.ended().await.unwrap();
        assert!(archived(&store).await == expected);
        let wanted = match frames {
            0 => Ending::NeverPolled,
            1000 => Ending::Complete,
            _ => Ending::Cancelled,
        };
        assert_eq!(ending(&sent).await.0, wanted);
    }
}

#[tokio::test]
async fn the_archive_goes_on_without_its_handles() {
    let (archive, store) = archive();
    drop(stream_body_and_archive(large(), &archive, NAME));
    while is_empty(&store).await {
        tokio::task::yield_now().await;
    }
    assert!(archived(&store).await == serde_json::to_vec(&large()).unwrap());
}

#[tokio::test]
async fn each_body_is_measured_once() {
    let (body, mut sent) = stream_body(large());
    assert!(sent.measurements().now_or_never().is_none());
    let length = read(body).await.len() as u64;
    let found = sent.measurements().await;
    assert_eq!(
        (found.body.ending, found.body.bytes),
        (Ending::Complete, length)
    );
    let transmission = found.body.transmission.unwrap();
    let until_then = found.body.to_first_poll.unwrap() + transmission;
    assert!(until_then <= found.body.total && found.serializing <= transmission);
    assert!(found.serializing > Duration::ZERO);

    let never_polled = sent.another_body();
    assert!(sent.measurements().now_or_never().is_none());
    drop(never_polled);
    assert_eq!(ending(&sent).await, (Ending::NeverPolled, 0));
}

#[tokio::test]
async fn a_retry_has_another_body_of_the_same_bytes() {
    let expected = serde_json::to_vec(&large()).unwrap();
    let (mut first, mut sent) = stream_body(large());
    let _frame = first.frame().await;
    drop(first);
    assert_eq!(ending(&sent).await.0, Ending::Cancelled);
    for _ in 0..2 {
        let again = sent.another_body();
        assert!(read(again).await == expected);
        assert_eq!(ending(&sent).await.0, Ending::Complete);
    }
}

/// Fails so many levels deep, after 200 kB on each.
struct Broken {
    depth: usize,
    panics: bool,
}

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            assert!(!self.panics, "this value panics on purpose");
            return Err(S::Error::custom("this value is broken"));
        };
        let panics = self.panics;
        ("x".repeat(200_000), Broken { depth, panics }).serialize(serializer)
    }
}

#[tokio::test]
async fn a_broken_value_breaks_the_body_and_archives_nothing() {
    for depth in 0..10 {
        for panics in [false, true] {
            let (archive, store) = archive();
            let broken = Broken { depth, panics };
            let (mut body, sent, archiving) = stream_body_and_archive(broken, &archive, NAME);
            let mut bytes = 0;
            let error = loop {
                match body.frame().await.expect("it must not end well") {
                    Ok(frame) => bytes += frame.data_ref().unwrap().len(),
                    Err(error) => break error,
                }
            };
            assert!(bytes <= 200_005 * depth);
            let text = driver_streaming::error_chain(&*error);
            assert!(
                text.contains(if panics { "on purpose" } else { "is broken" }),
                "{text}"
            );
            let error = archiving.ended().await.unwrap_err();
            let cause = driver_streaming::error_chain(&error);
            assert!(
                matches!(error, ArchiveError::Store(StoreError::Commit(_))),
                "{error:?}"
            );
            assert!(
                cause.contains(if panics { "on purpose" } else { "is broken" }),
                "{cause}"
            );
            archive.settled().await;
            assert!(is_empty(&store).await);
            assert_eq!(ending(&sent).await.0, Ending::Failed);
        }
    }
}

#[tokio::test]
async fn a_slow_reader_does_not_hold_up_the_archive() {
    let (archive, store) = archive();
    let (mut body, sent, archiving) = stream_body_and_archive(large(), &archive, NAME);
    let mut first = body
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap()
        .to_vec();
    archiving.ended().await.unwrap();
    let expected = serde_json::to_vec(&large()).unwrap();
    assert!(archived(&store).await == expected);
    first.extend(read(body).await);
    assert!(first == expected);
    assert_eq!(ending(&sent).await.0, Ending::Complete);
}

#[tokio::test]
async fn a_name_that_no_object_can_have_is_said() {
    let (archive, _store) = archive();
    let (body, _sent, archiving) = stream_body_and_archive([1], &archive, "");
    assert_eq!(read(body).await, b"[1]");
    assert!(matches!(
        archiving.ended().await,
        Err(ArchiveError::Store(StoreError::Name(_)))
    ));
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reqwest_sends_it() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let engine = StandIn::builder().on_kept(move |request| keep.lock().unwrap().push(request));
    let engine = engine.bind(loopback()).await.unwrap();
    let url = format!("{}/solve", engine.url());
    tokio::spawn(engine.serve());

    let (archive, store) = archive();
    let (body, mut sent, archiving) = stream_body_and_archive(large(), &archive, NAME);
    for body in [body, sent.another_body()] {
        let response = client().post(&url).body(body).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), r#"{"solutions":[]}"#);
    }
    archiving.ended().await.unwrap();
    let expected = serde_json::to_vec(&large()).unwrap();
    assert!(archived(&store).await == expected);
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|request| request.body == expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_whole_though_the_request_failed() {
    let engine = StandIn::builder().reset_after(100_000);
    let engine = engine.bind(loopback()).await.unwrap();
    let broken = engine.url();
    tokio::spawn(engine.serve());
    // Nobody listens at a port that was given back.
    let nobody = std::net::TcpListener::bind(loopback()).unwrap();
    let refused = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);

    for url in [broken, refused] {
        let (archive, store) = archive();
        let (body, sent, archiving) = stream_body_and_archive(large(), &archive, NAME);
        client().post(url).body(body).send().await.unwrap_err();
        archiving.ended().await.unwrap();
        assert!(archived(&store).await == serde_json::to_vec(&large()).unwrap());
        assert!(!ending(&sent).await.0.is_whole());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_takes_reqwest_as_its_client() {
    let engine = StandIn::builder().bind(loopback()).await.unwrap();
    let solver = Solver::new("a", &engine.url()).unwrap();
    tokio::spawn(engine.serve());
    let pipeline = Pipeline::builder().solver(solver).reqwest(client());
    let pipeline = pipeline.build().unwrap();
    let outcome = pipeline
        .run(Dispatch::new(JsonDocument::new(large())))
        .await;
    assert_eq!(outcome.solvers[0].status, SolverStatus::Ok, "{outcome:?}");
}
