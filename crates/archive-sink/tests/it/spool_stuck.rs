//! The spool: what cannot be brought to the store stops nothing else.

use std::{sync::Arc, time::Duration};

use archive_sink::{
    Archive, Arrival, Codec, RawDocument, Spool, SpoolError, object_store::ObjectStoreExt,
};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::time::Instant;

use crate::spool::{accept, archive, chunks, count, document, read, spool};

#[tokio::test]
async fn what_can_never_be_brought_there_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    let bare = Archive::builder(Arc::new(store.clone())).build().unwrap();
    let spooled = spool.accept(&bare, "1.json", chunks(b"{}")).await.unwrap();
    // The name breaks a rule for keys, and there is no space to note that.
    let ready = folder.path().join("ready");
    let first = std::fs::read_dir(&ready).unwrap().next().unwrap().unwrap();
    let description = first.path().join("description.json");
    let text = std::fs::read_to_string(&description).unwrap();
    std::fs::write(&description, text.replace("1.json", "a//1.json")).unwrap();
    std::fs::create_dir(first.path().join("reason.txt")).unwrap();
    accept(&spool, &archive, 2).await;
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert_eq!((drained.uploaded, drained.set_aside), (1, 1));
    assert_eq!(read(&archive, 2).await, document(2));
    assert_eq!(
        [
            count(folder.path(), "ready"),
            count(folder.path(), "failed")
        ],
        [0, 1]
    );
    let arrival = spooled.arrived().await.unwrap();
    let Arrival::SetAside {
        error: None,
        reason,
    } = arrival
    else {
        panic!("{arrival:?}");
    };
    assert!(reason.contains("empty segment"), "{reason}");
    // To another process, which finds no reason, it has not arrived either.
    let other = Spool::builder(folder.path()).open().await.unwrap();
    let spooled = other
        .accept(&archive, "3.json", chunks(b"{}"))
        .await
        .unwrap();
    let waiting = std::fs::read_dir(&ready).unwrap().next().unwrap().unwrap();
    std::fs::rename(
        waiting.path(),
        folder.path().join("failed").join(waiting.file_name()),
    )
    .unwrap();
    let arrival = spooled.arrived().await.unwrap();
    assert!(
        matches!(arrival, Arrival::SetAside { error: None, .. }),
        "{arrival:?}"
    );
}

