use std::ops::Range;

/// A stretch of the auction's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Where `part` stands in `text`, of which it is a slice.
    pub(super) fn of(part: &str, text: &str) -> Self {
        let start = part.as_ptr().addr() - text.as_ptr().addr();
        Self {
            start,
            end: start + part.len(),
        }
    }

    pub(super) fn start(self) -> usize {
        self.start
    }

    pub(super) fn end(self) -> usize {
        self.end
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}
