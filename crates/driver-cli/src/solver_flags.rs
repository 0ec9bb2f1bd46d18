//! Flags that change for one run how solvers are sent to: all of them, or one that a flag names.

use clap::Args;
use driver_streaming::{Solver, SolverError};
use http::{HeaderName, HeaderValue};

use crate::config::SolverConfig;
use crate::exit::Failure;
use crate::option_values::{parse_duration, parse_encoding};

/// A value is for all solvers, or for one: `NAME:VALUE`. That for one counts before that for all, and both before the
/// configuration file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Options for all solvers, or with NAME: for one")]
pub(super) struct SolverFlags {
    /// Compress requests, or with `auto` as the engine says that it takes them.
    #[arg(long = "encoding", value_name = "[NAME:]gzip|zstd|br|auto|none")]
    encodings: Vec<String>,

    /// How long the solver may take, within the deadline.
    #[arg(long = "timeout", value_name = "[NAME:]DURATION")]
    timeouts: Vec<String>,

    /// Add a header to requests. May be given many times.
    #[arg(long = "header", value_name = "[NAME:]HEADER:VALUE")]
    headers: Vec<String>,

    /// Send a Content-Length in place of a chunked body, for engines that take none: to all, or with =NAME to one.
    #[arg(long = "length", value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    lengths: Vec<String>,

    /// Send no liquidity: to all, or with =NAME to one.
    #[arg(long = "skip-liquidity", value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    skips: Vec<String>,
}

impl SolverFlags {
    /// Changes what the file says, and what is usual.
    ///
    /// # Errors
    /// When a value cannot be read, or names no solver.
    pub(super) fn change(&self, solvers: &mut [SolverConfig]) -> Result<(), Failure> {
        each(solvers, "--encoding", &self.encodings, |solver, value| {
            solver.encoding = match value {
                "none" => None,
                value => Some(parse_encoding(value)?),
            };
            (solver.encoding_level, solver.length) = (None, None);
            Ok(())
        })?;
        each(solvers, "--timeout", &self.timeouts, |solver, value| {
            solver.timeout = Some(parse_duration(value)?);
            Ok(())
        })?;
        let is_encoded = !self.encodings.is_empty();
        each(solvers, "--length", &self.lengths, |solver, value| {
            nameless(value)?;
            if is_encoded && solver.encoding.is_some() {
                return Err(
                    "the length of a compressed body is not known before it is sent".to_owned(),
                );
            }
            solver.set_length();
            Ok(())
        })?;
        each(solvers, "--skip-liquidity", &self.skips, |solver, value| {
            nameless(value)?;
            solver.skip_liquidity = true;
            Ok(())
        })
    }

    /// Adds headers to those of the file.
    ///
    /// # Errors
    /// When a header cannot be sent. No message shows its value.
    pub(super) fn add_headers(&self, solvers: &mut [Solver]) -> Result<(), Failure> {
        each(solvers, "--header", &self.headers, |solver, value| {
            let (name, value) = value.split_once(':').ok_or("is written HEADER:VALUE")?;
            let name = HeaderName::from_bytes(name.trim().as_bytes());
            let name = name
                .map_err(|_| "the header's name has a character that it must not have, or none")?;
            let value = HeaderValue::from_str(value.trim());
            let value = value.map_err(
                |_| "the header's value has a character that is neither visible ASCII nor a space",
            )?;
            let with = solver.clone().with_header(name, value);
            *solver = with.map_err(|error: SolverError| error.to_string())?;
            Ok(())
        })
    }
}

/// What has the name of a solver.
trait Named {
    fn name(&self) -> &str;
}

impl Named for Solver {
    fn name(&self) -> &str {
        self.name()
    }
}

impl Named for SolverConfig {
    fn name(&self) -> &str {
        self.name.get_ref()
    }
}