#[tokio::test]
async fn an_entry_that_cannot_be_looked_at_yet_stays() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(&ScriptedStore::in_memory());
    let spool = spool(folder.path()).await;
    accept(&spool, &archive, 1).await;
    let mut entries = std::fs::read_dir(folder.path().join("ready")).unwrap();
    let entry = entries.next().unwrap().unwrap().path();
    let [description, away] = ["description.json", "away"].map(|name| entry.join(name));
    std::fs::rename(&description, &away).unwrap();
    std::fs::create_dir(&description).unwrap();
    let uploader = spool.uploader(archive).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert_eq!((drained.uploaded, drained.set_aside), (0, 0));
    std::fs::remove_dir(&description).unwrap();
    std::fs::rename(&away, &description).unwrap();
    assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn an_entry_that_is_gone_when_it_is_looked_at_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(&ScriptedStore::in_memory());
    let spool = spool(folder.path()).await;
    let listed = folder.path().join("ready/0-gone");
    std::os::unix::fs::symlink("nowhere", &listed).unwrap();
    accept(&spool, &archive, 1).await;
    let uploader = spool.uploader(archive).await.unwrap();
    assert_eq!(uploader.drain().await.unwrap().uploaded, 1);
    assert_eq!(count(folder.path(), "failed"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_uploader_outlasts_a_disk_that_fails_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let store = ScriptedStore::in_memory();
    let (archive, spool) = (archive(&store), spool(folder.path()).await);
    accept(&spool, &archive, 1).await;
    let [ready, away] = ["ready", "away"].map(|name| folder.path().join(name));
    std::fs::rename(&ready, &away).unwrap();
    let running = tokio::spawn(spool.uploader(archive.clone()).await.unwrap().run());
    tokio::time::sleep(Duration::from_secs(1)).await;
    std::fs::rename(&away, &ready).unwrap();
    while spool.status().await.unwrap().objects > 0 {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.abort();
    assert_eq!(read(&archive, 1).await, document(1));
}

#[tokio::test]
async fn a_drain_ends_after_twice_as_many_failures_as_are_uploaded_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let away = Rule::always(Operation::Put, Effect::Refuse(Failure::Other));
    let store = ScriptedStore::in_memory().with([away]);
    let archive = Archive::builder(Arc::new(store)).retry_for(Duration::from_nanos(1));
    let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
    for number in 0..5 {
        accept(&spool, &archive, number).await;
    }
    let uploader = spool.uploader(archive).await.unwrap().at_once(1);
    assert!(uploader.drain().await.unwrap().failure.is_some());
    let counts = spool.counts();
    assert_eq!((counts.failed, counts.failed_in_a_row), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_may_take_ten_seconds_and_one_more_for_each_100_kb() {
    for (bytes, seconds) in [(1_000, 10), (250_000, 12)] {
        let folder = tempfile::tempdir().unwrap();
        let stuck = Rule::always(Operation::Put, Effect::Hang);
        let archive = Archive::builder(Arc::new(ScriptedStore::in_memory().with([stuck])));
        let archive = archive.codec(Codec::Identity).build().unwrap();
        let spool = spool(folder.path()).await;
        let document = vec![7; bytes];
        let spooled = spool.accept(&archive, "a", chunks(&document)).await;
        spooled.unwrap();
        let uploader = spool.uploader(archive).await.unwrap();
        let start = Instant::now();
        assert!(uploader.drain().await.unwrap().failure.is_some());
        // The last look comes a little before.
        let limit = Duration::from_secs(seconds);
        let took = start.elapsed();
        assert!((limit * 9 / 10..=limit).contains(&took), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_while_nothing_gets_through_and_are_short_again_when_something_does() {
    let folder = tempfile::tempdir().unwrap();
    let blind = Rule::always(Operation::Get, Effect::Refuse(Failure::Forbidden));
    let store = ScriptedStore::in_memory();
    store.put(&"0.json".into(), "other".into()).await.unwrap();
    let archive = archive(&store.with([blind]));
    let spool = spool(folder.path()).await;
    // It fails each time.
    accept(&spool, &archive, 0).await;
    let running = tokio::spawn(spool.uploader(archive.clone()).await.unwrap().run());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let failed = spool.counts().failed;
    assert!((12..40).contains(&failed), "{failed}");
    let uploaded = async |number| {
        accept(&spool, &archive, number).await;
        while spool.status().await.unwrap().objects > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    uploaded(1).await;
    let start = Instant::now();
    for number in 2..12 {
        uploaded(number).await;
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    running.abort();
}

#[tokio::test]
async fn objects_that_fail_again_and_again_hold_up_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |call| Rule::nth(Operation::Put, call, Effect::Refuse(Failure::Other));
    let store = ScriptedStore::in_memory().with((0..6).map(refused));
    let archive = Archive::builder(Arc::new(store)).retry_for(Duration::from_nanos(1));
    let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
    for number in 0..10 {
        accept(&spool, &archive, number).await;
    }
    // One whose description is wrong never gets better.
    let mut writer = spool.create(&archive, "empty.json").await.unwrap();
    writer.write_all(b"").await.unwrap();
    writer.accept(RawDocument::new(9)).await.unwrap();
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    let drained = uploader.drain().await.unwrap();
    assert!(drained.failure.is_some());
    assert_eq!((drained.uploaded, drained.set_aside), (4, 1));
    let drained = uploader.drain().await.unwrap();
    assert!(drained.failure.is_none(), "{drained:?}");
    assert_eq!(drained.uploaded, 6);
}

#[tokio::test]
async fn as_many_as_are_tried_at_a_time_hold_up_no_others_when_they_never_get_there() {
    let folder = tempfile::tempdir().unwrap();
    // As for credentials that may only write: whether what is there is the same cannot be found out.
    let refused = Effect::Refuse(Failure::Forbidden);
    let blind = [Rule::always(Operation::Get, refused)];
    let store = ScriptedStore::in_memory();
    for number in 0..12 {
        let name = format!("{number}.json").as_str().into();
        store.put(&name, "other".into()).await.unwrap();
    }
    let store = store.with(blind);
    let archive = Archive::builder(Arc::new(store)).retry_for(Duration::from_millis(1));
    let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
    for number in 0..16 {
        if number == 12 {
            // Those of the same millisecond are in any order.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        accept(&spool, &archive, number).await;
    }
    let uploader = spool.uploader(archive.clone()).await.unwrap();
    for uploaded in [0, 4] {
        let drained = uploader.drain().await.unwrap();
        assert_eq!(
            (drained.uploaded, drained.set_aside),
            (uploaded, 0),
            "{drained:?}"
        );
    }
    assert_eq!(spool.status().await.unwrap().objects, 12);
}

#[tokio::test]
async fn a_missing_permission_sets_an_object_aside_whatever_was_refused() {
    for (operation, bytes) in [(Operation::Put, 10), (Operation::Create, 5_000)] {
        let folder = tempfile::tempdir().unwrap();
        let refused = Rule::always(operation, Effect::Refuse(Failure::Forbidden));
        let store = ScriptedStore::in_memory().with([refused]);
        let archive = Archive::builder(Arc::new(store)).codec(Codec::Identity);
        let archive = archive.part_size(1_000).allow_small_parts();
        let (archive, spool) = (archive.build().unwrap(), spool(folder.path()).await);
        let document = vec![7; bytes];
        let spooled = spool.accept(&archive, "a", chunks(&document)).await;
        spooled.unwrap();
        let uploader = spool.uploader(archive).await.unwrap();
        let drained = uploader.drain().await.unwrap();
        assert_eq!(
            (drained.uploaded, drained.set_aside),
            (0, 1),
            "{operation:?}"
        );
        assert_eq!(count(folder.path(), "failed"), 1);
    }
}

#[tokio::test]
async fn what_others_have_spooled_takes_room_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(&ScriptedStore::in_memory());
    let spool = spool(folder.path()).await;
    let mut writer = spool.create(&archive, "1").await.unwrap();
    writer.write_all(&[7; 900]).await.unwrap();
    writer.accept(RawDocument::new(1)).await.unwrap();
    let other = Spool::builder(folder.path()).keep_free(0).max_bytes(1_000);
    let other = other.open().await.unwrap();
    let mut writer = other.create(&archive, "2").await.unwrap();
    writer.write_all(&[7; 100]).await.unwrap();
    let full = writer.write_all(&[7]).await.unwrap_err();
    assert!(matches!(full, SpoolError::Full { limit: 1_000 }), "{full}");
}
