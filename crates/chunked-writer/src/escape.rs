//! Which bytes of a string JSON escapes.

use serde_json::ser::CharEscape;

/// Whether a byte is escaped in a JSON string: controls, the quote and the backslash, as `serde_json` has it (RFC 8259,
/// section 7; everything beyond ASCII stays as it is).
#[inline]
const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether nothing in the text is escaped. Blocks without a branch inside, which the compiler turns into vector
/// instructions: most strings are plain, and this is where their time goes.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    for block in blocks {
        if block
            .iter()
            .fold(false, |escaped, &byte| escaped | is_escaped(byte))
        {
            return false;
        }
    }
    rest.iter()
        .fold(true, |plain, &byte| plain & !is_escaped(byte))
}

/// How many bytes at the start of the text are written as they are.
#[inline]
pub(crate) fn plain_prefix(text: &[u8]) -> usize {
    /// One look at memory instead of three comparisons, for where bytes are looked at one by one.
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

/// How `serde_json` writes a byte that is escaped.
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
    fn the_same_bytes_are_escaped_as_in_serde_json() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let plain = serde_json::to_string(&text).unwrap().len() == 3;
            assert_eq!(is_plain(text.as_bytes()), plain, "byte {byte:#x}");
        }
        assert!(is_plain("äöü\u{7f}\u{80}€😀".as_bytes()));
    }
}
