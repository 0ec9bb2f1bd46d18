//! The service, to who operates it: signals, what is asked of it, its page, and who may send to it.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::serve::brotli as brotli_of;
use crate::support::{Engine, Finished, HoldingProxy, ObjectServer, Service, program, run, until};

const SECOND: Duration = Duration::from_secs(1);
const AUCTION: &str = r#"{"id":"1","orders":[]}"#;

fn to(engine: &Engine) -> String {
    format!(
        "[[solver]]\nname = \"a\"\nendpoint = \"{}/?key=secret\"\n",
        engine.url()
    )
}

#[test]
fn a_signal_lets_what_is_under_way_finish() {
    for signal in ["-TERM", "-INT"] {
        let engine = Engine::stand_in(|engine| engine.delay(SECOND));
        let config = to(&engine) + "[archive]\nlocation = \"store\"\n";
        let service = Service::start(&config, &[]);
        let idle = service.connect();
        let mut driver = service.connect();
        driver.head("/solve", &format!("content-length: {}\r\n", AUCTION.len()));
        driver.write(AUCTION.as_bytes());
        assert!(engine.report().complete);
        service.signal(signal);
        service.wait_for("stopping");
        assert!(!service.is_listening());
        assert_eq!(driver.answer().status(), 200);
        let finished = service.ended();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.errors.contains("archive=\"ok\""), "{finished:?}");
        drop(idle);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_so_does_a_limit() {
    for (limit, code, said) in [
        ("1h", 143, "stopped at once"),
        ("300ms", 0, "1 auctions or archives unfinished after 300ms"),
    ] {
        let engine = Engine::stand_in(|engine| engine.delay(60 * SECOND));
        let service = Service::start(
            &(to(&engine) + "\n"),
            &["--deadline", "1h", "--stop-timeout", limit],
        );
        let mut driver = service.connect();
        driver.head("/solve", &format!("content-length: {}\r\n", AUCTION.len()));
        driver.write(AUCTION.as_bytes());
        assert!(engine.report().complete);
        let started = Instant::now();
        service.signal("-TERM");
        if code != 0 {
            service.wait_for("stopping");
            service.signal("-TERM");
        }
        let finished = service.ended();
        assert!(started.elapsed() < 30 * SECOND);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.errors.contains(said), "{finished:?}");
    }
}

#[test]
fn the_configuration_is_read_again_and_a_mistake_changes_nothing() {
    let engines = [
        Engine::stand_in(|engine| engine.response("{\"solutions\":[{}]}")),
        Engine::stand_in(|engine| engine),
    ];
    let service = Service::start(&to(&engines[0]).replace("\"a\"", "\"old\""), &[]);
    let solve = || assert_eq!(service.solve("", AUCTION).status(), 200);
    solve();
    assert!(engines[0].report().complete);
    let file = service.home().join("driver.toml");
    fs::write(&file, to(&engines[1])).unwrap();
    service.signal("-HUP");
    service.wait_for("was reloaded");
    solve();
    assert!(engines[1].report().complete && !engines[0].had_request());
    let to_nobody = service.post("/notify", "", "{\"solutionId\":1}");
    assert_eq!(to_nobody.status(), 404, "{to_nobody:?}");
    fs::write(&file, "[[solver]]\nnam = 1\n").unwrap();
    service.signal("-HUP");
    service.wait_for("the old one stays");
    service.wait_for("driver.toml:2:1");
    solve();
    assert!(engines[1].report().complete);
    assert_eq!(engines[1].accepted(), 1);
}

#[test]
fn while_the_configuration_is_read_the_old_one_serves() {
    let [old, new] = [(); 2].map(|()| Engine::stand_in(|engine| engine));
    let service = Service::start(&to(&old), &[]);
    let file = service.home().join("driver.toml");
    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    service.signal("-HUP");
    // Ready once somebody reads.
    let mut config = fs::File::options().write(true).open(&file).unwrap();
    assert_eq!(service.solve("", AUCTION).status(), 200);
    assert!(old.report().complete);
    config.write_all(to(&new).as_bytes()).unwrap();
    drop(config);
    service.wait_for("was reloaded");
    assert_eq!(service.solve("", AUCTION).status(), 200);
    assert!(new.report().complete);

    // Nor does it hold up the end.
    service.signal("-HUP");
    let _config = fs::File::options().write(true).open(&file).unwrap();
    service.signal("-TERM");
    assert_eq!(service.ended().code, Some(0));
}

