//! Compressed requests: one compression for all who want the same bytes, the archive among them.

use std::fs;
use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{Dispatch, Pipeline, PipelineError, Solver, Stage, View};
use scripted_store::ScriptedStore;

use crate::end_to_end::{decompressed, encoding_in};
use crate::isolation::MAXIMUM_PASSES;
use crate::support::{
    Engine, Finished, RawConnection, RawSolver, ScriptedDocument, Size, archive_in, content,
    generated, noise, program, run, sha256, stage, until,
};

/// Much more than sockets hold.
const LONG: usize = 9_000_000;

/// Later than any test.
const NEVER: Duration = Duration::from_secs(3600);

/// Each at a level that is not the default.
fn codecs() -> [Codec; 3] {
    [
        Codec::gzip(2).unwrap(),
        Codec::zstd(3).unwrap(),
        Codec::brotli(2).unwrap(),
    ]
}

#[test]
fn equal_requests_and_the_archive_are_compressed_once() {
    let length = 1_500_000;
    for codec in codecs() {
        let document = ScriptedDocument::new(content(length));
        let dispatch = Dispatch::new(document).archive_as("1".parse().unwrap());
        let engines = [Engine::keeping(), Engine::keeping()];
        let store = ScriptedStore::in_memory();
        let pipeline = Pipeline::builder()
            .solver(engines[0].solver("a").with_encoding(codec))
            .solver(engines[1].solver("b").with_encoding(codec))
            .archive(archive_in(&store, codec))
            .build()
            .unwrap();
        run(async {
            let outcome = pipeline.run(dispatch).await;
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(outcome.compress.documents, 1);
            assert_eq!(outcome.serialize.documents, 1);
            for passes in [outcome.compress.passes, outcome.serialize.passes] {
                let passes = passes.unwrap();
                assert!((1.0..=MAXIMUM_PASSES).contains(&passes), "{passes}");
            }
            let stored = store.object("1.json").await.unwrap();
            let coding = codec.content_encoding();
            let digest = sha256(&content(length));
            for (engine, solver) in engines.iter().zip(&outcome.solvers) {
                let request = engine.request();
                assert_eq!(request.header("content-encoding"), coding);
                assert_eq!(request.header("transfer-encoding"), Some("chunked"));
                assert_eq!(request.header("content-length"), None);
                let stored = encoding_in(&stored, codec.kind().name());
                assert!(request.body == stored, "{codec}: not what is stored");
                assert_eq!(solver.encoding, coding);
                assert_eq!(solver.bytes_sent, Some(stored.len() as u64));
                assert_eq!(solver.document_sha256.as_deref(), Some(&*digest));
            }
            let raw = decompressed(&stored, codec.kind().name());
            assert_eq!(sha256(&raw), digest);
            assert_eq!(outcome.archive.sha256.as_deref(), Some(&*digest));
            assert_eq!(outcome.archive.raw_bytes, Some(length as u64));
            assert_eq!(outcome.archive.stored_bytes, Some(stored.len() as u64));
        });
    }
}

#[test]
fn other_bytes_or_another_level_are_a_compression_of_their_own() {
    let engines: Vec<_> = (0..4).map(|_| Engine::keeping()).collect();
    let gzip = |level| Codec::gzip(level).unwrap();
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(engines[0].solver("level 1").with_encoding(gzip(1)))
        .solver(engines[1].solver("level 9").with_encoding(gzip(9)))
        .solver(engines[2].solver("tail").with_encoding(gzip(1)))
        .solver(engines[3].solver("plain").with_encoding(Codec::Identity))
        .archive(archive_in(&store, gzip(5)))
        .build()
        .unwrap();
    let document = || ScriptedDocument::new(content(500_000));
    let dispatch = Dispatch::new(document())
        .archive_as("1".parse().unwrap())
        .views(
            pipeline.solvers(),
            |solver| match solver.name() {
                "tail" => View::<()>::auction().tail("the end"),
                _ => View::auction(),
            },
            |()| document(),
        );
    run(async {
        let outcome = pipeline.run(dispatch).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        // The archive compresses for itself alone, and is not among them.
        assert_eq!(outcome.compress.documents, 3);
        assert_eq!(outcome.serialize.documents, 1);
        for (engine, solver) in engines.iter().zip(&outcome.solvers) {
            let request = engine.request();
            let raw = match request.header("content-encoding") {
                Some(_) => decompressed(&request.body, "gzip"),
                None => request.body,
            };
            let tail: &[u8] = if solver.name == "tail" {
                b"the end"
            } else {
                b""
            };
            assert!(raw == [&content(500_000), tail].concat());
            assert_eq!(solver.document_sha256, Some(sha256(&raw)));
        }
        assert_eq!(outcome.solvers[3].encoding, None);
        let stored = store.object("1.json").await.unwrap();
        assert!(decompressed(&stored, "gzip") == content(500_000));
    });
}

