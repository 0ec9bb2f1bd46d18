use std::fmt::{self, Display, Formatter, Write};

/// A text as content or as a quoted attribute's value, which both HTML and XML read as that text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                character => formatter.write_char(shown(character))?,
            }
        }
        Ok(())
    }
}

/// A text for a drawing, which escapes it itself but lets everything else pass.
pub(super) fn drawable(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// Characters that no document may contain, not even escaped, are shown as what is unknown. So are those that turn the
/// direction of what follows, by which a text could pass for another.
fn shown(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
            char::REPLACEMENT_CHARACTER
        }
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (text, escaped) in [
            ("plain é 漢", "plain é 漢"),
            ("<script>", "&lt;script&gt;"),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
            ("a && b", "a &amp;&amp; b"),
            ("&lt;", "&amp;lt;"),
            ("a\0\u{1b}[0m\r\n", "a\u{fffd}\u{fffd}[0m\u{fffd}\n"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