#[test]
fn it_says_how_it_is() {
    let engine = Engine::stand_in(|engine| engine);
    let config = to(&engine) + "[archive]\nlocation = \"store\"\n";
    let service = Service::start(&config, &["--log-format", "json"]);
    assert_eq!(service.get("/healthz").status(), 200);
    assert_eq!(service.get("/readyz").status(), 200);
    assert_eq!(service.solve("", AUCTION).status(), 200);
    service.wait_for("\"archive\":\"ok\"");
    let log = service.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    let line = &lines[0];
    assert_eq!(
        (&line["auction"], &line["status"]),
        (&"1".into(), &200.into())
    );
    assert_eq!(
        (&line["engines_ok"], &line["bytes"]),
        (&1.into(), &22.into())
    );
    let metrics = service.get("/metrics");
    let parts = [
        "http_server_request_duration_seconds_count{http_response_status_code=\"200\",http_route=\"/solve\"",
        "http_server_active_requests{http_route=\"/solve\"",
        "http_client_request_duration_seconds_count{driver_streaming_solver_name=\"a\"",
        "driver_streaming_auction_duration_seconds_count{driver_streaming_auction_status=\"ok\"",
        "driver_streaming_archive_duration_seconds_count",
    ];
    for part in parts {
        assert!(metrics.body.contains(part), "{part}: {}", metrics.body);
    }
    assert!(!metrics.body.contains("secret"));
}

#[test]
fn it_is_not_ready_while_the_store_does_not_answer() {
    let server = ObjectServer::start();
    let proxy = HoldingProxy::start(server.endpoint(), "uploads");
    let engine = Engine::stand_in(|engine| engine);
    let location = format!(
        "[archive]\nlocation = \"s3://{}/x\"\n",
        ObjectServer::BUCKET
    );
    let service = Service::start_with(&(to(&engine) + &location), &[], |command| {
        server
            .point(command)
            .env("AWS_ENDPOINT_URL", proxy.endpoint());
    });
    let answer = service.get("/readyz");
    assert_eq!(answer.status(), 503);
    assert!(!answer.body.contains("127.0.0.1"), "{answer:?}");
    service.wait_for("not ready");
    assert_eq!(service.get("/healthz").status(), 200);
}

