//! The spool: what was accepted arrives, whatever happens to the process or the store.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use archive_sink::{
    Archive, Arrival, AttributeSupport, Codec, CommitError, RawDocument, Spool, SpoolError,
    object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the process that is killed spools to.
const FOLDER: &str = "ARCHIVE_SINK_TEST_SPOOL";

pub(crate) fn document(number: usize) -> Vec<u8> {
    format!("{{\"id\":{number}}},")
        .repeat(1 + number % 5_000)
        .into_bytes()
}

pub(crate) fn chunks(
    document: &[u8],
) -> impl Stream<Item = Result<Bytes, io::Error>> + Unpin + use<> {
    let chunks: Vec<_> = document.chunks(1000).map(Bytes::copy_from_slice).collect();
    stream::iter(chunks.into_iter().map(Ok))
}

pub(crate) async fn spool(folder: &Path) -> Spool {
    Spool::builder(folder).keep_free(0).open().await.unwrap()
}

pub(crate) fn archive(store: &ScriptedStore) -> Archive {
    Archive::builder(Arc::new(store.clone()))
        .part_size(5 * 1024 * 1024)
        .build()
        .unwrap()
}

pub(crate) async fn accept(spool: &Spool, archive: &Archive, number: usize) {
    let name = format!("{number}.json");
    let spooled = spool
        .accept(archive, &name, chunks(&document(number)))
        .await
        .unwrap();
    assert_eq!(spooled.document.bytes, document(number).len() as u64);
}

pub(crate) async fn read(archive: &Archive, number: usize) -> Vec<u8> {
    let mut read = Vec::new();
    let mut reader = archive.open(&format!("{number}.json")).await.unwrap();
    reader.read_to_end(&mut read).await.unwrap();
    read
}

/// How many folders are below one of the spool's.
pub(crate) fn count(folder: &Path, part: &str) -> usize {
    std::fs::read_dir(folder.join(part)).unwrap().count()
}

#[tokio::test]
async fn what_was_accepted_is_in_the_store_and_no_longer_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    for number in 0..20 {
        accept(&spool, &archive, number).await;
    }
    let status = spool.status().await.unwrap();
    assert_eq!((status.objects, status.failed), (20, 0));
    let is_recent = |age| age < Duration::from_secs(600);
    assert!(status.bytes > 0 && status.oldest.is_some_and(is_recent));
    assert!(store.names().await.is_empty());
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    assert_eq!(uploader.drain().await.unwrap().uploaded, 20);
    assert_eq!(uploader.drain().await.unwrap().uploaded, 0);
    for number in 0..20 {
        assert_eq!(read(&archive, number).await, document(number));
    }
    let status = spool.status().await.unwrap();
    assert_eq!((status.objects, status.bytes, status.oldest), (0, 0, None));
    assert_eq!(
        count(folder.path(), "staging") + count(folder.path(), "ready"),
        0
    );
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn an_object_of_several_parts_carries_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    // What does not compress, in more than one part.
    let mut word = 1_u64;
    let raw: Vec<u8> = std::iter::repeat_with(|| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (word >> 56) as u8
    })
    .take(12_000_000)
    .collect();
    spool
        .accept(&archive, "large.json", chunks(&raw))
        .await
        .unwrap();
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
    assert!(store.count(Operation::Part) > 1);
    let got = store.get(&"large.json".into()).await.unwrap();
    let named = |name: &str| {
        let name = archive_sink::object_store::Attribute::Metadata(name.to_owned().into());
        got.attributes.get(&name).cloned()
    };
    assert!(named("archivesha256").is_some());
    assert_eq!(named("archiverawbytes").unwrap().as_ref(), "12000000");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_loses_nothing_and_all_arrive_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let away = (0..30).map(|call| Rule::nth(Operation::Put, call, Effect::Refuse(Failure::Other)));
    let store = ScriptedStore::in_memory().with(away);
    let archive = Archive::builder(Arc::new(store)).retry_for(Duration::from_millis(300));
    let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
    for number in 0..8 {
        accept(&spool, &archive, number).await;
    }
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert!(drained.failure.is_some());
    let running = tokio::spawn(uploader.run());
    while spool.status().await.unwrap().objects > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for number in 0..8 {
        assert_eq!(read(&archive, number).await, document(number));
    }
    // What comes later is found without a look at the folder.
    accept(&spool, &archive, 8).await;
    while spool.status().await.unwrap().objects > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.abort();
    assert_eq!(read(&archive, 8).await, document(8));
}

