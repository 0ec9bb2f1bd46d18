//! What the scanner takes for JSON, and what it says of the rest.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use crate::auction_members::{AuctionCheck, Members};
use crate::json_scanner::{DocumentMistake, plain_text};

/// Checks a document in pieces of this size.
fn check(text: &[u8], piece: usize) -> Result<u64, DocumentMistake> {
    let (mut check, mut members) = (AuctionCheck::default(), Members::default());
    for piece in text.chunks(piece) {
        check.push(piece, &mut members)?;
    }
    check.finish()
}

fn message(text: &[u8]) -> String {
    let mistake = check(text, usize::MAX).unwrap_err();
    for piece in 1..text.len().min(20) {
        assert_eq!(check(text, piece).as_ref(), Err(&mistake));
    }
    mistake.to_string()
}

#[test]
fn problems_name_their_place() {
    for (text, problem) in [
        (&b""[..], "the auction is empty"),
        (b" \n\t", "the auction is empty"),
        (
            b"\xef\xbb\xbf{}",
            "the auction starts with a byte-order mark at line 1, column 1",
        ),
        (
            b"{\n\"a\":\"\xff\"}",
            "the auction is not valid UTF-8 at line 2, column 6",
        ),
        (
            b"{\"a\":\"\xc3\xa4\xf0\x9f\x92\"}",
            "the auction is not valid UTF-8 at line 1, column 9",
        ),
        (
            b"{\"a\":1}\n{}",
            "the auction is not one JSON object: trailing characters at line 2, column 1",
        ),
        (
            b"{\"a\":[1,",
            "the auction is not one JSON object: EOF while parsing a value at line 1, column 8",
        ),
        (
            b"{\"a\":[1\n",
            "the auction is not one JSON object: EOF while parsing a list at line 2, column 1",
        ),
        (
            b"[1]",
            "the auction is not one JSON object: expected `{` at line 1, column 1",
        ),
        (
            b"{\"a\":nil}",
            "the auction is not one JSON object: expected ident at line 1, column 7",
        ),
        (
            b"{\"a\":\"x\ny\"}",
            "the auction is not one JSON object: control character (\\u0000-\\u001F) found while parsing a string at line 1, column 8",
        ),
    ] {
        assert_eq!(message(text), problem);
    }
    for text in [
        "1",
        "\"x\"",
        "null",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":[1 2]}",
        "{\"a\"",
    ] {
        let message = message(text.as_bytes());
        assert!(message.contains(" at line 1, column "), "{text}: {message}");
    }
}

#[test]
fn depth_is_limited_to_128_levels() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{\"a\":{open}{close}}}")
    };
    assert!(check(nested(128).as_bytes(), 1000).is_ok());
    assert_eq!(
        message(nested(129).as_bytes()),
        "the auction is nested deeper than 128 levels at line 1, column 133"
    );
    assert!(check(nested(100_000).as_bytes(), 1000).is_err());
    let objects = format!("{{\"a\":{}1{}}}", "{\"b\":".repeat(128), "}".repeat(128));
    assert!(check(objects.as_bytes(), 1000).is_err());
}

#[test]
fn counts_levels_and_not_brackets() {
    let inside = |json: &str| {
        let text = format!("{{\"a\":{}{json}{}}}", "[".repeat(125), "]".repeat(125));
        check(text.as_bytes(), 7).map_err(|mistake| mistake.place().unwrap().column() - 131)
    };
    assert!(inside("[[1],[2],[3]]").is_ok());
    assert_eq!(inside("[[1],[[2]],[3]]").unwrap_err(), 6);
    assert!(inside(r#"["[[[[\"[[[", {"{{{": "}}"}]"#).is_ok());
    assert!(inside("1").is_ok());
}

#[test]
fn what_is_cut_off_never_looks_whole() {
    let text =
        "\r\n{ \"id\" : -1.5e+7 ,\"\\u20ae\u{e4}\u{1f4a1}\":[ true,null, {\"\":\"\\\"\"}, 0 ] } ";
    let end = text.trim_end().len();
    for length in 0..=text.len() {
        for piece in [1, 2, 3, 1000] {
            let checked = check(&text.as_bytes()[..length], piece);
            assert_eq!(
                checked.is_ok(),
                length >= end,
                "{length} bytes: {checked:?}"
            );
        }
    }
}

#[test]
fn a_word_at_a_time_sees_what_a_byte_at_a_time_does() {
    for byte in 0..=u8::MAX {
        let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
        for length in 0..40 {
            for before in [
                b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff,
            ] {
                let mut text = [before; 40];
                text[length] = byte;
                let expected = if is_plain { 40 } else { length };
                assert_eq!(plain_text(&text), expected, "{byte} after {before}");
            }
        }
    }
}

fn object() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        "null|true|false|-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        r#""([a-zA-Z0-9 \{\}\[\],:ä€💡]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,12}""#,
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        let name = r#""([a-c]|\\n|ä){0,3}"[ \n]?:\t?"#;
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((name, inner), 0..4).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| name + &value);
                format!("{{{}}}", members.collect::<Vec<_>>().join("\r\n,"))
            }),
        ]
    });
    value.prop_map(|value| format!(" {{\"x\":{value}\n}}").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_a_parser(
        text in object(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<prop::sample::Index>()), 0..3),
        piece in 1usize..40,
    ) {
        let mut text = text;
        // Bytes that mean something are likelier to make something else that is whole.
        let bytes = b"{}[]:,\"\\ \n01.-+eEtrufalsn\x00\x1f\x7f\x80\xbf\xc3\xed\xa0\xf0\xff";
        for (place, how, byte) in changes {
            let (at, byte) = (place.index(text.len()), *byte.get(bytes));
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => text.truncate(at.max(1)),
            }
        }
        let is_object = text.trim_ascii_start().first() == Some(&b'{');
        let parsed = std::str::from_utf8(&text).is_ok()
            && serde_json::from_slice::<IgnoredAny>(&text).is_ok();
        let checked = check(&text, piece);
        prop_assert_eq!(checked.is_ok(), parsed && is_object, "{:?}", checked);
        prop_assert_eq!(check(&text, usize::MAX), checked);
    }
}
