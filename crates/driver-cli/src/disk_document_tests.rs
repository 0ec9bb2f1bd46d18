//! What comes of a document on disk, whenever and however it is read.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use driver_streaming::{Document, error_chain};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use proptest::prelude::*;
use tokio::time::timeout;

use crate::disk_document::DiskDocument;
use crate::disk_file::{Broken, DiskWriter};
use crate::member_edits::{MemberEdits, closing_members};

const TEXT: &str = concat!(
    "\r\n { \"id\" :\t7 ,\n\"liquidity\" : [ {\"a\":[1,\"}\\\",{\"]} ] , \"tokens\":{ } ,",
    "\"\\u0062\": -0.50e+1, \"deadline\":\"1970-01-01T00:00:01Z\" } \n"
);

fn edits(removed: &[&str]) -> MemberEdits {
    MemberEdits::nothing().remove(removed.iter().copied())
}

/// Every kind of edit, and what it makes of [`TEXT`].
fn views() -> Vec<(MemberEdits, String)> {
    let id = r#"{"id":7,"#;
    let rest = r#""tokens":{ },"\u0062":-0.50e+1,"deadline":"1970-01-01T00:00:01Z""#;
    let liquidity = r#""liquidity":[ {"a":[1,"}\",{"]} ],"#;
    vec![
        (MemberEdits::nothing(), TEXT.to_owned()),
        (edits(&["none"]), format!("{id}{liquidity}{rest}}}")),
        (edits(&[]).left_open(), format!("{id}{liquidity}{rest},")),
        (
            edits(&["id"]).without_liquidity(),
            format!(r#"{{"liquidity":[],{rest}}}"#),
        ),
        (
            edits(&["b", "deadline"]).left_open(),
            format!(r#"{id}{liquidity}"tokens":{{ }},"#),
        ),
        (
            edits(&["id", "b", "deadline", "liquidity", "tokens"]).left_open(),
            "{".to_owned(),
        ),
        (
            edits(&["id", "b", "deadline", "liquidity", "tokens"]),
            "{}".to_owned(),
        ),
    ]
}

fn size(size: usize) -> NonZeroUsize {
    NonZeroUsize::new(size).unwrap()
}

fn arriving() -> (DiskWriter, DiskDocument) {
    DiskDocument::arriving(u64::MAX).unwrap()
}

async fn arrived(text: &str, piece: usize) -> DiskDocument {
    let (mut writer, document) = arriving();
    for piece in text.as_bytes().chunks(piece) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(writer.finish().unwrap(), text.len() as u64);
    document
}

/// All of a production, in chunks that are as long as they must be.
async fn read(document: &DiskDocument, offset: u64, chunk: usize) -> String {
    let document = document.clone().with_chunk_size(size(chunk));
    let chunks: Vec<Bytes> = document.stream_from(offset).try_collect().await.unwrap();
    if let Some((last, others)) = chunks.split_last() {
        assert!(others.iter().all(|other| other.len() == chunk));
        assert!((1..=chunk).contains(&last.len()));
    }
    String::from_utf8(chunks.concat()).unwrap()
}

async fn error_of(document: &DiskDocument) -> String {
    let chunks = document.stream_from(0).try_collect::<Vec<_>>();
    error_chain(&chunks.await.unwrap_err())
}

#[tokio::test]
async fn every_view_is_exact_from_any_offset_in_any_chunks() {
    for (edits, expected) in views() {
        for chunk in [1, 2, 7, 30, 1000] {
            let document = arrived(TEXT, chunk).await.with_edits(edits.clone());
            assert_eq!(document.length().await.unwrap(), expected.len() as u64);
            for offset in 0..=expected.len() {
                let rest = read(&document, offset as u64, chunk).await;
                assert_eq!(rest, expected[offset..], "{edits:?} from {offset}");
            }
            let beyond = document.stream_from(expected.len() as u64 + 2);
            let error = beyond.try_collect::<Vec<_>>().await.unwrap_err();
            let error = error_chain(&error);
            assert!(error.contains("2 bytes before"), "{error}");
        }
    }
}

#[tokio::test]
async fn readers_join_at_any_time_and_offset_while_it_arrives() {
    let (mut writer, document) = arriving();
    let mut readers = Vec::new();
    for (index, byte) in TEXT.bytes().enumerate() {
        for (edits, expected) in views() {
            let document = document.with_edits(edits);
            // From where something is, and from where nothing is yet.
            let offset = (index * 7) % (expected.len() + 1);
            let reading = async move {
                assert_eq!(read(&document, offset as u64, 3).await, expected[offset..]);
            };
            readers.push(tokio::spawn(reading));
        }
        writer.write(Bytes::from(vec![byte])).await.unwrap();
        tokio::task::yield_now().await;
    }
    writer.finish().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_ends_before_all_has_arrived() {
    for (edits, expected) in views() {
        let (mut writer, document) = arriving();
        let document = document.with_edits(edits).with_chunk_size(size(1));
        let mut chunks = document.stream_from(0);
        let mut length = Box::pin(document.length());
        writer.write(TEXT.into()).await.unwrap();
        let mut sent = String::new();
        // Time stands still while a file is read.
        while let Ok(chunk) = timeout(Duration::from_secs(1), chunks.next()).await {
            sent.push_str(str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
        assert_eq!(sent, expected, "what is there is sent");
        assert!(length.as_mut().now_or_never().is_none());
        writer.finish().unwrap();
        assert!(chunks.next().await.is_none());
        assert_eq!(length.await.unwrap(), expected.len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_never_looks_whole() {
    let whole = TEXT.trim_end().len();
    for cut in 0..TEXT.len() {
        for finished in [true, false] {
            if finished && cut >= whole {
                continue;
            }
            let (mut writer, document) = arriving();
            let text = Bytes::copy_from_slice(&TEXT.as_bytes()[..cut]);
            let readers = views().into_iter().map(|(edits, _)| {
                let document = document.with_edits(edits).with_chunk_size(size(2));
                tokio::spawn(async move { error_of(&document).await })
            });
            let readers: Vec<_> = readers.collect();
            let id = document.id();
            writer.write(text).await.unwrap();
            if finished {
                assert!(matches!(writer.finish(), Err(Broken::Mistake(_))));
            } else {
                drop(writer);
            }
            for reader in readers {
                let error = reader.await.unwrap();
                assert_eq!(error.contains("broke off"), !finished, "{error}");
            }
            error_of(&document).await;
            assert!(document.length().await.is_err());
            let _known = id.await;
        }
    }
}

#[tokio::test]
async fn a_mistake_breaks_what_was_begun() {
    let (mut writer, document) = arriving();
    let document = document.with_chunk_size(size(1));
    let mut chunks = document.stream_from(0);
    writer.write("{\"a\":1,\n".into()).await.unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "{");
    let Err(Broken::Mistake(mistake)) = writer.write(" \"b\":2, \"b\":3}".into()).await else {
        panic!("a name may not stand twice");
    };
    let place = mistake.place().unwrap();
    assert_eq!((place.offset(), place.line(), place.column()), (16, 2, 9));
    assert!(writer.write("{}".into()).await.is_err());
    assert!(writer.finish().is_err());
    let failed = chunks.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error_chain(&failed).contains("\"b\" appears twice at line 2, column 9"));

    let (mut writer, document) = DiskDocument::arriving(5).unwrap();
    writer.write("{\"a\":".into()).await.unwrap();
    let refused = writer.write("1}".into()).await;
    assert!(matches!(refused, Err(Broken::TooLong(5))));
    assert!(error_of(&document).await.contains("longer than 5 bytes"));

    let (writer, document) = arriving();
    writer.fail(Broken::of_source(std::io::Error::other("the peer is gone")));
    let error = error_of(&document).await;
    assert!(error.contains("broke off: the peer is gone"), "{error}");
}

#[tokio::test]
async fn what_has_arrived_can_be_read_before_it_is_on_disk() {
    let (mut writer, document) = arriving();
    let mut chunks = document.with_chunk_size(size(3)).stream_from(0);
    let mut writing = Box::pin(writer.write("{\"a\":1}".into()));
    let _being_written = writing.as_mut().now_or_never();
    for expected in ["{\"a", "\":1"] {
        let chunk = chunks.next().now_or_never().flatten();
        assert_eq!(chunk.unwrap().unwrap(), expected);
    }
    writing.await.unwrap();
    writer.finish().unwrap();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "}");
}

#[tokio::test]
async fn a_reader_that_is_behind_reads_on_where_memory_begins() {
    let numbers = (0..400_000).map(|number: u32| number.to_string());
    let text = format!("{{\"x\":[{}]}}", numbers.collect::<Vec<_>>().join(","));
    for piece in [1_000, 65_536, 300_001, 2_000_000] {
        let (mut writer, document) = arriving();
        let mut late = document.stream_from(0);
        let mut found = String::new();
        for (index, piece) in text.as_bytes().chunks(piece).enumerate() {
            writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
            // Behind by more and more.
            if index % 2 == 0
                && let Some(chunk) = late.next().now_or_never()
            {
                found += str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
            }
        }
        writer.finish().unwrap();
        let rest: Vec<Bytes> = late.try_collect().await.unwrap();
        found += str::from_utf8(&rest.concat()).unwrap();
        assert!(found == text, "in pieces of {piece} bytes");
    }
}

#[tokio::test]
async fn id_and_deadline_are_known_as_soon_as_they_are_there() {
    let (mut writer, document) = arriving();
    let (mut id, mut deadline) = (Box::pin(document.id()), Box::pin(document.deadline()));
    writer
        .write("{\"metadata\":{\"auction_id\":1}".into())
        .await
        .unwrap();
    // Another may follow, which counts before it.
    assert!(id.as_mut().now_or_never().is_none());
    writer.write(",\"id\":\"x\"".into()).await.unwrap();
    assert_eq!(id.await.unwrap().as_str(), "x");
    assert_eq!(document.id().await.unwrap().as_str(), "x");
    assert!(deadline.as_mut().now_or_never().is_none());
    writer
        .write(",\"deadline\":\"1970-01-01T00:00:01Z\"".into())
        .await
        .unwrap();
    assert_eq!(deadline.await.unwrap().as_second(), 1);
    drop(writer);

    let document = arrived("{\"metadata\":{\"auction_id\":1}}", 4).await;
    assert_eq!(document.id().await.unwrap().as_str(), "1");
    assert_eq!(document.deadline().await, None);
    let document = arrived("{\"id\":1.5,\"metadata\":{\"auction_id\":1}}", 4).await;
    assert_eq!(document.id().await, None);
    assert!(
        document
            .id_so_far()
            .unwrap_err()
            .to_string()
            .contains("id is 1.5")
    );
    let (writer, document) = arriving();
    drop(writer);
    assert_eq!(document.id().await, None);
}

#[tokio::test]
async fn a_file_is_read_where_it_is_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auction.json");
    let text = format!("{{\"x\":\"{}\"}}", "x".repeat(600_000));
    let shorter = &text[..text.len() - 1];
    for (change, limit) in [(shorter, 0), (&*text, 1), (&*format!("{text} "), 2)] {
        std::fs::write(&path, &text).unwrap();
        let document = DiskDocument::open(path.clone(), text.len() as u64)
            .await
            .unwrap();
        assert_eq!(read(&document, 0, 65_536).await, text);
        let view = document.with_edits(edits(&["y"]).left_open());
        assert_eq!(read(&view, 600_007, 65_536).await, ",");
        let mut chunks = document.stream_from(0);
        assert!(chunks.next().await.unwrap().is_ok());
        // Of a clock that ticks slowly, another time.
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(change.as_bytes()).unwrap();
        let later = std::time::SystemTime::now() + Duration::from_secs(limit + 1);
        file.set_modified(later).unwrap();
        let failed = chunks.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error_chain(&failed).contains("changed after"), "{failed}");
        for document in [&document, &view] {
            assert!(error_of(document).await.contains("changed after"));
        }
        let opened = DiskDocument::open(path.clone(), text.len() as u64).await;
        match (opened, limit) {
            (Err(Broken::Mistake(_)), 0) | (Ok(_), 1) | (Err(Broken::TooLong(_)), 2) => {}
            (opened, _) => panic!("{opened:?}"),
        }
    }
    let missing = DiskDocument::open(folder.path().join("none"), 9).await;
    assert!(matches!(missing, Err(Broken::File(_))));
}

#[tokio::test]
async fn what_a_reader_yields_is_kept() {
    let text = format!("{{\"x\":\"{}\"}}", "x".repeat(600_000));
    let reader = std::io::Cursor::new(text.clone());
    let document = DiskDocument::read(reader.clone(), u64::MAX).await.unwrap();
    assert_eq!(read(&document, 0, 65_536).await, text);
    let refused = DiskDocument::read(reader, 500_000).await;
    assert!(matches!(refused, Err(Broken::TooLong(500_000))));
    let refused = DiskDocument::read(std::io::empty(), 9).await.unwrap_err();
    assert_eq!(refused.to_string(), "the auction is empty");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        r#"[\{\}\[\],:"\\a-c]{0,8}"#.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn edits_agree_with_a_parser(
        members in prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, json(), 0..5),
        set in prop::collection::btree_map(r#"[a-c\{"\\]{0,2}"#, json(), 1..4),
        sizes in (1usize..40, 1usize..40),
        pretty in any::<bool>(),
    ) {
        let object = serde_json::Value::Object(members.clone().into_iter().collect());
        let text = if pretty { format!("{object:#}") } else { object.to_string() };
        let edits = MemberEdits::nothing().remove(set.keys()).left_open();
        let tail: Vec<_> = set
            .iter()
            .map(|(name, value)| (name.clone(), Bytes::from(value.to_string())))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let open = runtime.block_on(async {
            let document = arrived(&text, sizes.0).await.with_edits(edits);
            read(&document, 0, sizes.1).await
        });
        let whole = open + str::from_utf8(&closing_members(&tail)).unwrap();
        let found: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let mut expected = members;
        expected.extend(set);
        prop_assert_eq!(found, serde_json::Value::Object(expected.into_iter().collect()));
    }
}
