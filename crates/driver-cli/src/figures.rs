//! How figures and names are shown to people.

use std::fmt::Display;
use std::time::Duration;

/// The longest name in a table, in characters. Longer ones are cut.
pub(super) const LONGEST_NAME: usize = 15;

/// Cuts a name to fit a table.
pub(super) fn cut(name: &str) -> String {
    match name.chars().count() {
        0..=LONGEST_NAME => name.to_owned(),
        _ => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
    }
}

/// A status in words, such as `timed out`.
pub(super) fn words(status: impl Display) -> String {
    status.to_string().replace('_', " ")
}

/// A value, or nothing for one that is not known.
pub(super) fn known(found: Option<impl Display>) -> String {
    found.map_or_else(String::new, |found| found.to_string())
}

/// Bytes with three digits, such as `8.53 MB`.
pub(super) fn size(bytes: Option<u64>) -> String {
    known(bytes.map(|bytes| match bytes {
        0..1_000 => format!("{bytes} B"),
        _ => {
            let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
            scaled(bytes as f64 / 1e3, 1e3, &units)
        }
    }))
}

/// A time with three digits, such as `1.42 ms` or `14.2 s`.
pub(super) fn milliseconds(milliseconds: Option<f64>) -> String {
    known(milliseconds.map(|time| scaled(time, 1e3, &["ms", "s"])))
}

pub(super) fn duration(duration: Duration) -> String {
    milliseconds(Some(duration.as_secs_f64() * 1000.0))
}

/// A number with three digits, in the first unit in which it is less than `step`.
fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // One that would be rounded up to `step` is 1 of the next unit.
    while number >= step - 0.5 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.digits$} {}", units[unit])
}

/// How often something was done: `1.25 times`.
pub(super) fn times(passes: f64) -> String {
    format!("{passes:.2} times")
}

/// `a`, `a and b`, or `a, b and c`.
pub(super) fn joined<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().map(String::as_str).collect();
    match &names[..] {
        [names @ .., one, last] => [names, &[&*format!("{one} and {last}")]]
            .concat()
            .join(", "),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (8_530_000, "8.53 MB"),
            (99_960_000, "100 MB"),
            (999_700_000, "1.00 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(Some(bytes)), shown);
        }
        for (time, shown) in [
            (0.0, "0.00 ms"),
            (9.996, "10.0 ms"),
            (147.4, "147 ms"),
            (999.6, "1.00 s"),
            (15_000.0, "15.0 s"),
        ] {
            assert_eq!(milliseconds(Some(time)), shown);
        }
        assert_eq!(milliseconds(None), "");
    }
}
