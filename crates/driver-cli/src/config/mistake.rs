use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use http::HeaderName;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::exit::Failure;

/// How many characters of a key are shown.
const LONGEST_KEY: usize = 64;

/// The longest unknown key, in bytes, that is compared with known ones.
const LONGEST_COMPARED: usize = 40;

/// The one key of a date, as `toml` shows it to `serde`.
pub(super) const DATE: &str = "$__toml_private_datetime";

pub(super) const IS_DATE: &str = "must be a table, and is a date or time";

pub(super) const OUT_OF_RANGE: &str = "the integer is out of range";

/// The text of a configuration file, with which mistakes are located.
///
/// A mistake is one line: `driver.toml:12:1: solver[1].encoding: no encoding is called …`. It shows no secret.
#[derive(Clone, Default)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn mistake<T>(&self, at: &Spanned<T>, why: impl fmt::Display) -> Failure {
        self.mistake_at(Some(at.span()), why)
    }

    /// A mistake at `span`, or in the file as a whole.
    pub(super) fn mistake_at(&self, span: Option<Range<usize>>, why: impl fmt::Display) -> Failure {
        let line = format!("{}: {why}", self.place(span));
        Failure::usage(line.replace(char::is_control, " "))
    }

    /// The place and the key at `span`, such as `driver.toml:12:1: archive.location`. Parses the text again.
    pub(super) fn place(&self, span: Option<Range<usize>>) -> String {
        let mut place = self.path.display().to_string();
        if let Some(span) = span {
            let table = DeTable::parse(&self.text).ok();
            let found = table.and_then(|table| find(table.get_ref(), "", &span));
            let (key, offset) = match found {
                Some((key, offset)) => (format!(": {key}"), offset),
                None => (String::new(), span.start),
            };
            let (line, column) = self.position(offset);
            place += &format!(":{line}:{column}{key}");
        }
        // The file's name may contain line breaks.
        place.replace(char::is_control, " ")
    }

    pub(super) fn line<T>(&self, at: &Spanned<T>) -> usize {
        self.position(at.span().start).0
    }

    /// The line and the column of the byte at `offset`, from 1 and in characters, as editors count.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[line_start..].chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    /// A mistake in the syntax. The parser's message quotes nothing of the file; its error as a whole would.
    pub(super) fn syntax_error(&self, error: &toml::de::Error) -> Failure {
        let span = error.span();
        let key = span.clone().and_then(|span| self.text.get(span));
        match key {
            // The only mistake that is located at a key.
            Some(key) if error.message() == "duplicate key" => {
                let key = with_key("", key.trim_matches(['"', '\'']));
                self.mistake_at(span, format_args!("{key}: duplicate key"))
            }
            _ => self.mistake_at(span, error.message()),
        }
    }

    /// A mistake that `serde` found, in TOML's words and without the values that it quotes.
    pub(super) fn type_error(&self, error: &toml::de::Error) -> Failure {
        let message = error.message();
        let (what, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let why = if message.contains(DATE) {
            IS_DATE.to_owned()
        } else if let Some(key) = what.strip_prefix("unknown field ") {
            match nearest(key.trim_matches('`'), &known) {
                Some(nearest) => format!("there is no such key: is it {nearest}?"),
                None => "there is no such key".to_owned(),
            }
        } else if let Some(key) = what.strip_prefix("missing field ") {
            format!("the key {} is missing", key.trim_matches('`'))
        } else if let Some(name) = what.strip_prefix("unknown variant ") {
            let name = name.trim_matches('`');
            format!("{name:?} is none of {}", known.join(", "))
        } else if let Some(found) = what.strip_prefix("invalid type: ") {
            // The value, which may be secret, follows in quotes.
            let found = found.split(['`', '"']).next().unwrap_or_default();
            match (found.trim_end(), expected) {
                ("integer", "i64" | "u64") => OUT_OF_RANGE.to_owned(),
                (found, expected) => {
                    let expected = expected
                        .replace("i64", "an integer")
                        .replace("u64", "an integer");
                    let expected = expected.replace("path string", "a string");
                    let (found, expected) = (in_toml(found), in_toml(&expected));
                    format!("must be {expected}, and is of type {found}")
                }
            }
        } else if what.starts_with("invalid value: ") {
            OUT_OF_RANGE.to_owned()
        } else {
            message.to_owned()
        };
        self.mistake_at(error.span(), why)
    }
}