#[test]
fn with_a_spool_a_store_that_is_away_costs_nothing_but_time() {
    let server = ObjectServer::start();
    let proxy = HoldingProxy::start(server.endpoint(), "7.json");
    let engine = Engine::stand_in(|engine| engine);
    let bucket = ObjectServer::BUCKET;
    let location =
        format!("[archive]\nlocation = \"s3://{bucket}/x\"\nspool = \"spool\"\nlimit = \"1s\"\n");
    let service = Service::start_with(&(to(&engine) + &location), &[], |command| {
        server
            .point(command)
            .env("AWS_ENDPOINT_URL", proxy.endpoint());
    });
    assert_eq!(service.get("/readyz").status(), 200);
    assert_eq!(service.solve("", r#"{"id":7}"#).status(), 200);
    service.wait_for("archive=\"spooled\"");
    let page = service.get("/").body;
    assert!(page.contains("in the spool 1 objects wait"), "{page}");
    let metrics = service.get("/metrics").body;
    assert!(
        metrics.contains("driver_streaming_spool_objects{driver_streaming_spool_state=\"waiting\"")
    );
    // Reading the configuration again leaves the spool as it is.
    service.signal("-HUP");
    service.wait_for("was reloaded");
    proxy.open();
    run(until(|| {
        server.files().iter().any(|file| file.ends_with("7.json"))
    }));
    service.signal("-TERM");
    assert_eq!(service.ended().code, Some(0));
}

#[test]
fn with_a_spool_a_store_that_is_away_does_not_hold_up_the_end() {
    let server = ObjectServer::start();
    let hangs = HoldingProxy::start(server.endpoint(), "7.json");
    let archive = format!(
        "[archive]\nlocation = \"s3://{}/x\"\nspool = \"spool\"\n",
        ObjectServer::BUCKET
    );
    for (endpoint, status) in [
        ("http://127.0.0.1:1", "spooled"),
        (&hangs.endpoint(), "spooled"),
        (server.endpoint(), "ok"),
    ] {
        let engine = Engine::stand_in(|engine| engine.delay(SECOND / 2));
        let limit = ["--stop-timeout", "10m"];
        let service = Service::start_with(&(to(&engine) + &archive), &limit, |command| {
            server.point(command).env("AWS_ENDPOINT_URL", endpoint);
        });
        let mut driver = service.connect();
        driver.head("/solve", "content-length: 8\r\n");
        driver.write(b"{\"id\":7}");
        assert!(engine.report().complete);
        let started = Instant::now();
        service.signal("-TERM");
        assert_eq!(driver.answer().status(), 200);
        let finished = service.ended();
        assert!(started.elapsed() < 40 * SECOND, "{endpoint}");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let line = format!("archive=\"{status}\"");
        assert!(finished.errors.contains(&line), "{endpoint}: {finished:?}");
    }
}

#[test]
fn the_page_shows_the_last_auctions_and_no_secret() {
    let engine = Engine::stand_in(|engine| engine);
    let gone = Engine::unreachable_url();
    let more = format!(
        "[[solver]]\nname = \"<b>gone\"\nendpoint = \"{gone}\"\nretries = 0\nheaders = {{ authorization = \"secret\" }}\n"
    );
    let service = Service::start(&(to(&engine) + &more), &[]);
    let page = service.get("/");
    assert_eq!((page.status(), page.header("refresh")), (200, Some("5")));
    assert!(page.body.contains("None yet."), "{page:?}");
    for number in 0..102 {
        let auction = format!("{{\"id\":\"<i>{number}\"}}");
        let headers = format!("x-auction-id: n{number}\r\nauthorization: secret\r\n");
        let auction = if number == 101 {
            "[1]"
        } else {
            auction.as_str()
        };
        let auction = if number < 100 { "{}" } else { auction };
        service.solve(&headers, auction);
    }
    let page = service.get("/").body;
    assert_eq!(page.matches("href=\"/auctions/").count(), 100, "{page}");
    for part in ["&lt;b&gt;gone", "n99", "/auctions/102", "1 of 2 ok", "<svg"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in ["secret", "<script", "<b>gone", "<i>"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    let auction = service.get("/auctions/50");
    assert_eq!(auction.status(), 200);
    assert!(auction.body.contains("Waterfall") && auction.body.contains("n49"));
    assert!(!auction.body.contains("secret") && !auction.body.contains("key="));
    assert_eq!(service.get("/auctions/1").status(), 404);

    let without = Service::start(&to(&engine), &["--page", "off"]);
    assert_eq!(without.get("/").status(), 404);
    assert_eq!(without.get("/auctions/1").status(), 404);
    assert_eq!(without.get("/healthz").status(), 200);
}

#[test]
fn from_elsewhere_a_token_is_required() {
    let engine = Engine::stand_in(|engine| engine);
    let solver = engine.argument("a");
    let open = ["serve", "--listen", "0.0.0.0:0", "--solver", &solver];
    let refused = Finished::run(&mut program(&open));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.errors.contains("--token-file"), "{refused:?}");

    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    fs::write(path, "short\n").unwrap();
    let short = Finished::run(&mut program(&[&open[..], &["--token-file", path]].concat()));
    assert_eq!(short.code, Some(2), "{short:?}");
    fs::write(path, "0123456789abcdef\n").unwrap();
    let service = Service::start(&to(&engine), &["--token-file", path]);
    let right = "authorization: Bearer 0123456789abcdef\r\n";
    for (headers, status) in [
        ("", 401),
        ("authorization: Bearer 0123456789abcdee\r\n", 401),
        ("authorization: Basic 0123456789abcdef\r\n", 401),
        (right, 200),
    ] {
        assert_eq!(service.solve(headers, AUCTION).status(), status);
        assert_eq!(service.post("/notify", headers, "{}").status(), status);
    }
    assert_eq!(service.get("/healthz").status(), 200);
    // A new token, without a new start.
    fs::write(path, "fedcba9876543210\n").unwrap();
    service.signal("-HUP");
    service.wait_for("was reloaded");
    assert_eq!(service.solve(right, AUCTION).status(), 401);
    assert!(!service.log().contains("0123456789abcdef"));
}

#[test]
fn a_body_that_nobody_wants_is_read_so_that_its_answer_is() {
    let engine = Engine::stand_in(|engine| engine);
    let service = Service::start(&to(&engine), &[]);
    let body = vec![b' '; 20_000_000];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(AUCTION.as_bytes()).unwrap();
    let gzip_and_more = [gzip.finish().unwrap(), body.clone()].concat();
    let mut brotli = brotli_of(AUCTION);
    brotli.extend_from_slice(&body);
    // It would take as much memory for each auction.
    let mut wide = zstd::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(24).unwrap();
    write!(wide, "{{\"id\":\"{}\"}}", "1".repeat(20_000_000)).unwrap();
    let wide = wide.finish().unwrap();
    // A window of 1 GiB.
    let large = [&[0x11, 0xde], &body[..]].concat();
    for (path, headers, body, status) in [
        ("/mainnet/solve", "", &body, 404),
        ("/healthz", "", &body, 405),
        ("/solve", "content-encoding: lzma\r\n", &body, 415),
        (
            "/solve",
            "content-encoding: identity\r\ncontent-encoding: gzip\r\n",
            &body,
            415,
        ),
        ("/solve", "x-deadline-ms: soon\r\n", &body, 400),
        ("/solve", "content-encoding: gzip\r\n", &gzip_and_more, 400),
        ("/solve", "content-encoding: br\r\n", &brotli, 400),
        ("/solve", "content-encoding: zstd\r\n", &wide, 400),
        ("/solve", "content-encoding: br\r\n", &large, 400),
        ("/notify", "", &body, 400),
    ] {
        let mut driver = service.connect();
        driver.head(
            path,
            &format!("{headers}content-length: {}\r\n", body.len()),
        );
        assert!(driver.is_heard(body), "{path}: {headers}");
        let answer = driver.answer();
        assert_eq!(answer.status(), status, "{path}: {headers}");
        if status == 404 {
            assert!(answer.body.contains("auctions go to /solve"), "{answer:?}");
        }
        if body == &large {
            assert!(answer.body.contains("large window"), "{answer:?}");
        }
    }
}

#[test]
fn systemd_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(30 * SECOND)).unwrap();
    let told = || {
        let mut bytes = [0; 100];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let engine = Engine::stand_in(|engine| engine);
    let service = Service::start_with(&to(&engine), &[], |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    assert_eq!(told(), "READY=1\n");
    service.signal("-TERM");
    assert_eq!(told(), "STOPPING=1\n");
    assert_eq!(service.ended().code, Some(0));
}

#[test]
fn what_makes_no_sense_is_refused_at_the_start() {
    for (arguments, why) in [
        (&["serve"][..], "no engine"),
        (
            &["serve", "--solver", "a=http://h", "--max-auctions", "0"],
            "--max-auctions",
        ),
        (
            &[
                "serve",
                "--solver",
                "a=http://h",
                "--config",
                "missing.toml",
            ],
            "missing.toml",
        ),
    ] {
        let finished = Finished::run(&mut program(arguments));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.errors.contains(why), "{finished:?}");
    }
}

#[test]
fn an_auction_that_breaks_off_is_no_failure_of_the_archive() {
    let engine = Engine::keeping();
    let config = to(&engine) + "[archive]\nlocation = \"store\"\n";
    let service = Service::start(&config, &[]);
    let mut driver = service.connect();
    driver.head("/solve", "content-length: 500000\r\n");
    driver.write(format!("{{\"id\":\"1\",\"orders\":\"{}", "x".repeat(200_000)).as_bytes());
    driver.finish();
    let answer = driver.answer();
    assert_eq!(answer.status(), 400);
    let timing = answer.header("server-timing").unwrap();
    assert!(timing.contains("archive;desc=\"skipped\""), "{timing}");
    service.wait_for("archive=\"skipped\"");
    let metrics = service.get("/metrics").body;
    let counted = |status| {
        let label = format!("driver_streaming_archive_status=\"{status}\"");
        metrics.lines().any(|line| {
            line.starts_with("driver_streaming_archive_duration") && line.contains(&label)
        })
    };
    assert!(counted("skipped") && !counted("failed"), "{metrics}");
}

#[test]
fn a_store_that_ignores_conditions_is_found_out_at_the_start() {
    let engine = Engine::keeping();
    let archive = "[archive]\nlocation = \"s3://auctions/kept\"\nlimit = \"1s\"\n";
    let config = to(&engine) + archive;
    for (store, placement) in [
        (ObjectServer::start(), "exclusive"),
        (ObjectServer::ignoring_conditions(), "checked_before"),
    ] {
        let service = Service::start_with(&config, &[], |command| {
            store.point(command);
        });
        match placement {
            "exclusive" => run(until(|| !store.files().is_empty())),
            _ => service.wait_for("does not support conditional writes"),
        }
        assert_eq!(service.solve("", AUCTION).status(), 200);
        service.wait_for("archive=\"ok\"");
        let placed = format!("driver_streaming_archive_placement=\"{placement}\"");
        let metrics = service.get("/metrics").body;
        assert!(metrics.contains(&placed), "{placement}: {metrics}");
    }
    // One that is away keeps nobody from serving.
    let service = Service::start_with(&config, &[], |command| {
        ObjectServer::point_at("http://127.0.0.1:1", command);
    });
    service.wait_for("cannot be checked yet");
    assert_eq!(service.solve("", AUCTION).status(), 200);
}

#[test]
fn services_may_share_an_archive() {
    let store = tempfile::tempdir().unwrap();
    let location = store.path().join("store");
    let archive = format!("[archive]\nlocation = {:?}\n", location.to_str().unwrap());
    let engine = Engine::stand_in(|engine| engine);
    let config = to(&engine) + &archive;
    let services = [(); 2].map(|()| Service::start(&config, &[]));
    let archived = services.each_ref().map(|service| {
        assert_eq!(service.solve("", AUCTION).status(), 200);
        service.wait_for("archive=\"");
        service.log().contains("archive=\"ok\"")
    });
    assert_eq!(archived, [true, false]);
    assert!(services[1].log().contains("archive=\"already there\""));
    assert_eq!(fs::read_dir(location).unwrap().count(), 1);
}
