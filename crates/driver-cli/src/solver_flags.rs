//! Flags that change the requests of one run, to all solvers or to one.

use clap::Args;

use crate::config::SolverConfig;
use crate::exit::Failure;
use crate::option_values::{parse_duration, parse_encoding};

/// A value applies to all solvers or, as `NAME:VALUE`, to one. A value for one solver overrides that for all, and both
/// override the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Options for all solvers, or with NAME: for one")]
pub(super) struct SolverFlags {
    /// Compress requests; `auto` uses what the engine says it accepts.
    #[arg(long = "encoding", value_name = "[NAME:]gzip|zstd|br|auto|none")]
    encodings: Vec<String>,

    /// How long a solver may take, within the deadline.
    #[arg(long = "timeout", value_name = "[NAME:]DURATION")]
    timeouts: Vec<String>,

    /// Add a header to requests. Can be repeated.
    #[arg(long = "header", value_name = "[NAME:]HEADER:VALUE")]
    headers: Vec<String>,

    /// Send a Content-Length instead of a chunked body, to all solvers or with =NAME to one.
    #[arg(long = "length", value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    lengths: Vec<String>,

    /// Leave out liquidity, for all solvers or with =NAME for one.
    #[arg(long = "skip-liquidity", value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    skips: Vec<String>,
}

impl SolverFlags {
    /// Changes what the configuration file says of these solvers.
    ///
    /// # Errors
    /// When a value cannot be read, or names no solver. No message shows a header's value.
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
                    "the length of a compressed body is not known before it is sent".into(),
                );
            }
            solver.set_length();
            Ok(())
        })?;
        each(solvers, "--skip-liquidity", &self.skips, |solver, value| {
            nameless(value)?;
            solver.skip_liquidity = true;
            Ok(())
        })?;
        each(solvers, "--header", &self.headers, |solver, value| {
            let (name, value) = value.split_once(':').ok_or("expected HEADER:VALUE")?;
            let name = name.trim().parse();
            let value = value.trim().parse();
            solver.more_headers.push((
                name.map_err(
                    |_| "the header's name is empty or has a character that is not allowed",
                )?,
                value
                    .map_err(|_| "the header's value has a character that is not visible ASCII")?,
            ));
            Ok(())
        })
    }
}

/// Applies a flag's values: those for all solvers first, then those for one.
fn each(
    solvers: &mut [SolverConfig],
    flag: &str,
    values: &[String],
    apply: impl Fn(&mut SolverConfig, &str) -> Result<(), String>,
) -> Result<(), Failure> {
    let is_name = |name: &str| solvers.iter().any(|solver| solver.name.get_ref() == name);
    let mut split: Vec<(Option<String>, &str)> = Vec::new();
    for value in values {
        split.push(match value.split_once(':') {
            Some((name, value)) if is_name(name) => (Some(name.to_owned()), value),
            // A flag that takes no value may name a solver.
            None if is_name(value) => (Some(value.clone()), ""),
            _ => (None, value),
        });
    }
    split.sort_by_key(|(name, _)| name.is_some());
    for (name, value) in split {
        let is_meant = |found: &String| name.as_ref().is_none_or(|name| name == found);
        for solver in solvers
            .iter_mut()
            .filter(|solver| is_meant(solver.name.get_ref()))
        {
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

/// Refuses a value where only a solver's name may stand.
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
    use crate::config::Config;

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
                "--timeout: expected a duration such as 500ms, 15s or 2m, and no solver is named \"c\"",
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
        let add = |header: &str| {
            let flags = SolverFlags {
                headers: vec![header.to_owned()],
                ..SolverFlags::default()
            };
            let mut solvers = ["a", "b"].map(|name| SolverConfig::new(name, "http://h"));
            flags
                .change(&mut solvers)
                .and_then(|()| Config::default().solver(&solvers[0]))
                .map(|_| ())
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
