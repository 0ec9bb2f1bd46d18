//! Dropping at every await point: nothing is left, or (once completing) the whole object.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use archive_sink::{Archive, AttributeSupport, Codec};
use bytes::Bytes;
use object_store::ObjectStore;
use scripted_store::{Effect, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::support::{Target, chunks, noise, stored};

const PART: usize = 40_000;

/// Polls a future this often, then drops it. `None` when it was not done by then.
pub(crate) async fn drop_after<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// A store in which every call waits for a few polls.
fn slow() -> ScriptedStore {
    let slow = |operation| Rule::always(operation, Effect::Yield(5));
    ScriptedStore::in_memory().with(Operation::ALL.map(slow))
}

fn archive(store: Arc<dyn ObjectStore>, attributes: AttributeSupport) -> Archive {
    Archive::builder(store)
        .codec(Codec::Identity)
        .attributes(attributes)
        .part_size(PART)
        .allow_small_parts()
        .parts_in_flight(2)
        .build()
        .unwrap()
}

async fn send_and_commit(archive: &Archive, document: &Bytes) {
    let mut writer = archive.create("a").unwrap();
    writer.send_all(chunks(document, 7_000)).await.unwrap();
    writer.commit().await.unwrap();
}

async fn store_in_one_call(archive: &Archive, document: &Bytes) {
    let stored = archive.store("a", chunks(document, 7_000));
    stored.await.unwrap();
}

async fn write_and_commit(archive: &Archive, document: &Bytes) {
    let mut writer = archive.create("a").unwrap();
    writer.write_all(document).await.unwrap();
    writer.flush().await.unwrap();
    writer.shutdown().await.unwrap();
    writer.commit().await.unwrap();
}

/// Drops after one poll, after two, and so on, until a run gets to its end. Returns how many runs
/// that took and how many of those that were dropped left the whole object.
async fn sweep(
    document: &Bytes,
    attributes: AttributeSupport,
    run: impl AsyncFn(&Archive, &Bytes),
) -> (usize, usize) {
    let mut whole = 0;
    for polls in 0.. {
        let store = slow();
        let archive = archive(Arc::new(store.clone()), attributes);
        let done = drop_after(run(&archive, document), polls).await;
        archive.settled().await;
        assert_eq!(store.open_uploads().len(), 0, "dropped after {polls} polls");
        let location = archive.location_of("a").unwrap();
        let found = store.object(location.as_ref()).await;
        assert!(found.as_ref().is_none_or(|found| found == document));
        if done.is_some() {
            assert!(found.is_some());
            return (polls, whole);
        }
        whole += usize::from(found.is_some());
    }
    unreachable!("it does not get that far")
}

#[tokio::test]
async fn a_multipart_upload_that_is_dropped_anywhere_leaves_nothing_or_the_whole() {
    let document = noise(PART * 5 - 9);
    for attributes in [AttributeSupport::Kept, AttributeSupport::Absent] {
        let of_one_call = sweep(&document, attributes, store_in_one_call).await;
        let (polls, whole) = sweep(&document, attributes, send_and_commit).await;
        assert!(
            polls > 8 && whole > 0 && whole < polls / 2,
            "{polls} {whole}"
        );
        assert_eq!(of_one_call, (polls, whole));
        let (polls, whole) = sweep(&document, attributes, write_and_commit).await;
        assert!(
            polls > 8 && whole > 0 && whole < polls / 2,
            "{polls} {whole}"
        );
    }
}

#[tokio::test]
async fn a_single_put_that_is_dropped_anywhere_leaves_nothing_or_the_whole() {
    let document = noise(PART - 9);
    let (polls, whole) = sweep(&document, AttributeSupport::Kept, send_and_commit).await;
    assert!(polls > 2 && whole > 0 && whole < polls, "{polls} {whole}");
}

#[tokio::test]
async fn an_abort_that_is_dropped_goes_on() {
    let document = noise(PART * 3);
    for polls in 0.. {
        let store = slow();
        let archive = archive(Arc::new(store.clone()), AttributeSupport::Kept);
        let mut writer = archive.create("a").unwrap();
        writer.write_all(&document).await.unwrap();
        assert_eq!(store.open_uploads().len(), 1);
        let done = drop_after(writer.abort(), polls).await;
        archive.settled().await;
        assert_eq!(
            (store.open_uploads().len(), store.count(Operation::Abort)),
            (0, 1)
        );
        let location = archive.location_of("a").unwrap();
        assert_eq!(store.object(location.as_ref()).await, None);
        if done.is_some() {
            assert!(polls > 1);
            return;
        }
    }
}

#[tokio::test]
async fn on_local_files_nothing_or_the_whole_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    let document = noise(PART * 3);
    // How far a run is after so many polls depends on the blocking threads, so runs are not swept
    // until one gets to its end, but far enough for most to.
    for polls in 0..40 {
        let archive = archive(Arc::clone(&target.store), target.attributes);
        let done = drop_after(send_and_commit(&archive, &document), polls).await;
        archive.settled().await;
        let location = archive.location_of("a").unwrap();
        let found = stored(&*target.store, &location).await;
        assert!(found.as_ref().is_none_or(|found| *found == document));
        assert!(done.is_none() || found.is_some());
        assert_eq!((target.leftovers)(), [] as [String; 0], "{polls}");
        if found.is_some() {
            object_store::ObjectStoreExt::delete(&*target.store, &location)
                .await
                .unwrap();
        }
    }
}

#[test]
fn without_a_runtime_a_dropped_local_upload_removes_its_staging_file() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    let archive = archive(Arc::clone(&target.store), target.attributes);
    let mut writer = archive.create("a").unwrap();
    crate::support::block_on(writer.write_all(&noise(PART * 3))).unwrap();
    assert_eq!((target.leftovers)().len(), 1);
    drop(writer);
    assert_eq!((target.leftovers)(), [] as [String; 0]);
}
