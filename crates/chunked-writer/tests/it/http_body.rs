//! The stream as an HTTP body.

use crate::common::{document, run};
use http_body::Body;
use http_body_util::BodyExt;

#[test]
fn the_size_hint_is_exact_once_counted() {
    let value = vec!["text"; 1000];
    let expected = serde_json::to_vec(&value).unwrap();
    let document = document(value, 100);
    let uncounted = document.stream();
    assert_eq!(
        (uncounted.size_hint().lower(), uncounted.size_hint().upper()),
        (0, None)
    );
    run(document.count_length()).unwrap();
    // Also of a stream that was there before.
    assert_eq!(uncounted.size_hint().exact(), Some(expected.len() as u64));

    let mut body = document.stream();
    let mut left = expected.len() as u64;
    while let Some(frame) = run(body.frame()) {
        left -= frame.unwrap().into_data().unwrap().len() as u64;
        assert_eq!(body.size_hint().exact(), Some(left));
        assert_eq!(
            body.is_end_stream(),
            left == 0,
            "known with the last byte, for hyper asks no further"
        );
    }
    assert_eq!(left, 0);
    assert_eq!(
        run(document.stream_from(17).collect()).unwrap().to_bytes(),
        expected[17..]
    );
}

#[test]
fn a_failed_body_does_not_end_well() {
    struct Fails;
    impl serde::Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let mut body = document(("some text", Fails), 4).stream();
    for _ in 0..3 {
        assert!(run(body.frame()).unwrap().is_ok());
    }
    assert!(!body.is_end_stream());
    assert!(run(body.frame()).unwrap().is_err());
    assert!(run(body.frame()).is_none());
}

#[test]
fn a_body_that_can_only_fail_announces_no_length() {
    let document = document("0123456789", 4);
    assert_eq!(run(document.count_length()), Ok(12));
    let mut body = document.stream_from(13);
    for _ in 0..2 {
        assert_eq!((body.remaining(), body.size_hint().exact()), (None, None));
        assert!(!body.is_end_stream());
    }
    assert!(run(body.frame()).unwrap().is_err());
    assert!(body.is_end_stream());
    assert_eq!(document.stream_from(12).size_hint().exact(), Some(0));

    // Made before the length was known, and beyond it.
    let fresh = crate::common::document("0123456789", 4);
    let early = fresh.stream_from(13);
    assert_eq!(run(fresh.count_length()), Ok(12));
    assert_eq!(early.size_hint().exact(), None);

    let lazy = chunked_writer::JsonDocument::lazy(|| chunked_writer::LazyJson::value(17));
    assert_eq!(run(lazy.count_length()), Ok(2));
    assert_eq!(lazy.stream_from(3).size_hint().exact(), None);
    assert_eq!(lazy.stream_from(1).size_hint().exact(), Some(1));
}
