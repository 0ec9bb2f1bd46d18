//! How far a run is, on a terminal.

use std::convert::Infallible;
use std::time::Duration;

use driver_streaming::{Progress, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often the bars are drawn anew.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar for each reader on standard error, when that is a terminal; else nothing is drawn.
pub(super) struct ProgressBars {
    bars: Vec<ProgressBar>,
    all: MultiProgress,
    progress: Progress,
}

impl ProgressBars {
    /// Bars for a run of which the document's length may be known.
    pub(super) fn new(progress: &Progress, length: Option<u64>) -> Self {
        let all = MultiProgress::new();
        let names = progress.readers().map(|reader| reader.name.chars().count());
        let widest = names.max().unwrap_or(0);
        let template = match length {
            Some(_) => "{prefix} [{bar:30}] {decimal_bytes:>10} {decimal_bytes_per_sec:>12} {msg}",
            None => "{prefix} {spinner} {decimal_bytes:>10} {decimal_bytes_per_sec:>12} {msg}",
        };
        // The templates are constants; a broken one would be seen as the plain default bar.
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bars = progress.readers().map(|reader| {
            let bar = ProgressBar::no_length().with_style(style.clone());
            length.inspect(|length| bar.set_length(*length));
            // All is said before the bar is added: what is said to a bar on its own is drawn on its own.
            all.add(bar.with_prefix(format!("{:<widest$}", reader.name)))
        });
        Self {
            bars: bars.collect(),
            all: all.clone(),
            progress: progress.clone(),
        }
    }

    /// Where the bars are drawn, for what is printed meanwhile.
    pub(super) fn terminal(&self) -> MultiProgress {
        self.all.clone()
    }

    /// Draws until it is dropped.
    pub(super) async fn draw(&self) -> Infallible {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            self.update();
        }
    }

    fn update(&self) {
        for (bar, reader) in self.bars.iter().zip(self.progress.readers()) {
            bar.set_position(reader.bytes);
            bar.set_message(match reader.stage {
                Stage::Waiting => "",
                Stage::Sending => "sending",
                Stage::Answering => "waiting for the answer",
                Stage::Ok => "ok",
                Stage::Failed => "failed",
            });
        }
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        self.update();
        for bar in &self.bars {
            bar.abandon();
        }
        // The summary says it all; the bars were for the time of waiting. A terminal that is gone needs no clearing.
        let _cleared = self.all.clear();
    }
}