#[tokio::test]
async fn what_the_store_refuses_for_good_is_set_aside_and_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    for number in 0..3 {
        accept(&spool, &archive, number).await;
    }
    // The same document is there already, and another one under the second name.
    let mut writer = archive.create("0.json").unwrap();
    writer.send_all(chunks(&document(0))).await.unwrap();
    writer.commit().await.unwrap();
    let mut writer = archive.create("1.json").unwrap();
    writer.send_all(chunks(b"other")).await.unwrap();
    writer.commit().await.unwrap();
    let uploader = spool.uploader(archive.clone()).await.unwrap().at_once(1);
    let drained = uploader.drain().await.unwrap();
    assert_eq!((drained.uploaded, drained.set_aside), (2, 1));
    assert_eq!(uploader.drain().await.unwrap().set_aside, 0);
    assert_eq!(read(&archive, 1).await, b"other");
    assert_eq!(read(&archive, 2).await, document(2));
    let status = spool.status().await.unwrap();
    assert_eq!((status.objects, status.failed), (0, 1));
    let failed = std::fs::read_dir(folder.path().join("failed"))
        .unwrap()
        .next();
    let reason = std::fs::read_to_string(failed.unwrap().unwrap().path().join("reason.txt"));
    assert!(reason.unwrap().contains("1.json exists already"));
}

#[tokio::test]
async fn an_object_without_a_digest_is_compared_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let archive = Archive::builder(Arc::new(store)).codec(Codec::Identity);
    let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
    let mut spooled = Vec::new();
    for (name, there) in [("same.json", "document"), ("other.json", "another!")] {
        let mut writer = archive.create(name).unwrap().without_digest();
        writer.write_all(there.as_bytes()).await.unwrap();
        writer.commit().await.unwrap();
        let mut writer = spool.create(&archive, name).await.unwrap();
        writer.write_all(b"document").await.unwrap();
        spooled.push(writer.accept(RawDocument::new(8)).await.unwrap());
    }
    let uploader = spool.uploader(archive).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert!(drained.failure.is_none(), "{drained:?}");
    assert_eq!((drained.uploaded, drained.set_aside), (1, 1));
    let status = spool.status().await.unwrap();
    assert_eq!((status.objects, status.failed), (0, 1));
    let [same, other] = &spooled[..] else {
        unreachable!()
    };
    assert!(matches!(same.arrived().await, Ok(Arrival::Stored(Some(_)))));
    assert!(matches!(
        other.arrived().await,
        Ok(Arrival::SetAside { .. })
    ));
}

