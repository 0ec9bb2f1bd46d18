//! The progress of a run, on a terminal.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use console::Term;
use driver_streaming::{Progress, Stage};
use parking_lot::Mutex;

use crate::figures::{cut, size};

/// How often the bars are drawn.
const INTERVAL: Duration = Duration::from_millis(100);
/// The weight of the latest interval in a rate.
const FRESH: f64 = 0.2;
/// The length of a full bar.
const FULL: u64 = 20;

/// A line for each reader on standard error, if that is a terminal.
pub(super) struct ProgressBars {
    screen: Screen,
    progress: Progress,
    length: Option<u64>,
    solvers: usize,
}

impl ProgressBars {
    /// Bars for this many solvers and the archive. `length` is that of the document.
    pub(super) fn new(progress: &Progress, length: Option<u64>, solvers: usize) -> Self {
        Self {
            screen: Screen(io::stderr().is_terminal().then(Arc::default)),
            progress: progress.clone(),
            length,
            solvers,
        }
    }

    pub(super) fn screen(&self) -> Screen {
        self.screen.clone()
    }

    pub(super) async fn draw(&self) -> Infallible {
        let mut ticks = tokio::time::interval(INTERVAL);
        // Each reader's bytes when they were last drawn, and its rate.
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
        self.screen.show(&[]);
    }
}

/// A line for each reader's name, bytes, stage and rate. A narrow terminal cuts the end, so the stage comes first.
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
            // A view is longer or shorter than the auction.
            (Stage::Thinking | Stage::Answering | Stage::Ok, _) => FULL,
            (_, Some(length)) => (bytes * FULL / length.max(1)).min(FULL),
            (_, None) => 0,
        };
        if length.is_some() {
            let bar = "=".repeat(filled as usize);
            line += &format!(" [{bar:<width$}]", width = FULL as usize);
        }
        line += &format!(" {:>7}", size(Some(*bytes)));
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

/// How many lines are shown at the bottom of the terminal, if there is one.
#[derive(Clone)]
pub(super) struct Screen(Option<Arc<Mutex<usize>>>);

impl Screen {
    /// Replaces the lines that are shown. Cuts them to the terminal's size.
    fn show(&self, lines: &[String]) {
        let Some(shown) = &self.0 else { return };
        let mut shown = shown.lock();
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

    /// Clears the lines to print something else.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        let Some(shown) = &self.0 else { return print() };
        let mut shown = shown.lock();
        let _gone = Term::stderr().write_str(&erased(std::mem::take(&mut *shown)));
        print()
    }
}

/// Clears this many lines and the one below, where a terminal echoes Ctrl-C.
fn erased(shown: usize) -> String {
    match shown {
        0 => "\r\u{1b}[J".to_owned(),
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
    fn the_echo_of_ctrl_c_is_cleared_even_if_nothing_is_shown() {
        assert_eq!(erased(0), "\r\u{1b}[J");
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
