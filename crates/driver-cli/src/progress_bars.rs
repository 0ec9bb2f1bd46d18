//! How far a run is, on a terminal.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use driver_streaming::{Progress, Stage};

use crate::summary::{cut, size};

/// How often the bars are drawn anew.
const INTERVAL: Duration = Duration::from_millis(100);
/// How much of a rate each drawing replaces by what it has seen.
const FRESH: f64 = 0.2;
/// The length of a full bar.
const FULL: u64 = 20;

/// A line for each reader on standard error, when that is a terminal; else nothing is drawn.
pub(super) struct ProgressBars {
    screen: Screen,
    progress: Progress,
    /// The document's length, if it is known.
    length: Option<u64>,
    solvers: usize,
}

impl ProgressBars {
    /// Bars for a run to so many solvers, of which the document's length may be known.
    pub(super) fn new(progress: &Progress, length: Option<u64>, solvers: usize) -> Self {
        Self {
            screen: Screen(io::stderr().is_terminal().then(Arc::default)),
            progress: progress.clone(),
            length,
            solvers,
        }
    }

    /// Where the bars are drawn, for what is printed meanwhile.
    pub(super) fn screen(&self) -> Screen {
        self.screen.clone()
    }

    /// Draws until it is dropped.
    pub(super) async fn draw(&self) -> Infallible {
        let mut ticks = tokio::time::interval(INTERVAL);
        // The bytes of each reader when they were drawn last, and its rate.
        let mut drawn: Vec<(u64, f64)> = self.progress.readers().map(|_| (0, 0.0)).collect();
        let mut last = Instant::now();
        loop {
            ticks.tick().await;
            let passed = last.elapsed().as_secs_f64().max(0.001);
            last = Instant::now();
            for (reader, (bytes, rate)) in self.progress.readers().zip(&mut drawn) {
                let taken = reader.bytes.saturating_sub(*bytes) as f64;
                *rate += (taken / passed - *rate) * FRESH;
                *bytes = reader.bytes;
            }
            let readers = self.progress.readers().zip(&drawn);
            let readers =
                readers.map(|(reader, (_, rate))| (reader.name, reader.bytes, reader.stage, *rate));
            let readers: Vec<_> = readers.collect();
            self.screen
                .show(&lines(&readers, self.length, self.solvers));
        }
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        // The summary says it all; the bars were for the time of waiting.
        self.screen.show(&[]);
    }
}

/// A line for each reader, of which name, bytes, stage and rate are known: what it does comes first, so that a narrow
/// terminal cuts what matters less.
fn lines(readers: &[(&str, u64, Stage, f64)], length: Option<u64>, solvers: usize) -> Vec<String> {
    let has_ended = |stage| matches!(stage, Stage::Ok | Stage::Failed);
    let is_archive_alone = solvers > 0
        && readers
            .iter()
            .take(solvers)
            .all(|(_, _, stage, _)| has_ended(*stage));
    let line = |(index, (name, bytes, stage, rate)): (usize, &(&str, u64, Stage, f64))| {
        let state = match stage {
            Stage::Waiting => "waiting",
            Stage::Sending => "sending",
            Stage::Thinking => "thinking",
            Stage::Answering if index >= solvers => "committing",
            Stage::Answering => "answering",
            Stage::Ok => "ok",
            Stage::Failed => "failed",
        };
        let mut line = format!("{:<15} {state:<10}", cut(name));
        let filled = match (stage, length) {
            // A view may be longer or shorter than the auction: whoever is done has taken all.
            (Stage::Thinking | Stage::Answering | Stage::Ok, _) => FULL,
            (_, Some(length)) => (bytes * FULL / length.max(1)).min(FULL),
            (_, None) => 0,
        };
        if length.is_some() {
            let bar = "=".repeat(filled as usize);
            line += &format!(" [{bar:<width$}]", width = FULL as usize);
        }
        line += &format!(" {:>7}", size(Some(*bytes)));
        // Whoever is sent nothing any more has no rate.
        if *stage == Stage::Sending {
            line += &format!(" {:>7}/s", size(Some(*rate as u64)));
        }
        if index >= solvers && is_archive_alone && !has_ended(*stage) {
            line += "  only the archive is missing";
        }
        line
    };
    readers.iter().enumerate().map(line).collect()
}

/// The lines at the bottom of a terminal, and how many there are; nothing where there is no terminal.
#[derive(Clone)]
pub(super) struct Screen(Option<Arc<Mutex<usize>>>);

impl Screen {
    /// Shows these lines in place of those before, cut to the terminal's size.
    fn show(&self, lines: &[String]) {
        let Some(shown) = &self.0 else { return };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (height, width) = Term::stderr().size();
        let mut text = erased(*shown);
        *shown = lines.len().min(usize::from(height).saturating_sub(1));
        for line in &lines[..*shown] {
            text.extend(line.chars().take(usize::from(width).saturating_sub(1)));
            text.push('\n');
        }
        // A terminal that is gone needs no lines.
        let _gone = Term::stderr().write_str(&text);
    }

    /// Clears the lines, and prints something in their place.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        let Some(shown) = &self.0 else { return print() };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let _gone = Term::stderr().write_str(&erased(std::mem::take(&mut *shown)));
        print()
    }
}

/// What clears so many lines. The cursor stands below them, where a terminal echoes Ctrl-C: that is cleared, too.
fn erased(shown: usize) -> String {
    match shown {
        0 => String::new(),
        _ => format!("\r\u{1b}[{shown}A\u{1b}[J"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_sent_something_has_a_rate_and_whoever_is_done_has_a_full_bar() {
        let readers = [
            ("a", 50, Stage::Sending, 1e6),
            ("b", 98, Stage::Thinking, 1e6),
            ("a-name-that-is-long", 20, Stage::Failed, 1e6),
            ("archive", 100, Stage::Answering, 1e6),
        ];
        assert_eq!(
            lines(&readers, Some(100), 3),
            [
                "a               sending    [==========          ]    50 B 1.00 MB/s",
                "b               thinking   [====================]    98 B",
                "a-name-that-is… failed     [====                ]    20 B",
                "archive         committing [====================]   100 B",
            ]
        );
    }

    #[test]
    fn an_archive_that_is_left_alone_is_said_to_be() {
        let readers = [
            ("a", 9, Stage::Ok, 0.0),
            ("archive", 7, Stage::Sending, 1.0),
        ];
        let lines = lines(&readers, None, 1);
        assert!(
            lines[1].ends_with("only the archive is missing"),
            "{lines:?}"
        );
        assert!(
            !lines[0].contains('[') && !lines[1].contains('['),
            "{lines:?}"
        );
    }
}