/// Translates `serde`'s names of types.
fn in_toml(text: &str) -> String {
    let text = text.replace("map", "table");
    let text = text.replace("a sequence", "an array of tables, each written [[solver]]");
    text.replace("sequence", "array")
}

/// The path of the innermost key or value at `span`, such as `solver[1].set."a b"`, and the offset of its key or element.
fn find(table: &DeTable<'_>, path: &str, span: &Range<usize>) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let key_path = match HeaderName::from_bytes(key.get_ref().as_bytes()) {
            // An invalid header name may contain the value, which is secret.
            Err(_) if path.ends_with("].headers") => path.to_owned(),
            _ => with_key(path, key.get_ref()),
        };
        let is_here = *span == key.span() || *span == value.span();
        find_inside(value.get_ref(), &key_path, span)
            .or_else(|| is_here.then_some((key_path, key.span().start)))
    })
}

fn find_inside(value: &DeValue<'_>, path: &str, span: &Range<usize>) -> Option<(String, usize)> {
    if let DeValue::Table(table) = value {
        return find(table, path, span);
    }
    let elements = value.as_array().into_iter().flatten().enumerate();
    elements.into_iter().find_map(|(index, element)| {
        let path = format!("{path}[{index}]");
        find_inside(element.get_ref(), &path, span)
            .or_else(|| (element.span() == *span).then_some((path, span.start)))
    })
}

/// Appends a key to a path: quoted as in TOML, and shortened if it is very long.
fn with_key(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    let is_bare =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let shown: String = key.chars().take(LONGEST_KEY).collect();
    let more = if shown.len() < key.len() { "…" } else { "" };
    if key.is_empty() || !key.chars().all(is_bare) {
        format!("{path}{dot}{shown:?}{more}")
    } else {
        format!("{path}{dot}{shown}{more}")
    }
}

/// The known key that is most similar, if one is similar enough.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    if key.len() > LONGEST_COMPARED {
        return None;
    }
    known
        .iter()
        .map(|known| (strsim::osa_distance(key, known), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).clamp(1, 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let source = Source::new(Path::new("f"), "äb\nc");
        for (offset, shown) in [
            (0, (1, 1)),
            (2, (1, 2)),
            (3, (1, 3)),
            (4, (2, 1)),
            (5, (2, 2)),
            (99, (2, 2)),
        ] {
            assert_eq!(source.position(offset), shown, "{offset}");
        }
    }

    #[test]
    fn keys_are_quoted_where_toml_quotes_them_and_stay_short() {
        let path = "solver[1]";
        for (key, shown) in [
            ("skip-liquidity", "solver[1].skip-liquidity"),
            ("a.b\n", "solver[1].\"a.b\\n\""),
            ("", "solver[1].\"\""),
        ] {
            assert_eq!(with_key(path, key), shown);
        }
        let long = with_key(path, &"a".repeat(1_000));
        assert_eq!(long, format!("solver[1].{}…", "a".repeat(64)));
        let long = with_key(path, &"ä".repeat(1_000));
        assert_eq!(long, format!("solver[1].\"{}\"…", "ä".repeat(64)));
    }

    #[test]
    fn only_close_keys_are_suggested() {
        let known = ["id", "deadline", "skip-liquidity", "http2", "length"];
        for (key, suggested) in [
            ("deadlin", Some("deadline")),
            ("skip_liquidity", Some("skip-liquidity")),
            ("lenght", Some("length")),
            ("http", Some("http2")),
            ("ID", None),
            ("url", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, &known), suggested, "{key}");
        }
        assert_eq!(nearest(&"deadline".repeat(100_000), &known), None);
    }
}