#[tokio::test]
async fn whoever_accepted_an_object_learns_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    let mut writer = archive.create("taken.json").unwrap();
    writer.send_all(chunks(b"other")).await.unwrap();
    writer.commit().await.unwrap();
    let mut spooled = Vec::new();
    for name in ["new.json", "taken.json"] {
        let document = chunks(&document(1));
        spooled.push(spool.accept(&archive, name, document).await.unwrap());
    }
    let soon = Duration::from_millis(1);
    let waited = tokio::time::timeout(soon, spooled[0].arrived()).await;
    assert!(waited.is_err(), "nothing uploads yet");
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    uploader.drain().await.unwrap();
    let stored = spooled[0].arrived().await.unwrap();
    assert!(matches!(stored, Arrival::Stored(Some(receipt)) if receipt.parts == 1));
    let refused = spooled[1].arrived().await.unwrap();
    let Arrival::SetAside { error, reason } = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(error, Some(CommitError::Conflict { .. })));
    assert!(reason.contains("exists already"), "{reason}");
    drop(uploader);
    // By another process, as it were.
    let other = Spool::builder(folder.path()).open().await.unwrap();
    let mut by_other = Vec::new();
    for name in ["newer.json", "taken.json"] {
        let document = chunks(&document(1));
        by_other.push(spool.accept(&archive, name, document).await.unwrap());
    }
    let other_archive = archive.clone();
    let uploader = other.uploader(archive).await.unwrap();
    uploader.drain().await.unwrap();
    let stored = by_other[0].arrived().await.unwrap();
    assert!(matches!(stored, Arrival::Stored(None)));
    let refused = by_other[1].arrived().await.unwrap();
    let is_known = matches!(refused, Arrival::SetAside { error: None, reason } if reason.contains("exists already"));
    assert!(is_known, "{refused:?}");
    let (counts, others) = (spool.counts(), other.counts());
    assert_eq!(
        (counts.uploaded, counts.set_aside, counts.failed),
        (1, 1, 0)
    );
    assert_eq!(
        (others.uploaded, others.set_aside, others.refused),
        (1, 1, 0)
    );
    // With nobody to upload it, it is waited for until that is called off.
    let left = spool.accept(&other_archive, "left.json", chunks(&document(1)));
    let left = left.await.unwrap();
    let soon = Duration::from_millis(50);
    let waited = tokio::time::timeout(soon, left.arrived()).await;
    assert!(waited.is_err());
    spool.stop_waiting();
    assert!(matches!(left.arrived().await, Err(SpoolError::Stopped)));
    let stored = by_other[0].arrived().await.unwrap();
    assert!(matches!(stored, Arrival::Stored(None)));
    assert_eq!(spool.status().await.unwrap().objects, 1);
}

#[tokio::test]
async fn what_is_removed_makes_room_at_once_and_what_is_dropped_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let archive = archive(&store);
    let builder = Spool::builder(folder.path()).keep_free(0).max_bytes(1_000);
    let spool = builder.open().await.unwrap();
    for name in ["1", "2", "3"] {
        let mut dropped = spool.create(&archive, "dropped").await.unwrap();
        dropped.write_all(&[7; 1000]).await.unwrap();
        let full = dropped.write_all(&[7]).await.unwrap_err();
        assert!(matches!(full, SpoolError::Full { limit: 1000 }), "{full}");
        drop(dropped);
        let mut writer = spool.create(&archive, name).await.unwrap();
        writer.write_all(&[7; 1000]).await.unwrap();
        writer.accept(RawDocument::new(1)).await.unwrap();
        assert!(
            spool
                .create(&archive, "4")
                .await
                .unwrap()
                .write_all(&[7])
                .await
                .is_err()
        );
        let uploader = spool.uploader(archive.clone()).await.unwrap();
        assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
    }
    assert_eq!(spool.counts().refused, 6);
    assert_eq!(count(folder.path(), "staging"), 0);
}

#[tokio::test]
async fn a_full_spool_refuses_at_once_and_a_broken_document_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let archive = archive(&store);
    let builder = Spool::builder(folder.path()).keep_free(0).max_bytes(100);
    let spool = builder.open().await.unwrap();
    let broken = stream::iter([
        Ok(Bytes::from_static(b"[1,")),
        Err(io::Error::other("gone")),
    ]);
    let error = spool
        .accept(&archive, "broken.json", broken)
        .await
        .unwrap_err();
    assert!(matches!(&error, SpoolError::Source(source) if source.to_string() == "gone"));
    // A quota may be used up where the disk is not.
    for (kind, is_full) in [
        (io::ErrorKind::StorageFull, true),
        (io::ErrorKind::QuotaExceeded, true),
        (io::ErrorKind::PermissionDenied, false),
    ] {
        let (what, path) = ("write", folder.path().to_owned());
        let source = kind.into();
        let error = SpoolError::Io { what, path, source };
        assert_eq!(error.is_full(), is_full, "{error}");
    }
    let mut writer = spool.create(&archive, "big.json").await.unwrap();
    let full = writer.write_all(&[7; 1000]).await.unwrap_err();
    assert!(matches!(full, SpoolError::Full { limit: 100 }), "{full}");
    drop(writer);
    assert_eq!(
        count(folder.path(), "staging") + count(folder.path(), "ready"),
        0
    );
    let kept = Spool::builder(folder.path())
        .keep_free(u64::MAX)
        .open()
        .await
        .unwrap();
    let error = kept
        .accept(&archive, "a.json", chunks(&document(1)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SpoolError::DiskFull { kept: u64::MAX, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn one_uploads_at_a_time_and_all_may_add() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let archive = archive(&store);
    let (first, second) = (spool(folder.path()).await, spool(folder.path()).await);
    let uploader = first.uploader(archive.clone()).await.unwrap();
    let refused = second.uploader(archive.clone()).await.unwrap_err();
    assert!(matches!(refused, SpoolError::InUse(_)));
    accept(&second, &archive, 3).await;
    assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
    drop(uploader);
    assert!(second.uploader(archive).await.is_ok());
}

#[tokio::test]
async fn what_a_killed_process_left_unfinished_is_removed_unless_somebody_else_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("staging/left");
    let used = spool(folder.path()).await;
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("object"), "half").unwrap();
    let second = spool(folder.path()).await;
    assert!(left.exists());
    drop((used, second));
    spool(folder.path()).await;
    assert!(!left.exists());
}

