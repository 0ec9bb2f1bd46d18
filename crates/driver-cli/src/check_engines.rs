//! `check`: checks a configuration, and probes what its engines accept.

use std::process::ExitCode;
use std::time::Duration;

use archive_sink::{Codec, CodecKind};
use driver_streaming::{Dispatch, JsonDocument, Pipeline, Solver, error_chain};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::lookup_host;

use crate::arguments::CheckArguments;
use crate::exit::{Failure, print_line};
use crate::figures::size;

/// How long an engine may take to answer a probe.
const LIMIT: Duration = Duration::from_secs(10);
/// The sizes in bytes that are tried in turn, up to twice those of today's auctions.
const SIZES: [usize; 8] = [
    90_000, 900_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 64_000_000,
];

/// The line that adds a length to requests.
const LENGTH: &str = "length = true";

/// Returns 1 if an engine's host is unknown or it accepts nothing.
pub(super) async fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let mut config = arguments.engines.config()?;
    // First as they are, to find mistakes; then without what probing is to find out.
    arguments.engines.requests(&config)?;
    for solver in &mut config.solvers {
        (solver.length, solver.encoding, solver.encoding_level) = (None, None, None);
    }
    let requests = arguments.engines.requests(&config)?;
    if requests.is_empty() {
        return Err(Failure::usage("nothing to check: no solver is named"));
    }
    let mut is_good = true;
    for request in &requests {
        let solver = &request.solver;
        let (found, address) = address(solver).await;
        print_line(&format!(
            "{} {}: {address}",
            solver.name(),
            solver.shown_url()
        ))?;
        is_good &= found && (!arguments.probe || probe(solver).await?);
    }
    Ok(u8::from(!is_good).into())
}

/// Resolves a solver's host: whether it is known, and its address or why not.
async fn address(solver: &Solver) -> (bool, String) {
    let uri = solver.uri_without_secrets();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match lookup_host((host, uri.port_u16().unwrap_or(80))).await {
        Ok(mut addresses) => match addresses.next() {
            Some(address) => (true, address.ip().to_string()),
            None => (false, "the host has no address".to_owned()),
        },
        Err(error) => (false, error_chain(&error)),
    }
}

/// Prints what an engine accepts, and which lines to add to its table. Returns whether it accepts anything.
async fn probe(solver: &Solver) -> Result<bool, Failure> {
    let encoded = |kind| solver.clone().with_encoding(Codec::default_for(kind));
    let ways = [
        ("a chunked body", "", solver.clone()),
        (
            "a Content-Length",
            LENGTH,
            solver.clone().with_content_length(),
        ),
        ("zstd", "encoding = \"zstd\"", encoded(CodecKind::Zstd)),
        ("gzip", "encoding = \"gzip\"", encoded(CodecKind::Gzip)),
    ];
    let mut taken: Vec<(&str, Solver)> = Vec::new();
    for (what, line, way) in ways {
        // A compressed body is chunked, since its length is not known beforehand.
        if way.encoding().is_some() && !taken.iter().any(|(line, _)| line.is_empty()) {
            continue;
        }
        match ask(&way, 0).await? {
            None => {
                print_line(&format!("  {what}: accepted"))?;
                taken.push((line, way));
            }
            Some(why) => print_line(&format!("  {what}: not accepted: {why}"))?,
        }
    }
    let Some((needed, plain)) = taken.first() else {
        return Ok(false);
    };
    let mut needed = *needed;
    let with_length = taken.get(1).filter(|(line, _)| *line == LENGTH);
    let mut most = 0;
    for bytes in SIZES {
        let Some(why) = ask(plain, bytes).await? else {
            most = bytes;
            continue;
        };
        let shown = size(Some(bytes as u64));
        print_line(&format!("  {shown}: not accepted: {why}"))?;
        // An engine may ignore chunked bodies and answer.
        if let Some((line, way)) = with_length
            && ask(way, bytes).await?.is_none()
        {
            print_line(&format!("  {shown} with a Content-Length: accepted"))?;
            needed = line;
        }
        break;
    }
    print_line(&format!("  {}: accepted", size(Some(most as u64))))?;
    let encoding = taken.iter().find(|(_, way)| way.encoding().is_some());
    if !needed.is_empty() {
        print_line(&format!("  add: {needed}"))?;
    } else if let Some((line, _)) = encoding {
        print_line(&format!("  for a slow network, add: {line}"))?;
    }
    Ok(true)
}

/// Sends an auction of about so many bytes. Returns why it was not answered well, if it was not.
async fn ask(solver: &Solver, bytes: usize) -> Result<Option<String>, Failure> {
    let auction = json!({
        "id": "0",
        "tokens": {},
        "orders": [],
        "liquidity": [],
        "effectiveGasPrice": "1000000000",
        "deadline": (Timestamp::now() + LIMIT).to_string(),
        "surplusCapturingJitOrderOwners": [],
        "padding": "x".repeat(bytes),
    });
    let pipeline = Pipeline::builder()
        .solver(solver.clone().with_retries(0))
        .deadline(LIMIT)
        .build()
        .map_err(Failure::input(solver.name()))?;
    let outcome = pipeline
        .run(Dispatch::new(JsonDocument::new(auction)))
        .await;
    let asked = outcome.solvers.into_iter().next();
    Ok(asked.and_then(|solver| match solver.delivered_ms {
        None if solver.error.is_none() => Some("it answered without reading all of it".to_owned()),
        _ => solver.error,
    }))
}
