//! For any value of serde's data model, any chunk size, offset and consumer.

use crate::common::{chunk_size, document, drain, exact_chunks, model, run};
use chunked_writer::JsonError;
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::common::config(400))]

    #[test]
    fn chunks_are_those_of_serde_json(value in model(), chunk_size in chunk_size()) {
        let expected = serde_json::to_vec(&value).unwrap();
        let document = document(value, chunk_size);
        prop_assert_eq!(document.chunk_size().get(), chunk_size);
        prop_assert_eq!(&exact_chunks(document.stream(), chunk_size), &expected);
        prop_assert_eq!(document.known_length(), Some(expected.len() as u64));
        prop_assert_eq!(document.statistics().bytes_produced, expected.len() as u64);
        // And again, compared with the first time.
        prop_assert_eq!(exact_chunks(document.stream(), chunk_size), expected);
    }

    #[test]
    fn a_replay_is_exactly_the_rest(
        value in model(),
        first_size in chunk_size(),
        second_size in chunk_size(),
        offset in any::<prop::sample::Index>(),
        produced_before in any::<bool>(),
    ) {
        let expected = serde_json::to_vec(&value).unwrap();
        let offset = offset.index(expected.len() + 1);
        let document = document(value, first_size);
        if produced_before {
            exact_chunks(document.stream(), first_size);
        }
        let document = document.with_chunk_size(second_size.try_into().unwrap());
        let rest = exact_chunks(document.stream_from(offset as u64), second_size);
        prop_assert_eq!(&rest, &expected[offset..]);
        let beyond = expected.len() as u64 + 1 + offset as u64;
        let (chunks, result) = drain(document.stream_from(beyond));
        prop_assert!(chunks.is_empty());
        let length = expected.len() as u64;
        prop_assert_eq!(result, Err(JsonError::OffsetBeyondEnd { offset: beyond, length }));
    }

    #[test]
    fn the_length_is_counted(value in model(), chunk_size in chunk_size()) {
        let expected = serde_json::to_vec(&value).unwrap();
        let document = document(value, chunk_size);
        prop_assert_eq!(run(document.count_length()), Ok(expected.len() as u64));
        prop_assert_eq!(document.stream().remaining(), Some(expected.len() as u64));
        prop_assert_eq!(document.statistics().bytes_produced, 0);
        prop_assert_eq!(exact_chunks(document.stream(), chunk_size), expected);
    }

    #[test]
    fn an_open_document_lacks_its_last_byte(value in model(), chunk_size in chunk_size()) {
        let mut expected = serde_json::to_vec(&value).unwrap();
        let last = expected.pop();
        let document = document(value, chunk_size).left_open();
        if matches!(last, Some(b'}' | b']')) {
            let end = expected.len() as u64;
            prop_assert_eq!(&exact_chunks(document.stream(), chunk_size), &expected);
            prop_assert_eq!(document.statistics().bytes_produced, end);
            prop_assert_eq!(exact_chunks(document.stream_from(end), chunk_size), Vec::<u8>::new());
            prop_assert_eq!(run(document.count_length()), Ok(end));
        } else {
            prop_assert_eq!(drain(document.stream()).1, Err(JsonError::NotOpen));
        }
    }

    #[test]
    fn what_goes_through_erased_serde_is_the_same(value in model(), chunk_size in chunk_size()) {
        let expected = serde_json::to_vec(&value).unwrap();
        let erased: Box<dyn erased_serde::Serialize + Send + Sync> = Box::new(value);
        prop_assert_eq!(exact_chunks(document(erased, chunk_size).stream(), chunk_size), expected);
    }
}
