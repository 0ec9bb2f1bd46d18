//! A real S3 server, addressed by the usual environment.

use crate::end_to_end::decompressed;
use crate::support::{
    Engine, Finished, ObjectServer, Size, generated, program, same_value, sha256,
};

#[test]
fn archives_in_one_put_or_in_parts_and_replays() {
    let server = ObjectServer::start();
    let home = tempfile::tempdir().unwrap();
    for (size, codec, parts) in [
        (Size::Small, "gzip", 1),
        (Size::Mainnet, "zstd", 1),
        (Size::Large, "gzip", 2),
        (Size::Large, "identity", 3),
    ] {
        let path = generated(home.path(), size);
        let engine = Engine::stand_in(|builder| builder);
        let solver = engine.argument("a");
        let id = format!("{codec}-{parts}");
        let archive = format!("s3://{}/prod/mainnet", ObjectServer::BUCKET);
        let arguments = [
            "solve",
            "--auction",
            path.to_str().unwrap(),
            "--id",
            &id,
            "--solver",
            &solver,
            "--archive",
            &archive,
            "--codec",
            codec,
            "--format",
            "json",
            "--deadline",
            "5m",
        ];
        let finished = Finished::run(server.point(&mut program(&arguments)));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        let key = format!("prod/mainnet/{id}.json");
        let raw = decompressed(&server.object(&key), codec);
        let digest = sha256(&raw);
        same_value(&raw, &std::fs::read(&path).unwrap());
        assert_eq!(engine.report().sha256, digest);
        let kept = &outcome["archive"];
        assert_eq!(kept["sha256"], digest.as_str());
        assert!(kept["parts"].as_u64().unwrap() >= parts, "{kept}");
        assert!(kept["e_tag"].is_string());
        let location = format!("s3://{}/{key}", ObjectServer::BUCKET);
        assert_eq!(kept["location"], location.as_str());

        let arguments = [
            "replay",
            &location,
            "--solver",
            &solver,
            "--format",
            "json",
            "--deadline",
            "5m",
        ];
        let finished = Finished::run(server.point(&mut program(&arguments)));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let outcome = finished.outcome();
        assert_eq!(outcome["auction"]["id"], id.as_str());
        assert_eq!(outcome["auction"]["sha256"], digest.as_str());
        assert_eq!(engine.report().sha256, digest);
    }
    let leaked: Vec<_> = server
        .files()
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("upload_id"))
        .collect();
    assert_eq!(leaked, Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_store_that_refuses_is_the_archives_failure() {
    let server = ObjectServer::start();
    let home = tempfile::tempdir().unwrap();
    // Small enough to be written whole before the server refuses it: else the connection may break first.
    let path = home.path().join("auction.json");
    std::fs::write(&path, r#"{"id":"1"}"#).unwrap();
    let engine = Engine::stand_in(|builder| builder);
    let solver = engine.argument("a");
    let arguments = [
        "solve",
        "--auction",
        path.to_str().unwrap(),
        "--solver",
        &solver,
        "--archive",
        "s3://auctions/x",
        "--format",
        "json",
    ];
    let mut command = program(&arguments);
    let refused = server
        .point(&mut command)
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    let finished = Finished::run(refused);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let outcome = finished.outcome();
    assert_eq!(outcome["solvers"][0]["status"], "ok");
    assert_eq!(outcome["archive"]["status"], "failed");
    let error = outcome["archive"]["error"].as_str().unwrap();
    assert!(error.contains("SignatureDoesNotMatch"), "{error}");
    assert_eq!(server.files(), Vec::<std::path::PathBuf>::new());
    assert!(engine.report().complete);
}
