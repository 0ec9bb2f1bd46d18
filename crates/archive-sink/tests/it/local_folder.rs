//! Local folders that are written to durably, and by more than one at a time.

use std::{
    fs::{self, File},
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, SystemTime},
};

use archive_sink::{
    Archive, AttributeSupport, Codec, CommitError, LocalFolder, Overwrite, Placement,
};
use futures_util::future::join_all;
use object_store::{
    Attribute, Attributes, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, UpdateVersion,
};
use tokio::io::AsyncWriteExt;

use crate::{
    contract::check_all,
    support::{Target, block_on, files, noise},
};

const PART: usize = 20_000;

fn target(folder: &FilePath, syncs: bool) -> Target {
    let store = LocalFolder::open(folder).unwrap();
    let store = if syncs { store } else { store.without_sync() };
    Target {
        store: Arc::new(store),
        ..Target::local(folder)
    }
}

fn archive(folder: &FilePath, overwrite: Overwrite) -> Archive {
    Archive::builder(target(folder, false).store)
        .codec(Codec::Identity)
        .attributes(AttributeSupport::Absent)
        .overwrite(overwrite)
        .part_size(PART)
        .allow_small_parts()
        .build()
        .unwrap()
}

#[tokio::test]
async fn it_keeps_the_contract() {
    for syncs in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        check_all(&target(folder.path(), syncs)).await;
    }
}

#[cfg(unix)]
#[test]
fn a_folder_can_be_opened_while_others_write_there_and_with_folders_that_may_not_be_read() {
    use std::{
        os::unix::fs::PermissionsExt, sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed,
    };
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("lost+found");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let is_over = AtomicBool::new(false);
    let failed = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                for number in 0..20 {
                    let staged = folder.path().join(format!("{number}#1"));
                    File::create(&staged).unwrap();
                    fs::rename(&staged, folder.path().join(number.to_string())).unwrap();
                }
            }
        });
        let failed = (0..500).find_map(|number| {
            let archive = archive(folder.path(), Overwrite::Replace);
            let writer = archive.create(&format!("own{}", number % 2)).unwrap();
            block_on(writer.commit()).err()
        });
        is_over.store(true, Relaxed);
        failed
    });
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(failed.is_none(), "{failed:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_is_an_object_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b"), "other").unwrap();
    std::os::unix::fs::symlink("b", folder.path().join("a")).unwrap();
    let committed = async |overwrite| {
        let archive = archive(folder.path(), overwrite);
        let mut writer = archive.create("a").unwrap();
        writer.write_all(b"{}").await.unwrap();
        writer.commit().await
    };
    let error = committed(Overwrite::CreateOnly).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Conflict { compared: true, .. }),
        "{error}"
    );
    let receipt = committed(Overwrite::Replace).await.unwrap();
    assert_eq!(receipt.placement, Placement::Replacing);
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"{}");
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"other");
}

#[tokio::test]
async fn of_writers_at_the_same_time_one_wins_and_the_others_learn_it() {
    let folder = tempfile::tempdir().unwrap();
    for (round, parts) in [1, 3, 1, 3].into_iter().enumerate() {
        let archive = archive(folder.path(), Overwrite::CreateOnly);
        let name = round.to_string();
        let mut writers = vec![];
        for writer in 0..8 {
            let mut document = noise(PART * parts - 7).to_vec();
            document[0] = writer;
            let mut writer = archive.create(&name).unwrap();
            writer.write_all(&document).await.unwrap();
            writers.push(writer);
        }
        let commits = writers
            .into_iter()
            .map(|writer| tokio::spawn(writer.commit()));
        let mut won = 0;
        for committed in join_all(commits).await {
            match committed.unwrap() {
                Ok(receipt) => {
                    assert_eq!(receipt.placement, Placement::Exclusive);
                    won += 1;
                }
                Err(error) => assert!(
                    matches!(error, CommitError::Conflict { compared: true, .. }),
                    "{error}"
                ),
            }
        }
        assert_eq!(won, 1);
    }
    assert_eq!(
        files(folder.path(), |name| name.contains('#')),
        [] as [String; 0]
    );
}

