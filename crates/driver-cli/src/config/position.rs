use std::fmt;

/// A place in a file, as editors count: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The place before the byte at `offset`, or the end of `text` if it is shorter.
    ///
    /// Costs a pass over what lies before.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        for (offset, shown) in [
            (0, "1:1"),
            (2, "1:2"),
            (3, "1:3"),
            (4, "2:1"),
            (5, "2:2"),
            (99, "2:2"),
        ] {
            assert_eq!(Position::of("äb\nc", offset).to_string(), shown, "{offset}");
        }
    }
}
