//! What may be asked of `archive`, and times as people write them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use crate::arguments::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List what is archived at a location and in folders below it, the newest last.
    Ls(ListArguments),
    /// Write an archived auction to a file or to standard output, checked to its end.
    Get(GetArguments),
    /// Read archives back to their end, and say of each whether it is ok. Exits with 1 when one is not.
    Verify {
        /// A folder, or a file://, s3://, gs:// or az:// URL; or one auction there, with its id after a slash.
        location: String,
        #[command(flatten)]
        range: TimeRange,
    },
    /// Upload what is in a spool now. Exits with 1 when something is left in it or set aside.
    Push(PushArguments),
    /// Say what may be done at a location, and what its store promises. Leaves nothing behind.
    Check {
        /// A folder, or a file://, s3://, gs:// or az:// URL.
        location: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// A folder, or a file://, s3://, gs:// or az:// URL.
    pub(super) location: String,
    #[command(flatten)]
    pub(super) range: TimeRange,
    /// Ask the store about each: codec and raw size, too.
    #[arg(long)]
    pub(super) long: bool,
    /// How each is printed; JSON is one object on one line for each.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// An archived auction: a location and, after a slash, the id.
    pub(super) location: String,
    /// The file to write, which appears when it is whole; - is standard output.
    #[arg(short, long, value_name = "FILE|-", default_value = "-")]
    pub(super) output: PathBuf,
    /// The bytes as they are stored, of which only the length is checked.
    #[arg(long)]
    pub(super) stored: bool,
    /// How many bytes it may have when it is decompressed: more than 1 MiB is at most 200 times what is stored.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(super) max_size: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// The folder of the spool.
    pub(super) spool: PathBuf,
    /// Where to archive [default: what the configuration file says, else where the spool's objects were to go].
    #[arg(long, value_name = "URL|DIR")]
    pub(super) archive: Option<String>,
    /// A configuration file, of which `archive.location` counts.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// When an object was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Args)]
pub(crate) struct TimeRange {
    /// Only what was stored at this time or later: 2026-11-26T12:00:00Z, 2026-11-26 (in UTC), or 1h for an hour ago.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,

    /// Only what was stored before this time.
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
        .ok_or_else(|| "is no time, such as 2026-11-26T12:00:00Z, 2026-11-26 or 1h".to_owned())
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
