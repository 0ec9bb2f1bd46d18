//! The contract over HTTP: against a real S3 server inside this process, and against any endpoint
//! that the environment names.

use std::{path::Path as FilePath, sync::Arc};

use archive_sink::{AttributeSupport, CommitError, OpenError};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder as HttpServer,
};
use object_store::{
    ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::io::AsyncWriteExt;

use crate::{
    cancellation::drop_after,
    contract::check_all,
    faulty_store::{Call, Fault, FaultyStore, Strike},
    support::{Target, files, noise, read, store, stored},
};

const PART: usize = 5 * 1024 * 1024;
const BUCKET: &str = "archive";

/// Serves the directory as S3 for as long as the test's runtime lives, and says where.
async fn serve(directory: &FilePath) -> String {
    std::fs::create_dir_all(directory.join(BUCKET)).unwrap();
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory).unwrap());
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = service.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = HttpServer::new(TokioExecutor::new());
                // A client that goes away is no failure of the server.
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    format!("http://{address}")
}

fn client(endpoint: &str, secret: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id("key")
        .with_secret_access_key(secret)
        .with_retry(RetryConfig {
            max_retries: 0,
            ..Default::default()
        })
        .build()
        .unwrap()
}

async fn target(directory: &FilePath) -> Target {
    let endpoint = serve(directory).await;
    let root = directory.to_owned();
    Target {
        store: Arc::new(client(&endpoint, "secret")),
        attributes: AttributeSupport::Kept,
        part_size: PART,
        leftovers: Arc::new(move || files(&root, |name| name.contains(".upload"))),
    }
}

#[tokio::test]
async fn s3() {
    let directory = tempfile::tempdir().unwrap();
    check_all(&target(directory.path()).await).await;
}

#[tokio::test]
#[ignore = "needs ARCHIVE_SINK_TEST_BUCKET and the usual AWS_ variables"]
async fn s3_from_the_environment() {
    let bucket = std::env::var("ARCHIVE_SINK_TEST_BUCKET").unwrap();
    let s3 = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let s3 = Arc::new(s3.build().unwrap());
    let run = format!("archive-sink-test/{}", uuid::Uuid::new_v4());
    let target = Target {
        store: Arc::new(object_store::prefix::PrefixStore::new(Arc::clone(&s3), run)),
        attributes: AttributeSupport::Kept,
        part_size: PART,
        leftovers: Arc::new(Vec::new),
    };
    check_all(&target).await;
    let locations = futures_util::StreamExt::boxed(futures_util::TryStreamExt::map_ok(
        target.store.list(None),
        |meta| meta.location,
    ));
    let deleted = target.store.delete_stream(locations);
    futures_util::TryStreamExt::try_collect::<Vec<_>>(deleted)
        .await
        .unwrap();
}

#[tokio::test]
async fn wrong_credentials_and_buckets_are_found_at_start_up() {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = serve(directory.path()).await;
    let mut target = target(directory.path()).await;
    target.store = Arc::new(client(&endpoint, "wrong"));
    let error = target.builder().build().unwrap().check().await.unwrap_err();
    assert!(
        error.to_string().contains("cannot start an upload"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_part_that_fails_leaves_no_file_on_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path()).await;
    let strikes = [Strike {
        call: Call::Part,
        nth: Some(1),
        fault: Fault::Refused,
    }];
    let (faulty, _) = FaultyStore::new(Arc::clone(&target.store), strikes);
    let archive = Target {
        store: faulty,
        ..target.clone()
    };
    let archive = archive.builder().parts_in_flight(2).build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(&noise(3 * PART)).await.ok();
    let error = writer.commit().await.unwrap_err();
    assert!(
        error.to_string().contains("injected into Part 1"),
        "{error}"
    );
    assert!(error.clean_up().is_none());
    assert_eq!((target.leftovers)(), [] as [String; 0]);
    assert!(matches!(
        archive.open("a").await,
        Err(OpenError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_is_settled() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path()).await;
    let document = noise(PART + 1);
    for (fault, name) in [(Fault::AnswerLost, "a"), (Fault::NotFoundOnRetry, "b")] {
        let strikes = [Strike {
            call: Call::Complete,
            nth: Some(0),
            fault,
        }];
        let (faulty, _) = FaultyStore::new(Arc::clone(&target.store), strikes);
        let archive = Target {
            store: faulty,
            ..target.clone()
        };
        let archive = archive.builder().build().unwrap();
        let receipt = store(&archive, name, &document).await;
        assert_eq!(receipt.parts, 2);
        assert_eq!(read(archive.open(name).await.unwrap()).await, document);
        assert_eq!((target.leftovers)(), [] as [String; 0]);
    }
}

#[tokio::test]
async fn an_object_somebody_else_wrote_meanwhile_is_a_conflict() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path()).await;
    let archive = target.builder().build().unwrap();
    let mut writer = archive.create("a").unwrap();
    writer.write_all(b"mine").await.unwrap();
    let location = Path::from("a");
    target.store.put(&location, "theirs".into()).await.unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(
        error,
        CommitError::Conflict { compared: true, .. }
    ));
    let theirs = stored(&*target.store, &location).await.unwrap();
    assert_eq!(theirs, "theirs");
}

#[tokio::test]
async fn writers_that_are_dropped_midway_leave_no_file_on_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path()).await;
    let archive = target.builder().build().unwrap();
    let document = noise(2 * PART + PART / 2);
    // One block is one poll, so the first part is full after 320 and the second after 640.
    for polls in [1, 320, 325, 330, 400, 640, 650, 700] {
        let sending = async {
            let mut writer = archive.create("a").unwrap();
            writer.write_all(&document).await.unwrap();
            writer.shutdown().await.unwrap();
            futures_util::future::pending::<()>().await;
        };
        assert!(drop_after(sending, polls).await.is_none());
        archive.settled().await;
        assert_eq!(stored(&*target.store, &Path::from("a")).await, None);
        assert_eq!((target.leftovers)(), [] as [String; 0], "{polls}");
    }
}
