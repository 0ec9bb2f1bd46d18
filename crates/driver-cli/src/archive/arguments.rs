//! The command line of `archive`, and times as people write them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use crate::option_values::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List the auctions at a location and in folders below it, the newest last.
    Ls(ListArguments),
    /// Write an archived auction to a file or to standard output, and check it.
    Get(GetArguments),
    /// Read archived auctions back and check each. Exits with 1 if one is damaged or cannot be read.
    Verify {
        /// A folder or a file://, s3://, gs:// or az:// URL, or one auction there: LOCATION/ID.
        location: String,
        #[command(flatten)]
        range: TimeRange,
    },
    /// Upload what is in a spool. Exits with 1 if something stays in it or is set aside.
    Push(PushArguments),
    /// Try what is permitted at a location and what its store promises. Removes what it wrote.
    Check {
        /// A folder or a file://, s3://, gs:// or az:// URL.
        location: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// A folder or a file://, s3://, gs:// or az:// URL.
    pub(super) location: String,
    #[command(flatten)]
    pub(super) range: TimeRange,
    /// Show the codec and the raw size too, which takes a request for each object.
    #[arg(long)]
    pub(super) long: bool,
    /// The format of the list. JSON is one object per line.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// An archived auction: LOCATION/ID.
    pub(super) location: String,
    /// The file to write, which appears when it is complete, or - for standard output.
    #[arg(short, long, value_name = "FILE|-", default_value = "-")]
    pub(super) output: PathBuf,
    /// Write the stored bytes without decompressing them. Only their length is checked.
    #[arg(long)]
    pub(super) stored: bool,
    /// The largest auction, in bytes after decompression. One of more than 1 MiB may also be at most 200 times as long as
    /// its stored object.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(super) max_size: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// The folder of the spool.
    pub(super) spool: PathBuf,
    /// Where to archive [default: the location in the configuration file, else the one noted in the spool].
    #[arg(long, value_name = "URL|DIR")]
    pub(super) archive: Option<String>,
    /// A configuration file, of which only `archive.location` is used.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Args)]
pub(crate) struct TimeRange {
    /// Only auctions stored at this time or later: 2026-11-26T12:00:00Z, 2026-11-26 (UTC), or 1h for an hour ago.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,

    /// Only auctions stored before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
}

impl TimeRange {
    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    time_at(text, Timestamp::now())
        .ok_or_else(|| "expected a time such as 2026-11-26T12:00:00Z, 2026-11-26 or 1h".to_owned())
}

/// An instant, the beginning of a day in UTC, or a duration before `now`.
fn time_at(text: &str, now: Timestamp) -> Option<Timestamp> {
    let instant = text
        .parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse());
    if let Ok(instant) = instant {
        return Some(instant);
    }
    let duration = text.strip_suffix("ago").unwrap_or(text).trim();
    let duration = humantime::parse_duration(duration).ok()?;
    now.checked_sub(SignedDuration::try_from(duration).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_days_or_ages() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        for (text, time) in [
            ("2026-11-26T13:30:00+01:00", "2026-11-26T12:30:00Z"),
            ("2026-11-26", "2026-11-26T00:00:00Z"),
            ("1h", "2026-11-26T11:00:00Z"),
            ("1day 1h ago", "2026-11-25T11:00:00Z"),
        ] {
            assert_eq!(time_at(text, now), Some(time.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "ago",
            "26",
            "yesterday",
            "2026-11",
            "2026-11-31",
            "2026-11-26x",
            "99999999999999h",
        ] {
            assert_eq!(time_at(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_range_has_its_beginning_and_not_its_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let range = TimeRange {
            since: Some(at(1)),
            until: Some(at(3)),
        };
        let contained: Vec<_> = (0..4).map(|second| range.contains(at(second))).collect();
        assert_eq!(contained, [false, true, true, false]);
    }
}
