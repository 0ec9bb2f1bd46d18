//! HTTP servers that nobody here wrote, as engines and before engines. One that is not installed is passed over, and the
//! output says so. What was found is in `docs/engines.md`.

mod driver;
mod http_server;
mod nginx;
mod node;
mod proxy;
mod scripted_server;
mod werkzeug;

use serde_json::{Value, json};

use self::driver::Driver;
use self::scripted_server::ScriptedServer;
use crate::support::Size;

/// The ways in which an auction is sent: what a solver's table says of it.
const FORMS: [&str; 3] = ["", "length = true", r#"encoding = "gzip""#];

/// How many requests are made at once of a server that answers before it has read them. It is the backlog of connections
/// that Python's servers ask for: of more, the kernel refuses some.
const AT_ONCE: usize = 5;

/// How often so many. No answer may be lost.
const ROUNDS: usize = 4;

/// Sends an auction of today in every form, and checks that the server got what the outcome says.
fn takes_every_form(server: &ScriptedServer, http2: bool) {
    let driver = Driver::with(Size::Mainnet);
    let endpoint = server.endpoint("streaming");
    for form in FORMS {
        let settings = format!("{form}\nhttp2 = {http2}");
        let solver = driver.solve_one(&endpoint, &settings, 0);
        let report = server.report();
        assert_eq!(solver["status"], "ok");
        assert_eq!(solver["attempts"], 1);
        assert_eq!(solver["ending"], "complete");
        assert_eq!(solver["response"], json!({"solutions": []}));
        assert!(solver["document_sha256"].is_string(), "{solver}");
        assert_eq!(solver["document_sha256"], report["sha256"]);
        assert_eq!(solver["encoding"], report["content_encoding"]);
        let length = (form == "length = true").then(|| report["bytes"].to_string());
        let chunked = (length.is_none() && !http2).then_some("chunked");
        assert_eq!(report["content_length"], json!(length));
        assert_eq!(report["transfer_encoding"], json!(chunked));
    }
}

/// Sends an auction to a server that answers before it has read it, in every form, and checks that each answer is whole.
fn refuses_early(server: &ScriptedServer, http2: bool) {
    for solver in refused(&server.endpoint("refusing"), &format!("http2 = {http2}")) {
        let shown = format!("{solver}");
        assert_eq!(solver["http_status"], 400, "{shown}");
        assert_eq!(solver["status"], "failed", "{shown}");
        assert_eq!(solver["attempts"], 1, "{shown}");
        let whole = json!({"error": "not now", "detail": "a".repeat(500)});
        // The beginning of what it says, and nothing of a connection that broke.
        let error = solver["error"].as_str().unwrap();
        let said = error.strip_prefix("the engine answered 400 Bad Request: ");
        assert!(
            said.is_some_and(|said| said.contains("not now") && said.ends_with("aaa…")),
            "{shown}"
        );
        assert_eq!(solver["response"], whole);
    }
}

/// What becomes of many requests in every form, none of which is taken.
fn refused(endpoint: &str, settings: &str) -> Vec<Value> {
    let driver = Driver::with(Size::Mainnet);
    let settings = FORMS.map(|form| format!("{form}\n{settings}"));
    let mut solvers = settings
        .iter()
        .cycle()
        .map(|settings| (endpoint, settings.as_str()));
    let mut outcomes = Vec::new();
    for _ in 0..ROUNDS {
        let solvers: Vec<_> = solvers.by_ref().take(AT_ONCE).collect();
        outcomes.extend(driver.solve(&solvers, 1));
    }
    assert_eq!(outcomes.len(), ROUNDS * AT_ONCE);
    outcomes
}

/// How many connections the requests take that a server which is busy each time is sent.
fn connections_of_three_requests(server: &ScriptedServer, http2: bool) -> usize {
    let settings = format!("retries = 2\nhttp2 = {http2}");
    let driver = Driver::with(Size::Small);
    let solver = driver.solve_one(&server.endpoint("busy"), &settings, 1);
    assert_eq!(solver["http_status"], 503);
    assert_eq!(solver["attempts"], 3);
    let reports = [server.report(), server.report(), server.report()];
    let mut peers: Vec<_> = reports.iter().map(|report| peer(report, &solver)).collect();
    peers.sort_unstable();
    peers.dedup();
    peers.len()
}

/// Where a request came from that was sent whole.
fn peer(report: &Value, solver: &Value) -> u64 {
    assert_eq!(report["sha256"], solver["document_sha256"]);
    report["peer"].as_u64().expect("a port is a number")
}