#[tokio::test]
async fn a_damaged_entry_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    accept(&spool, &archive, 1).await;
    let entry = std::fs::read_dir(folder.path().join("ready"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    std::fs::write(entry.path().join("object"), "shorter").unwrap();
    accept(&spool, &archive, 2).await;
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
    assert_eq!(spool.status().await.unwrap().failed, 1);
    assert_eq!(store.names().await, ["2.json"]);
}

/// Spools until it is killed, and says what was accepted.
#[tokio::test]
#[ignore = "run and killed by another test"]
async fn child_that_spools() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let spool = spool(Path::new(&folder)).await;
    let archive = Archive::builder(Arc::new(ScriptedStore::discarding()))
        .build()
        .unwrap();
    let first: usize = std::env::var("ARCHIVE_SINK_TEST_FIRST")
        .unwrap()
        .parse()
        .unwrap();
    for number in first.. {
        accept(&spool, &archive, number).await;
        let mut out = io::stdout().lock();
        writeln!(out, "\naccepted {number}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn whoever_is_killed_at_any_instant_loses_nothing_that_was_accepted() {
    const KILLS: usize = 10;
    let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut accepted = BTreeSet::new();
    let mut first = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "spool::child_that_spools",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .env("ARCHIVE_SINK_TEST_FIRST", first.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut numbers = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("accepted ")
                .and_then(|number| number.parse::<usize>().ok())
        });
        // Another one is under way by then, at another point each time.
        accepted.extend(numbers.by_ref().take(1 + kill % 3));
        child.kill().unwrap();
        accepted.extend(numbers);
        child.wait().unwrap();
        first = accepted.last().map_or(first, |last| last + 2);
    }
    assert!(accepted.len() >= KILLS);
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(&target).unwrap());
    let archive = Archive::builder(Arc::clone(&store)).attributes(AttributeSupport::Absent);
    let archive = archive.build().unwrap();
    // An uploader that was killed after the store had confirmed, and before that was noted.
    let again = *accepted.first().unwrap();
    let mut writer = archive.create(&format!("{again}.json")).unwrap();
    writer.send_all(chunks(&document(again))).await.unwrap();
    writer.commit().await.unwrap();
    let spool = spool(folder.path()).await;
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert!(
        drained.failure.is_none() && drained.set_aside == 0,
        "{drained:?}"
    );
    for &number in &accepted {
        assert_eq!(read(&archive, number).await, document(number), "{number}");
    }
    // What was accepted without having been told is whole, too; nothing else is there.
    let stored = std::fs::read_dir(target.path()).unwrap().count();
    assert!(
        (accepted.len()..=accepted.len() + KILLS).contains(&stored),
        "{stored}"
    );
    assert_eq!(
        count(folder.path(), "staging") + count(folder.path(), "ready"),
        0
    );
}
