//! The service, to a driver: an auction goes through as it comes, or not at all, and comes back as one answer.

use std::fs;
use std::io::Write as _;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use solver_stand_in::StandIn;

use crate::support::{
    Answer, Engine, RawSolver, Service, Size, content, generated, same_value, sha256,
};

const SECOND: Duration = Duration::from_secs(1);

/// `[[solver]]` tables, with more keys for each.
fn solvers(engines: &[(&str, &str, &str)]) -> String {
    let table = |(name, url, more): &(&str, &str, &str)| {
        format!("[[solver]]\nname = \"{name}\"\nendpoint = \"{url}\"\nretries = 0\n{more}\n")
    };
    engines.iter().map(table).collect()
}

const ARCHIVE: &str = "[archive]\nlocation = \"store\"\ncodec = \"identity\"\n";

/// An auction with this id, of so many bytes at least.
fn auction(id: &str, bytes: usize) -> String {
    let orders = content(bytes);
    let orders = str::from_utf8(&orders).unwrap();
    // The last order may be cut off.
    let end = orders.rfind(",\n").unwrap_or_default();
    let orders = &orders[..end];
    format!("{{\"orders\":[{orders}],\"id\":\"{id}\",\"price\":1.50e3}}")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

pub(crate) fn brotli(text: &str) -> Vec<u8> {
    let mut output = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 3,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut text.as_bytes(), &mut output, &parameters).unwrap();
    output
}

/// The auctions in the archive.
fn archived(service: &Service) -> Vec<String> {
    let mut names = service.names("store");
    // Beside each is its digest.
    names.retain(|name| name.ends_with(".json"));
    names
}