#[tokio::test]
async fn what_no_file_can_take_the_place_of_is_an_error_before_the_upload() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.path().join("link")).unwrap();
    for overwrite in [Overwrite::CreateOnly, Overwrite::Replace] {
        let archive = archive(home.path(), overwrite);
        for (name, reason) in [
            ("folder", "directory"),
            ("link", "link to a file that is not there"),
        ] {
            for parts in [1, 5] {
                let mut writer = archive.create(name).unwrap();
                let _error = writer.write_all(&noise(PART * parts - 7)).await;
                let error = writer.commit().await.unwrap_err();
                assert!(
                    matches!(
                        error,
                        CommitError::Write { .. } | CommitError::Refused { .. }
                    ),
                    "{error}"
                );
                assert!(error.to_string().contains(reason), "{error}");
            }
        }
    }
    assert_eq!(files(home.path(), |_| true), ["link"]);
}

#[tokio::test]
async fn attributes_and_updates_are_refused_and_copies_are_made() {
    let home = tempfile::tempdir().unwrap();
    let store = LocalFolder::open(home.path()).unwrap();
    let (a, b) = ("a".into(), "b".into());
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/x")]);
    let with_attributes = PutOptions::from(attributes.clone());
    let version = UpdateVersion {
        e_tag: None,
        version: None,
    };
    let update = PutOptions::from(PutMode::Update(version));
    for options in [with_attributes, update] {
        let error = store.put_opts(&a, "x".into(), options).await.unwrap_err();
        assert!(
            matches!(error, StoreError::NotImplemented { .. }),
            "{error}"
        );
    }
    let options = PutMultipartOptions::from(attributes);
    let error = store.put_multipart_opts(&a, options).await.unwrap_err();
    assert!(
        matches!(error, StoreError::NotImplemented { .. }),
        "{error}"
    );
    assert_eq!(files(home.path(), |_| true), [] as [String; 0]);
    store.put(&a, "x".into()).await.unwrap();
    store.copy(&a, &b).await.unwrap();
    assert_eq!(files(home.path(), |_| true), ["a", "b"]);
}

#[tokio::test]
async fn a_dropped_completion_is_finished_or_aborted_by_whoever_aborts() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path(), false);
    let location = "a".into();
    let upload = object_store::ObjectStoreExt::put_multipart(&*target.store, &location);
    let mut upload = upload.await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    // Dropped after its first poll, which has started it in the blocking pool, and may even have seen its end.
    let _completed = futures_util::FutureExt::now_or_never(upload.complete());
    let aborted = upload.abort().await;
    let is_there = folder.path().join("a").exists();
    assert_eq!(
        is_there,
        matches!(aborted, Err(object_store::Error::NotFound { .. }))
    );
    assert_eq!((target.leftovers)(), [] as [String; 0]);
}

#[tokio::test]
async fn staging_files_that_are_older_than_a_day_are_removed_at_the_first_write() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("deep")).unwrap();
    let file = |name: &str, hours: u64| {
        let file = File::create(home.path().join(name)).unwrap();
        let age = Duration::from_secs(hours * 60 * 60);
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    for (name, hours) in [
        ("a.json#1", 25),
        ("deep/b.json#23", 25),
        ("c.json#4", 23),
        ("d.json#x", 25),
        ("e.json#", 25),
        ("f.json", 25),
    ] {
        file(name, hours);
    }
    let archive = archive(home.path(), Overwrite::CreateOnly);
    let all = files(home.path(), |_| true);
    assert_eq!(all.len(), 6, "opening looks at nothing: {all:?}");
    archive.create("g.json").unwrap().commit().await.unwrap();
    // A thread removes them.
    let new = ["g.json", "g.json.sha256"];
    let expected = [&["c.json#4", "d.json#x", "e.json#", "f.json"][..], &new].concat();
    let begun = std::time::Instant::now();
    while files(home.path(), |_| true) != expected && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(files(home.path(), |_| true), expected);
}

#[tokio::test]
async fn an_object_may_be_read_by_whoever_may_read_other_new_files() {
    use std::os::unix::fs::PermissionsExt;

    let home = tempfile::tempdir().unwrap();
    File::create(home.path().join("other")).unwrap();
    let mut writer = archive(home.path(), Overwrite::CreateOnly)
        .create("a")
        .unwrap();
    writer.write_all(b"{}").await.unwrap();
    writer.commit().await.unwrap();
    let mode = |name| {
        fs::metadata(home.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("a"), mode("other"));
}
