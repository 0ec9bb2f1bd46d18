//! What good files say, the example of the documentation among them.

use std::path::Path;
use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use jiff::Timestamp;
use static_assertions::assert_not_impl_any;
use tee_stream::{AfterPatience, LagPolicy};
use toml::Spanned;

use super::Config;
use crate::option_values::{Format, Members};

fn documentation() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
    std::fs::read_to_string(path).unwrap()
}

fn example(documentation: &str) -> &str {
    let (_, example) = documentation.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    example
}

fn parse(text: &str) -> Config {
    let path = Path::new("etc/driver.toml");
    Config::parse(path, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn value<T: Copy>(spanned: Option<&Spanned<T>>) -> Option<T> {
    spanned.map(|spanned| *spanned.get_ref())
}

/// Compares the names and the JSON of an auction that is sent at noon.
fn assert_set(set: &Members, expected: &[(&str, &str)]) {
    let noon: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    let found = set.iter().map(|(name, value)| (name, value.at(noon)));
    let found: Vec<_> = found.collect();
    let found = found
        .iter()
        .map(|(name, json)| (name.as_str(), str::from_utf8(json).unwrap()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn the_documented_example_says_what_it_seems_to_say() {
    let documentation = documentation();
    let config = parse(example(&documentation));

    assert_eq!(
        config.auction.as_ref().map(|path| path.get_ref().as_path()),
        Some(Path::new("etc/auction.json"))
    );
    assert_eq!(config.id.as_ref().map(|id| id.as_str()), Some("8339027"));
    assert_eq!(config.deadline, Some(Duration::from_secs(15)));
    assert!(matches!(config.format, Some(Format::Json)));
    let report = config.report.as_ref().unwrap();
    assert_eq!(report.get_ref(), Path::new("etc/report.html"));
    assert_eq!(config.place(report), "etc/driver.toml:5:1: report");
    let otlp = config.otlp.as_ref().unwrap();
    assert_eq!(otlp.get_ref(), "http://localhost:4318");
    assert_set(
        &config.set,
        &[("deadline", r#""2026-08-01T12:00:15.000Z""#)],
    );

    let archive = config.archive.as_ref().unwrap().get_ref();
    let location = archive.location.as_ref().unwrap();
    assert_eq!(location.get_ref(), "etc/./archive");
    assert_eq!(
        config.place(location),
        "etc/driver.toml:10:1: archive.location"
    );
    assert_eq!(archive.codec, Some(CodecKind::Gzip));
    assert_eq!(value(archive.level.as_ref()), Some(6));
    assert_eq!(archive.limit, Some(Duration::from_secs(120)));
    let spool = archive.spool.as_ref().unwrap();
    assert_eq!(spool.get_ref(), Path::new("etc/./spool"));
    assert_eq!(archive.spool_limit, Some(10_000_000_000));
    assert_eq!(archive.spool_keep_free, Some(1_000_000_000));
    assert_eq!(archive.sync, Some(true));

    let [baseline, remote] = &config.solvers[..] else {
        panic!("{}", config.solvers.len());
    };
    assert_eq!(baseline.name.get_ref(), "baseline");
    assert_eq!(baseline.endpoint.get_ref(), "http://localhost:8080/mainnet");
    assert_eq!(baseline.timeout, Some(Duration::from_secs(10)));
    assert_eq!(
        config.solver(baseline).unwrap().encoding(),
        Some(Codec::brotli(6).unwrap())
    );
    assert!(baseline.skip_liquidity);
    assert_set(
        &baseline.set,
        &[
            ("deadline", r#""2026-08-01T12:00:10.000Z""#),
            ("trusted", "true"),
            ("note", r#""text""#),
            ("limits", r#"{"a":[1,2]}"#),
        ],
    );
    let headers = baseline.headers.as_ref().unwrap().get_ref();
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["x-api-key"].get_ref(), "secret");
    assert_eq!(baseline.retries, Some(2));
    assert_eq!(baseline.answer_limit, Some(100_000_000));
    assert_eq!(value(baseline.length.as_ref()), None);
    assert!(baseline.http2);
    assert_eq!(baseline.lag, Some(LagPolicy::Replay));

    assert_eq!(value(remote.length.as_ref()), Some(true));
    assert!(!remote.http2);
    let lag = LagPolicy::Patience {
        limit: Duration::from_millis(200),
        then: AfterPatience::Fail,
    };
    assert_eq!(remote.lag, Some(lag));
}

#[test]
fn every_key_is_documented_and_in_the_example() {
    let documentation = documentation();
    let example = example(&documentation);
    // What is expected where a key is unknown.
    let keys = |text: &str| -> Vec<String> {
        let error = toml::from_str::<Config>(text).err().unwrap();
        let (_, known) = error.message().rsplit_once(", expected ").unwrap();
        let names = known.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    };
    let keys = [
        keys("x = 1"),
        keys("archive.x = 1"),
        keys("[[solver]]\nx = 1"),
        keys("[[solver]]\nlag = { x = 1 }"),
    ];
    assert_eq!(keys.each_ref().map(Vec::len), [9, 8, 13, 2]);
    for key in keys.concat() {
        let has_row = documentation.contains(&format!("| `{key}` |"))
            || documentation.contains(&format!("## `[{key}]`"))
            || documentation.contains(&format!("## `[[{key}]]`"));
        assert!(has_row, "{key}");
        let is_set = [format!("{key} ="), format!("[{key}]")]
            .iter()
            .any(|text| example.contains(text.as_str()));
        assert!(is_set, "{key}");
    }
}

#[test]
fn nothing_is_needed_but_what_names_a_solver() {
    let config = parse("\u{feff}# Nothing.");
    assert!(config.auction.is_none() && config.id.is_none() && config.deadline.is_none());
    assert!(config.format.is_none() && config.report.is_none() && config.otlp.is_none());
    assert!(config.archive.is_none());
    assert!(config.set.is_empty() && config.solvers.is_empty());

    let config = parse("[archive]\n[[solver]]\nname = 'a'\nendpoint = 'http://h'");
    let archive = config.archive.unwrap().into_inner();
    assert!(archive.codec.is_none() && archive.level.is_none());
    assert!(archive.location.is_none() && archive.limit.is_none());
    let [solver] = &config.solvers[..] else {
        panic!("{}", config.solvers.len());
    };
    assert!(solver.timeout.is_none() && solver.encoding.is_none());
    assert!(solver.retries.is_none() && solver.lag.is_none());
    assert!(!solver.skip_liquidity && solver.length.is_none() && !solver.http2);
    assert!(solver.set.is_empty() && solver.headers.is_none());
}

#[test]
fn words_of_the_same_meaning_are_taken() {
    let solver = |line: &str| {
        let text = format!("[[solver]]\nname = 'a'\nendpoint = 'http://h'\n{line}");
        parse(&text).solvers.remove(0)
    };
    for (line, encoding) in [
        ("encoding = 'gzip'", Codec::gzip(3).unwrap()),
        ("encoding = 'zstd'", Codec::zstd(1).unwrap()),
        ("encoding = 'br'", Codec::brotli(1).unwrap()),
        (
            "encoding = 'brotli'\nlength = false",
            Codec::brotli(1).unwrap(),
        ),
    ] {
        let found = Config::default().solver(&solver(line)).unwrap().encoding();
        assert_eq!(found, Some(encoding), "{line}");
    }
    for (line, policy) in [
        ("lag = 'wait'", LagPolicy::Wait),
        ("lag = 'fail'", LagPolicy::Fail),
        (
            "[solver.lag]\npatience = '1s'",
            LagPolicy::Patience {
                limit: Duration::from_secs(1),
                then: AfterPatience::Replay,
            },
        ),
    ] {
        assert_eq!(solver(line).lag, Some(policy), "{line}");
    }
}

#[test]
fn relative_paths_start_from_the_folder_of_the_file() {
    let absolute = std::env::temp_dir().join("x");
    let absolute = absolute.to_str().unwrap();
    for (path, found) in [
        ("a.json", "etc/a.json"),
        ("../a.json", "etc/../a.json"),
        ("-", "-"),
        (absolute, absolute),
    ] {
        let config = parse(&format!("auction = '{path}'"));
        assert_eq!(
            config.auction.unwrap().get_ref(),
            Path::new(found),
            "{path}"
        );
    }
    for (location, found) in [
        ("archive", "etc/archive"),
        ("./s3:", "etc/./s3:"),
        (absolute, absolute),
        ("s3://bucket/a", "s3://bucket/a"),
        ("file:///srv/archive", "file:///srv/archive"),
        ("memory:///", "memory:///"),
    ] {
        let config = parse(&format!("[archive]\nlocation = '{location}'"));
        let archive = config.archive.unwrap().into_inner();
        assert_eq!(archive.location.unwrap().get_ref(), found, "{location}");
    }
    let config = Config::parse(Path::new("driver.toml"), b"auction = 'a.json'");
    let config = config.unwrap();
    assert_eq!(config.auction.unwrap().get_ref(), Path::new("a.json"));
}

// Without debug output there is none that could show a secret.
assert_not_impl_any!(Config: std::fmt::Debug);
assert_not_impl_any!(super::config::SolverConfig: std::fmt::Debug);

#[test]
fn a_broken_example_is_refused_in_one_line_or_means_something_else() {
    let documentation = documentation();
    let example = example(&documentation).as_bytes();
    let parse = |bytes: &[u8]| {
        if let Err(error) = Config::parse(Path::new("driver.toml"), bytes) {
            assert!(!error.to_string().contains(['\r', '\n']), "{error}");
        }
    };
    for at in 0..example.len() {
        parse(&example[..at]);
        for replacement in *b"\n\"{]=.-\xc3\x00" {
            let mut broken = example.to_vec();
            broken[at] = replacement;
            parse(&broken);
        }
    }
}
