//! What the check at start-up finds out, and what comes of it.

use std::sync::Arc;

use archive_sink::{
    Access, Archive, ArchiveBuilder, CheckOptions, Codec, CommitError, Overwrite, Placement,
    Receipt, WriteErrorKind,
};
use scripted_store::{Effect, Failure, Operation, Rule, ScriptedStore};
use tokio::io::AsyncWriteExt;

use crate::support::noise;

const PART: usize = 20_000;
const PROBE: &str = "archive-sink.check";

fn builder(store: &ScriptedStore) -> ArchiveBuilder {
    Archive::builder(Arc::new(store.clone()))
        .codec(Codec::Identity)
        .part_size(PART)
        .allow_small_parts()
}

async fn commit(archive: &Archive, name: &str, parts: usize) -> Result<Receipt, CommitError> {
    let mut writer = archive.create(name).unwrap();
    writer.write_all(&noise(PART * parts - 7)).await.unwrap();
    writer.commit().await
}

#[tokio::test]
async fn it_needs_no_more_than_to_put_and_to_abort_and_leaves_one_byte() {
    let rules = [Rule::always(
        Operation::Get,
        Effect::Refuse(Failure::Forbidden),
    )];
    let store = ScriptedStore::in_memory().with(rules);
    let archive = builder(&store).build().unwrap();
    // First there is nothing; then what the first check left.
    for puts in [2, 3] {
        let access = archive.check().await.unwrap();
        assert_eq!((access.exclusive_put, access.look), (Some(true), None));
        assert_eq!(store.count(Operation::Put), puts);
    }
    assert_eq!(store.count(Operation::Get), 0);
    assert_eq!(store.open_uploads().len(), 0);
    assert_eq!(store.names().await, [PROBE]);
    assert_eq!(store.object(PROBE).await.unwrap().len(), 1);
    let replacing = builder(&store).overwrite(Overwrite::Replace);
    let options = CheckOptions {
        delete: true,
        ..CheckOptions::default()
    };
    let access = replacing.build().unwrap().check_with(options).await;
    assert_eq!(access.unwrap(), Access::default());
    assert_eq!(store.count(Operation::Put), 3);
    assert_eq!(store.names().await, [PROBE], "what another check has left");
}

#[tokio::test]
async fn more_is_tried_where_it_is_asked_for() {
    for (rule, look) in [
        (None, true),
        (Some(Effect::Refuse(Failure::Forbidden)), false),
    ] {
        let rules = rule.map(|effect| Rule::always(Operation::Get, effect));
        let store = ScriptedStore::in_memory().with(rules);
        let options = CheckOptions {
            look: true,
            delete: true,
        };
        let archive = builder(&store).build().unwrap();
        let access = archive.check_with(options).await.unwrap();
        assert_eq!((access.look, access.deleted), (Some(look), Some(true)));
        assert_eq!(store.names().await, [""; 0]);
    }
}

#[tokio::test]
async fn of_a_store_that_ignores_conditions_nothing_is_said_that_is_not_so() {
    let ignoring = Rule::always(Operation::Put, Effect::IgnoreCondition);
    let blind = Rule::always(Operation::Get, Effect::Refuse(Failure::Forbidden));
    for (rules, expected) in [
        (vec![ignoring], Placement::CheckedBefore),
        (vec![ignoring, blind], Placement::Unchecked),
    ] {
        let store = ScriptedStore::in_memory().with(rules);
        let archive = builder(&store).build().unwrap();
        let access = archive.check().await.unwrap();
        assert_eq!(access.exclusive_put, Some(false));
        assert_eq!(access.exclusive_upload, Some(false));
        // Its clones know it, too.
        let archive = archive.clone();
        for (name, parts) in [("small", 1), ("large", 3)] {
            let receipt = commit(&archive, name, parts).await.unwrap();
            assert_eq!(receipt.placement, expected, "{name}");
            let again = commit(&archive, name, parts).await;
            match expected {
                Placement::Unchecked => assert_eq!(again.unwrap().placement, expected),
                _ => assert_eq!(again.unwrap().placement, Placement::AlreadyThere),
            }
        }
    }
}

#[tokio::test]
async fn of_a_store_without_conditions_as_well() {
    // The PUT of the check without a condition is the second, and nobody asks for one after it.
    let rule = Rule::nth(Operation::Put, 0, Effect::Refuse(Failure::Unsupported));
    let store = ScriptedStore::in_memory().with([rule]);
    let archive = builder(&store).build().unwrap();
    let access = archive.check().await.unwrap();
    assert_eq!(access.exclusive_put, Some(false));
    let receipt = commit(&archive, "a", 1).await.unwrap();
    assert_eq!(receipt.placement, Placement::CheckedBefore);
    assert_eq!(store.count(Operation::Put), 3);
}

#[tokio::test]
async fn what_fails_is_named_and_no_upload_is_left() {
    for (operation, request) in [
        (Operation::Put, "cannot put an object"),
        (Operation::Create, "cannot start to upload"),
        (Operation::Part, "cannot complete an upload"),
        (Operation::Complete, "cannot complete an upload"),
    ] {
        for effect in [Effect::Refuse(Failure::Other), Effect::Panic] {
            let store = ScriptedStore::in_memory().with([Rule::nth(operation, 0, effect)]);
            let archive = builder(&store).build().unwrap();
            let error = archive.check().await.unwrap_err().to_string();
            assert!(error.contains("injected into"), "{error}");
            if effect != Effect::Panic {
                assert!(error.contains(request), "{error}");
                assert_eq!(store.open_uploads().len(), 0);
            }
        }
    }
    let rule = Rule::always(Operation::Abort, Effect::Refuse(Failure::Forbidden));
    let store = ScriptedStore::in_memory().with([rule]);
    let error = builder(&store).build().unwrap().check().await.unwrap_err();
    assert!(matches!(error.kind, WriteErrorKind::Abort(_)), "{error}");
}