/// Applies a flag's values: those for all solvers first, then those for one.
fn each<S: Named>(
    solvers: &mut [S],
    flag: &str,
    values: &[String],
    apply: impl Fn(&mut S, &str) -> Result<(), String>,
) -> Result<(), Failure> {
    let is_name = |name: &str| solvers.iter().any(|solver| solver.name() == name);
    let mut split: Vec<(Option<String>, &str)> = Vec::new();
    for value in values {
        split.push(match value.split_once(':') {
            Some((name, value)) if is_name(name) => (Some(name.to_owned()), value),
            // Flags without a value are given to a solver by its name.
            None if is_name(value) => (Some(value.clone()), ""),
            _ => (None, value),
        });
    }
    split.sort_by_key(|(name, _)| name.is_some());
    for (name, value) in split {
        let meant = solvers
            .iter_mut()
            .filter(|solver| name.as_deref().is_none_or(|name| name == solver.name()));
        for solver in meant {
            apply(solver, value).map_err(|why| {
                let unknown = value
                    .split_once(':')
                    .filter(|_| name.is_none() && flag != "--header");
                let unknown = unknown.map(|(name, _)| format!(", and no solver is named {name:?}"));
                Failure::usage(format!("{flag}: {why}{}", unknown.unwrap_or_default()))
            })?;
        }
    }
    Ok(())
}

/// Refuses what stands for a solver's name, and is none.
fn nameless(value: &str) -> Result<(), String> {
    match value {
        "" => Ok(()),
        name => Err(format!("no solver is named {name:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use archive_sink::CodecKind;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        flags: SolverFlags,
    }

    /// What two solvers of these names are after these flags.
    fn changed(arguments: &str) -> Result<[SolverConfig; 2], String> {
        let words = ["program"].into_iter().chain(arguments.split_whitespace());
        let flags = Flags::try_parse_from(words).map_err(|error| error.to_string())?;
        let mut solvers = ["a", "b"].map(|name| SolverConfig::new(name, "http://h"));
        let changed = flags.flags.change(&mut solvers);
        changed.map(|()| solvers).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_for_one_counts_before_that_for_all() {
        let [a, b] =
            changed("--timeout b:3s --timeout 5s --encoding a:zstd --skip-liquidity=b").unwrap();
        assert_eq!(a.timeout, Some(Duration::from_secs(5)));
        assert_eq!(b.timeout, Some(Duration::from_secs(3)));
        assert_eq!((a.encoding, b.encoding), (Some(CodecKind::Zstd), None));
        assert_eq!((a.skip_liquidity, b.skip_liquidity), (false, true));
    }

    #[test]
    fn a_length_and_an_encoding_replace_each_other_by_flag() {
        let [a, b] = changed("--length --skip-liquidity").unwrap();
        assert!(a.length.is_some() && b.length.is_some() && a.skip_liquidity);
        let [a, b] = changed("--encoding gzip --length=a").err().map_or_else(
            || panic!("both are taken"),
            |why| {
                assert!(why.contains("compressed"), "{why}");
                changed("--encoding b:gzip --length=a").unwrap()
            },
        );
        assert!(a.length.is_some() && b.length.is_none());
        assert_eq!((a.encoding, b.encoding), (None, Some(CodecKind::Gzip)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (arguments, why) in [
            (
                "--timeout c:3s",
                "--timeout: expected number at 0, and no solver is named \"c\"",
            ),
            ("--length=c", "--length: no solver is named \"c\""),
            ("--encoding lz4", "no encoding is called \"lz4\""),
        ] {
            let refused = changed(arguments).err().unwrap();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn headers_are_added_and_not_repeated_in_errors() {
        let solvers = || ["a", "b"].map(|name| Solver::new(name, "http://h").unwrap());
        let add = |header: &str| {
            let headers = vec![header.to_owned()];
            let flags = SolverFlags {
                headers,
                ..SolverFlags::default()
            };
            flags
                .add_headers(&mut solvers())
                .map_err(|error| error.to_string())
        };
        assert_eq!(add("a:x-key: secret"), Ok(()));
        for header in ["x-key", "x key: secret", "x-key: sec\nret", "host: secret"] {
            let why = add(header).unwrap_err();
            assert!(
                why.starts_with("--header: ") && !why.contains("secret"),
                "{why}"
            );
        }
    }
}