fn ids(answer: &Answer) -> Vec<u64> {
    let answer = answer.json();
    let solutions = answer["solutions"].as_array().unwrap().iter();
    solutions
        .map(|solution| solution["id"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_first_byte_leaves_before_the_last_has_arrived() {
    let (sender, began) = channel();
    let engine = RawSolver::start(move |mut connection| {
        let sender = sender.clone();
        async move {
            let head = connection.head().await.unwrap();
            connection.peek().await.unwrap();
            sender.send(None).unwrap();
            let request = connection.rest_of(head).await;
            connection.answer_well().await;
            sender.send(Some(request)).unwrap();
        }
    });
    let url = engine.url();
    let service = Service::start(&(solvers(&[("a", &url, "")]) + ARCHIVE), &[]);
    let text = auction("7", 1_000_000);
    for (coding, body) in [
        ("", text.clone().into_bytes()),
        ("content-encoding: gzip\r\n", gzip(&text)),
        ("content-encoding: zstd\r\n", zstd(&text)),
        ("content-encoding: br\r\n", brotli(&text)),
    ] {
        let mut driver = service.connect();
        driver.head("/solve", &format!("{coding}transfer-encoding: chunked\r\n"));
        let half = body.len() / 2;
        driver.chunk(&body[..half]);
        let began = || began.recv_timeout(60 * SECOND).unwrap();
        assert!(began().is_none(), "{coding}");
        driver.chunk(&body[half..]);
        driver.chunk(b"");
        let answer = driver.answer();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let request = began().unwrap();
        assert!(request.is_whole);
        assert_eq!(sha256(&request.body), sha256(text.as_bytes()));
        service.wait_for("archive=\"");
        assert_eq!(archived(&service), ["7.json"]);
        assert_eq!(
            fs::read_to_string(service.home().join("store/7.json")).unwrap(),
            text
        );
    }
}

#[test]
fn what_is_not_whole_is_so_to_engines_and_is_not_archived() {
    let (sender, requests) = channel();
    let engine = RawSolver::start(move |mut connection| {
        let sender = sender.clone();
        async move {
            while let Some(request) = connection.request().await {
                let is_whole = request.is_whole;
                sender.send(request).unwrap();
                if !is_whole {
                    break;
                }
                connection.answer_well().await;
            }
        }
    });
    let url = engine.url();
    let config = solvers(&[("a", &url, "")]) + ARCHIVE;
    let limits = ["--max-size", "2000000", "--body-timeout", "500ms"];
    let service = Service::start(&config, &limits);
    let whole = auction("7", 1_000_000);
    let long = auction("7", 3_000_000);
    let truncated = gzip(&whole);
    let wrong = whole[..whole.len() - 1].to_owned() + ",]";
    let chunked = "transfer-encoding: chunked\r\n";
    let gzipped = "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n";
    for (headers, body, ends, status, why) in [
        (
            chunked,
            &whole.as_bytes()[..500_000],
            Some(false),
            400,
            "broke off after 500000 bytes",
        ),
        (
            chunked,
            &whole.as_bytes()[..500_000],
            None,
            400,
            "did not arrive in time",
        ),
        (
            chunked,
            &whole.as_bytes()[..500_000],
            Some(true),
            400,
            ", column ",
        ),
        (chunked, wrong.as_bytes(), Some(true), 400, ", column "),
        (
            chunked,
            long.as_bytes(),
            Some(true),
            413,
            "longer than 2000000 bytes",
        ),
        (
            gzipped,
            &truncated[..truncated.len() - 20],
            Some(true),
            400,
            "broke off after ",
        ),
        (
            gzipped,
            &gzip(&long),
            None,
            413,
            "longer than 2000000 bytes",
        ),
    ] {
        let mut driver = service.connect();
        driver.head("/solve", headers);
        driver.chunk(body);
        match ends {
            Some(true) => driver.chunk(b""),
            Some(false) => driver.finish(),
            None => {}
        }
        let answer = driver.answer();
        assert_eq!(answer.status(), status, "{why}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{why}: {error}");
    }
    // At once, where the length is announced.
    let mut driver = service.connect();
    driver.head("/solve", "content-length: 2000001\r\n");
    assert_eq!(driver.answer().status(), 413);
    let strange = service.solve("content-encoding: lzma\r\n", "{}");
    assert_eq!(strange.status(), 415);
    assert_eq!(service.names("store"), Vec::<String>::new());
    // What is found out at once does not come as far as to the engine.
    let seen: Vec<_> = requests.try_iter().collect();
    assert!(!seen.is_empty() && seen.iter().all(|request| !request.is_whole));
    // It is as good as new after all that.
    assert_eq!(service.solve("", &whole).status(), 200);
    service.wait_for("archive=\"ok\"");
    assert_eq!(archived(&service), ["7.json"]);
}

#[test]
fn settings_of_solvers_work_on_the_stream_and_a_large_auction_passes_whole() {
    let engines = [Engine::keeping(), Engine::keeping()];
    let more =
        "skip-liquidity = true\nset = { deadline = \"now+15s\", extra = 1.50 }\nlength = true\n";
    let config = solvers(&[
        ("plain", engines[0].url(), ""),
        ("set", engines[1].url(), more),
    ]);
    let service = Service::start(&(config + ARCHIVE), &[]);
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(generated(folder.path(), Size::Small)).unwrap();
    for _ in 0..2 {
        let earliest = jiff::Timestamp::now() + 14_999 * (SECOND / 1000);
        let answer = service.solve("x-request-id: from-driver\r\n", &text);
        assert_eq!(answer.status(), 200, "{answer:?}");
        let plain = engines[0].request();
        assert_eq!(plain.header("x-request-id"), Some("from-driver"));
        same_value(&plain.body, &text);
        let set: Value = serde_json::from_slice(&engines[1].body()).unwrap();
        assert_eq!(set["liquidity"], json!([]));
        assert_eq!(set["extra"].to_string(), "1.5");
        // Counted from the auction's arrival, not from the service's start.
        let text = set["deadline"].as_str().unwrap();
        let deadline: jiff::Timestamp = text.parse().unwrap();
        assert!(deadline > earliest && text.ends_with('Z'), "{text}");
    }
}

#[test]
fn answers_are_merged_with_ids_of_their_own() {
    let solution = r#"{"solutions":[{"id":7,"gas":1.50,"prices":{"0x1":"10"}},{"id":8}]}"#;
    let one = Engine::stand_in(|engine| engine.response(solution));
    let other = Engine::stand_in(|engine| engine.response(solution));
    let none = Engine::stand_in(|engine| engine);
    let failed = Engine::stand_in(|engine| engine.status(500));
    let strange = Engine::stand_in(|engine| engine.response("[1]"));
    let late = Engine::stand_in(|engine| engine.delay(60 * SECOND));
    let gone = Engine::unreachable_url();
    let config = solvers(&[
        ("one", one.url(), ""),
        ("none", none.url(), ""),
        ("failed", failed.url(), ""),
        ("strange", strange.url(), ""),
        ("an other", other.url(), ""),
        ("late", late.url(), ""),
        ("gone", &gone, ""),
    ]);
    let service = Service::start(&(config + ARCHIVE), &["--answers", "answers"]);
    let first = service.solve("x-deadline-ms: 1000\r\n", auction("1", 100));
    assert_eq!(first.status(), 200, "{first:?}");
    let expected = r#"{"solutions":[{"id":1,"gas":1.50,"prices":{"0x1":"10"}},{"id":2},{"id":3,"gas":1.50,"prices":{"0x1":"10"}},{"id":4}]}"#;
    assert_eq!(first.body, expected);
    let timing = first.header("server-timing").unwrap();
    for part in [
        "one;dur=",
        "none;dur=",
        "an_other;dur=",
        "failed;dur=",
        ";desc=\"failed\"",
        "late;desc=\"timed out\"",
        "gone;desc=\"failed\"",
        "archive;desc=\"ok\"",
    ] {
        assert!(timing.contains(part), "{part}: {timing}");
    }
    let second = service.solve("x-deadline-ms: 1000\r\n", auction("2", 100));
    assert_eq!(ids(&second), [5, 6, 7, 8]);
    service.wait_for("auction=\"2\"");
    let answers = service.names("answers");
    let of_first = answers.iter().filter(|name| name.starts_with("1."));
    let engines = ["an other", "failed", "none", "one", "strange"];
    assert!(of_first.eq(engines.map(|engine| format!("1.{engine}.json")).iter()));
    let kept = fs::read_to_string(service.home().join("answers/1.one.json")).unwrap();
    assert_eq!(kept, solution);
}

#[test]
fn all_failed_is_said_with_the_reasons() {
    let failed = Engine::stand_in(|engine| {
        engine
            .status(500)
            .response("{\"why\":\"full: http://a:secret@h/?key=secret\"}")
    });
    let gone = Engine::unreachable_url();
    let query = format!("{gone}/?key=secret");
    let config = solvers(&[("failed", failed.url(), ""), ("gone", &query, "")]);
    let service = Service::start(&config, &[]);
    let answer = service.solve("", auction("1", 100));
    assert_eq!(answer.status(), 502);
    let body = answer.json();
    assert_eq!(body["engines"][0]["name"], "failed");
    let why = body["engines"][0]["error"].as_str().unwrap();
    assert!(why.contains("500") && why.contains("full"), "{why}");
    assert_eq!(body["engines"][1]["name"], "gone");
    assert_eq!(body["engines"][1]["status"], "failed");
    assert!(!answer.body.contains("secret"), "{answer:?}");
}

#[test]
fn notifications_reach_whom_they_concern() {
    let (sender, heard) = channel();
    let engines = ["one", "other"].map(|name| {
        let sender = sender.clone();
        RawSolver::start(move |mut connection| {
            let sender = sender.clone();
            async move {
                while let Some(request) = connection.request().await {
                    if request.path() == "/x/notify?key=1" {
                        let body = String::from_utf8(request.body).unwrap();
                        sender.send((name, body)).unwrap();
                    }
                    let answer = br#"{"solutions":[{"id":70}]}"#;
                    connection.answer("200 OK", "", answer).await;
                }
            }
        })
    });
    let urls = engines
        .each_ref()
        .map(|engine| format!("{}/x?key=1", engine.url()));
    let config = solvers(&[("one", &urls[0], ""), ("other", &urls[1], "")]);
    let service = Service::start(&config, &[]);
    let solutions = ids(&service.solve("", auction("5", 100)));
    let notify = |body: &str| service.post("/notify", "", body).status();
    let heard = || heard.recv_timeout(60 * SECOND).unwrap();
    let of_other = format!(
        r#"{{"auctionId":"5","solutionId":{},"kind":"success"}}"#,
        solutions[1]
    );
    assert_eq!(notify(&of_other), 200);
    let expected = r#"{"auctionId":"5","solutionId":70,"kind":"success"}"#;
    assert_eq!(heard(), ("other", expected.to_owned()));
    let to_all = r#"{"auctionId":"5","solutionId":null,"kind":"timeout"}"#;
    assert_eq!(notify(to_all), 200);
    let mut both = [heard(), heard()];
    both.sort();
    assert_eq!(
        both,
        [("one", to_all.to_owned()), ("other", to_all.to_owned())]
    );
    assert_eq!(notify(r#"{"solutionId":999}"#), 404);
    assert_eq!(notify("no JSON"), 400);
}

#[test]
fn deadlines_are_those_of_the_configuration_the_header_and_the_auction() {
    let late = Engine::stand_in(|engine| engine.delay(60 * SECOND));
    let swift = Engine::stand_in(|engine| engine);
    let config = solvers(&[("late", late.url(), ""), ("swift", swift.url(), "")]);
    let service = Service::start(&(format!("deadline = \"1s\"\n{config}")), &[]);
    let took = |headers: &str, body: &str| {
        let started = Instant::now();
        assert_eq!(service.solve(headers, body).status(), 200);
        started.elapsed()
    };
    let of_config = took("", &auction("1", 100));
    assert!(
        of_config >= SECOND * 8 / 10 && of_config < SECOND * 3,
        "{of_config:?}"
    );
    let of_header = took("x-deadline-ms: 300\r\n", &auction("2", 100));
    assert!(of_header < SECOND, "{of_header:?}");
    // It comes last.
    let in_a_second = jiff::Timestamp::now() + SECOND;
    let text = format!("{{\"id\":3,\"orders\":[],\"deadline\":\"{in_a_second}\"}}");
    let of_auction = took("x-deadline-ms: 30000\r\n", &text);
    assert!(of_auction < 10 * SECOND, "{of_auction:?}");
    // That of an auction of yesterday is nobody's.
    let passed = r#"{"id":4,"orders":[],"deadline":"2020-01-01T00:00:00Z"}"#;
    took("x-deadline-ms: 500\r\n", passed);
    service.wait_for("deadline had passed");
    assert_eq!(service.solve("x-deadline-ms: soon\r\n", "{}").status(), 400);
}

#[test]
fn a_driver_that_goes_away_cancels_all_but_the_archive() {
    let (sender, closed) = channel();
    let engine = RawSolver::start(move |mut connection| {
        let sender = sender.clone();
        async move {
            let request = connection.request().await.unwrap();
            sender.send(request.is_whole).unwrap();
            connection.closed().await;
            sender.send(true).unwrap();
        }
    });
    let url = engine.url();
    let service = Service::start(&(solvers(&[("a", &url, "")]) + ARCHIVE), &[]);
    let mut driver = service.connect();
    let text = auction("7", 1_000_000);
    driver.head("/solve", &format!("content-length: {}\r\n", text.len()));
    driver.write(text.as_bytes());
    assert!(closed.recv_timeout(60 * SECOND).unwrap());
    drop(driver);
    // Long before the deadline.
    assert!(closed.recv_timeout(10 * SECOND).unwrap());
    service.wait_for("the driver went away");
    assert_eq!(archived(&service), ["7.json"]);
}

#[test]
fn an_engine_that_stalls_holds_up_no_other_auction_and_connections_are_kept() {
    let stalled = Engine::scripted(vec![StandIn::builder().stall_after(100_000)]);
    let swift = Engine::stand_in(|engine| engine);
    let config = solvers(&[("stalled", stalled.url(), ""), ("swift", swift.url(), "")]);
    let service = Service::start(
        &(format!("deadline = \"1h\"\n{config}") + ARCHIVE),
        &["--max-auctions", "2"],
    );
    let large = auction("1", 4_000_000);
    let mut first = service.connect();
    first.head("/solve", &format!("content-length: {}\r\n", large.len()));
    first.write(large.as_bytes());
    assert!(swift.report().complete);
    for id in ["2", "3", "4"] {
        let started = Instant::now();
        let answer = service.solve("", auction(id, 1_000_000));
        assert_eq!(answer.status(), 200);
        assert!(started.elapsed() < 10 * SECOND);
    }
    assert_eq!(swift.accepted(), 1);
    assert_eq!(stalled.accepted(), 2);
    // One more than may be at a time.
    let started = Instant::now();
    let refused = loop {
        // Either of the two may come first.
        let mut second = service.connect();
        second.head("/solve", "content-length: 10\r\n");
        second.write(b"{");
        let answer = service.solve("", auction("5", 100));
        if answer.status() == 503 || started.elapsed() > 10 * SECOND {
            break answer;
        }
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[test]
fn an_auction_is_named_by_itself_or_by_a_header() {
    let engine = Engine::stand_in(|engine| engine);
    let service = Service::start(&(solvers(&[("a", engine.url(), "")]) + ARCHIVE), &[]);
    for (headers, text, archive) in [
        (
            "",
            r#"{"x":1,"metadata":{"auction_id":5}}"#,
            "archive=\"ok\"",
        ),
        (
            "x-auction-id: mine\r\n",
            r#"{"id":null,"x":1}"#,
            "auction=\"mine\"",
        ),
        ("x-auction-id: other\r\n", r#"{"id":"6"}"#, "auction=\"6\""),
        ("", r#"{"x":1}"#, "archive=\"skipped\""),
    ] {
        assert_eq!(service.solve(headers, text).status(), 200);
        service.wait_for(archive);
        assert!(engine.report().complete);
    }
    // The deadline passes before the id arrives.
    let mut driver = service.connect();
    let headers = "x-deadline-ms: 1000\r\ntransfer-encoding: chunked\r\n";
    driver.head("/solve", headers);
    driver.chunk(br#"{"x":1,"#);
    assert!(!engine.report().complete);
    driver.chunk(br#""id":"late"}"#);
    driver.chunk(b"");
    assert_eq!(driver.answer().status(), 502);
    service.wait_for("auction=\"late\"");
    service.wait_for("without a valid id is not archived");
    assert_eq!(
        archived(&service),
        ["5.json", "6.json", "late.json", "mine.json"]
    );
    assert_eq!(service.solve("x-auction-id: ../x\r\n", "{}").status(), 400);
}
