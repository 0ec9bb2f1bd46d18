//! Which bytes of a JSON string are escaped.

use serde_json::ser::CharEscape;

/// Returns whether a byte is escaped in a JSON string: control characters, the quote and the backslash, as in `serde_json`
/// (RFC 8259, section 7). Everything beyond ASCII stays as it is.
#[inline]
const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Returns whether nothing in the text is escaped. Most strings are plain and spend their time here. So this checks blocks
/// without branches, which the compiler turns into vector instructions. The remainder is not checked byte by byte, but
/// together with some bytes before it.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    if blocks.iter().any(is_block_escaped) {
        return false;
    }
    if rest.is_empty() {
        true
    } else if let Some(last) = text.last_chunk::<16>() {
        !is_block_escaped(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        !is_word_escaped(u64::from_le_bytes(*first)) && !is_word_escaped(u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        !is_word_escaped(u64::from(first) << 32 | u64::from(last))
    } else {
        !text.iter().copied().any(is_escaped)
    }
}

#[inline]
fn is_block_escaped(block: &[u8; 16]) -> bool {
    let escaped = |escaped, &byte| escaped | is_escaped(byte);
    block.iter().fold(false, escaped)
}

/// Returns whether any of eight bytes is escaped. It checks all at once: a subtraction borrows from the top bit of a byte
/// that is below the limit (Warren, Hacker's Delight, 6-1).
#[inline]
const fn is_word_escaped(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    const fn any_below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(ONES * limit as u64) & !word
    }
    let controls = any_below(word, 0x20);
    let quotes = any_below(word ^ (ONES * b'"' as u64), 1);
    let backslashes = any_below(word ^ (ONES * b'\\' as u64), 1);
    (controls | quotes | backslashes) & TOPS != 0
}

/// Returns how many bytes at the start of the text need no escape.
#[inline]
pub(crate) fn plain_prefix(text: &[u8]) -> usize {
    /// One memory access instead of three comparisons, for bytes that are checked one by one.
    static ESCAPED: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = is_escaped(byte as u8);
            byte += 1;
        }
        table
    };
    const BLOCK: usize = 32;

    let mut start = 0;
    while let Some(block) = text[start..].first_chunk::<BLOCK>()
        && is_plain(block)
    {
        start += BLOCK;
    }
    let rest = &text[start..];
    let escaped = rest.iter().position(|&byte| ESCAPED[usize::from(byte)]);
    start + escaped.unwrap_or(rest.len())
}

/// Returns how `serde_json` writes an escaped byte.
pub(crate) fn escape(byte: u8) -> CharEscape {
    match byte {
        b'"' => CharEscape::Quote,
        b'\\' => CharEscape::ReverseSolidus,
        0x08 => CharEscape::Backspace,
        b'\t' => CharEscape::Tab,
        b'\n' => CharEscape::LineFeed,
        0x0c => CharEscape::FormFeed,
        b'\r' => CharEscape::CarriageReturn,
        control => CharEscape::AsciiControl(control),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_escaped_byte_is_found_anywhere() {
        for length in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 200] {
            let plain = vec![b'a'; length];
            assert!(is_plain(&plain));
            assert_eq!(plain_prefix(&plain), length);
            for index in 0..length {
                let mut text = plain.clone();
                text[index] = b'\n';
                assert!(!is_plain(&text), "{index} of {length}");
                assert_eq!(plain_prefix(&text), index);
            }
        }
    }

    #[test]
    fn every_byte_is_judged_at_every_place() {
        for length in 0..=40 {
            for index in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'~'; length];
                    text[index] = byte;
                    let found = is_plain(&text);
                    assert_eq!(found, !is_escaped(byte), "{byte:#x} at {index} of {length}");
                }
            }
        }
    }

    #[test]
    fn the_same_bytes_are_escaped_as_in_serde_json() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let plain = serde_json::to_string(&text).unwrap().len() == 3;
            assert_eq!(is_plain(text.as_bytes()), plain, "byte {byte:#x}");
        }
        assert!(is_plain("äöü\u{7f}\u{80}€😀".as_bytes()));
    }
}