#[test]
fn a_stalled_reader_of_a_compressed_request_costs_others_nothing() {
    let gzip = Codec::gzip(1).unwrap();
    let healthy = Engine::stand_in(|builder| builder);
    let plain = Engine::stand_in(|builder| builder);
    let stalled = RawSolver::start(RawConnection::hold);
    let slow = Engine::stand_in(|builder| builder.read_rate(10_000));
    let store = ScriptedStore::in_memory();
    let pipeline = Pipeline::builder()
        .solver(stalled.solver("stalled").with_encoding(gzip))
        .solver(slow.solver("slow").with_encoding(gzip))
        .solver(healthy.solver("healthy").with_encoding(gzip))
        .solver(plain.solver("plain"))
        .archive(archive_in(&store, gzip))
        // Small, so that those who do not read are felt.
        .window(128 * 1024)
        .deadline(NEVER)
        .build()
        .unwrap();
    let document = ScriptedDocument::new(noise(LONG));
    let dispatch = Dispatch::new(document).archive_as("1".parse().unwrap());
    run(async {
        let progress = pipeline.progress();
        let ended = until(|| {
            ["healthy", "plain", "archive"]
                .iter()
                .all(|name| stage(&progress, name) == Stage::Ok)
        });
        tokio::select! {
            outcome = pipeline.run(dispatch.observed_by(std::sync::Arc::new(progress.clone()))) => panic!("{outcome:?}"),
            () = ended => {}
        }
        for name in ["stalled", "slow"] {
            assert_eq!(stage(&progress, name), Stage::Sending, "{name}");
        }
        let digest = sha256(&noise(LONG));
        for (engine, coding) in [(&healthy, Some("gzip")), (&plain, None)] {
            let report = engine.report();
            assert_eq!(report.content_encoding.as_deref(), coding);
            assert!(report.complete);
            assert_eq!(report.sha256, digest);
        }
        let stored = store.object("1.json").await.unwrap();
        assert_eq!(sha256(&decompressed(&stored, "gzip")), digest);
        for slow in progress.readers().take(2) {
            assert!(slow.bytes < stored.len() as u64, "{slow:?} was not felt");
        }
    });
}

#[test]
fn an_encoding_and_a_length_exclude_one_another() {
    let zstd = Codec::default_for(CodecKind::Zstd);
    let solver = Solver::new("both", "http://localhost:1").unwrap();
    let solver = solver.with_encoding(zstd).with_content_length();
    let error = Pipeline::builder().solver(solver).build().unwrap_err();
    assert!(matches!(error, PipelineError::LengthOfEncoded { name } if name == "both"));

    let engine = Engine::keeping();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("auction.json"), "{}").unwrap();
    let path = home.path().join("driver.toml");
    let url = engine.url();
    let config = format!(
        "auction = \"auction.json\"\n[[solver]]\nname = \"a\"\nendpoint = {url:?}\n\
         encoding = \"zstd\"\nlength = true\n"
    );
    fs::write(&path, config).unwrap();
    let finished = Finished::run(&mut program(&["solve", "--config", path.to_str().unwrap()]));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
    let place = format!("{}:6:1: solver[0].length", path.display());
    assert!(finished.errors.contains(&place), "{finished:?}");
    assert_eq!(engine.accepted(), 0);
}

#[test]
fn solvers_of_a_file_are_sent_what_is_archived() {
    let home = tempfile::tempdir().unwrap();
    generated(home.path(), Size::Small);
    for (encoding, codec, extension) in [
        ("gzip", "gzip", ".gz"),
        ("zstd", "zstd", ".zst"),
        ("br", "brotli", ".br"),
    ] {
        let engines = [Engine::keeping(), Engine::keeping()];
        let table = |name: &str, engine: &Engine| {
            let url = engine.url();
            format!(
                "[[solver]]\nname = {name:?}\nendpoint = {url:?}\nencoding = {encoding:?}\nencoding-level = 1\n"
            )
        };
        let config = format!(
            "auction = \"auction.json\"\nid = \"1\"\nformat = \"json\"\ndeadline = \"50s\"\n\
             [archive]\nlocation = {codec:?}\ncodec = {codec:?}\nlevel = 1\n{}{}",
            table("a", &engines[0]),
            table("b", &engines[1])
        );
        let path = home.path().join("driver.toml");
        fs::write(&path, config).unwrap();
        let arguments = ["solve", "--config", path.to_str().unwrap()];
        let finished = Finished::run(&mut program(&arguments));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        assert_eq!(outcome["compress"]["documents"], 1);
        let stored = fs::read(home.path().join(codec).join(format!("1.json{extension}"))).unwrap();
        let digest = sha256(&decompressed(&stored, codec));
        for (engine, solver) in engines.iter().zip(outcome["solvers"].as_array().unwrap()) {
            assert_eq!(solver["status"], "ok");
            assert_eq!(solver["encoding"], encoding);
            assert_eq!(solver["document_sha256"], digest);
            assert!(engine.request().body == encoding_in(&stored, codec));
        }
    }
}
