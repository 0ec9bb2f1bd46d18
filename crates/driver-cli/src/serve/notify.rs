//! `/notify`: forwards a driver's notification about a solution to the engine that found it, with the engine's own id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use driver_streaming::{Solver, error_chain};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use tower_service::Service as _;

use super::merge::{Origin, object, with_value};
use super::{Service, error, json};

/// How long a solution is remembered.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// How many bytes all of them may take, about 75,000 solutions. The oldest are forgotten first.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The longest id of an engine that is remembered, in bytes, so that a few long ones do not displace all others.
const LONGEST_OWN_ID: usize = 1024;
/// What each takes in addition to its text, including the overhead of the map and the allocator.
const BYTES_FOR_EACH: usize = 2 * size_of::<(u64, Known)>();
/// The longest notification, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How long an engine may take to answer one.
const LIMIT: Duration = Duration::from_secs(10);

/// Which engine found each solution that was sent to a driver. Ids increase, and are never reused.
#[derive(Default)]
pub(super) struct Solutions {
    last_id: u64,
    known: BTreeMap<u64, Known>,
    bytes: usize,
}

struct Known {
    /// The auction's id, if it has one.
    auction: Option<String>,
    engine: String,
    own_id: String,
    until: Instant,
}

impl Known {
    fn bytes(&self) -> usize {
        let auction = self.auction.as_ref().map_or(0, String::len);
        BYTES_FOR_EACH + auction + self.engine.len() + self.own_id.len()
    }
}

impl Solutions {
    /// An id that no solution has.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Adds solutions, and removes old ones.
    pub(super) fn remember(
        &mut self,
        auction: Option<&str>,
        origins: Vec<Origin>,
        solvers: &[Solver],
        now: Instant,
    ) {
        let short = |origin: &Origin| origin.own_id.len() <= LONGEST_OWN_ID;
        for origin in origins.into_iter().filter(short) {
            let known = Known {
                auction: auction.map(ToOwned::to_owned),
                engine: solvers[origin.solver].name().to_owned(),
                own_id: origin.own_id,
                until: now + REMEMBERED,
            };
            self.bytes += known.bytes();
            self.known.insert(origin.id, known);
        }
        while let Some(oldest) = self.known.first_entry()
            && (oldest.get().until <= now || self.bytes > MOST_BYTES)
        {
            self.bytes -= oldest.remove().bytes();
        }
    }

    /// The engine that found this solution, and its own id. If an auction is named, the solution must be of that auction.
    fn find(&self, auction: Option<&str>, id: u64, now: Instant) -> Option<(&str, &str)> {
        let known = self.known.get(&id).filter(|known| known.until > now)?;
        let is_other = auction.zip(known.auction.as_deref());
        let is_other = is_other.is_some_and(|(named, its)| named != its);
        (!is_other).then_some((&known.engine, &known.own_id))
    }

    /// What to send each engine, by name. `None` if the notification names no solution: then it is for all engines.
    ///
    /// # Errors
    /// Fails if it is not a notification, or names only unknown solutions.
    fn addressed(
        &self,
        text: &str,
        now: Instant,
    ) -> Result<Option<BTreeMap<String, String>>, (StatusCode, &'static str)> {
        let wrong = |why| (StatusCode::BAD_REQUEST, why);
        let members = object(text).ok_or(wrong("the notification is not a JSON object"))?;
        let Some(named) = members.get("solutionId").filter(|id| id.get() != "null") else {
            return Ok(None);
        };
        let no_id = "solutionId must be an integer, or an array of integers";
        let ids: Vec<u64> = serde_json::from_str(named.get())
            .or_else(|_| serde_json::from_str(named.get()).map(|id| vec![id]))
            .map_err(|_other| wrong(no_id))?;
        let auction = members.get("auctionId").map(|id| plain(id));
        let auction = auction.flatten();
        let mut own_ids: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for id in ids {
            if let Some((engine, own)) = self.find(auction.as_deref(), id, now) {
                own_ids.entry(engine.to_owned()).or_default().push(own);
            }
        }
        if own_ids.is_empty() {
            let why = "the solution is unknown: it is older than 10 minutes, or another service answered with it";
            return Err((StatusCode::NOT_FOUND, why));
        }
        let is_array = named.get().starts_with('[');
        let rewritten = own_ids.into_iter().map(|(engine, own)| {
            let own = own.join(",");
            let own = if is_array { format!("[{own}]") } else { own };
            (engine, with_value(text, named, &own))
        });
        Ok(Some(rewritten.collect()))
    }
}

/// An auction's id as text: drivers write strings or integers.
fn plain(id: &RawValue) -> Option<String> {
    match id.get() {
        "null" => None,
        text => Some(serde_json::from_str(text).unwrap_or_else(|_number| text.to_owned())),
    }
}

pub(super) async fn notify(State(service): State<Arc<Service>>, request: Request) -> Response {
    let body = Limited::new(request.into_body(), LONGEST).collect().await;
    let text = body.ok().map(|body| body.to_bytes());
    let Some(text) = text.and_then(|text| String::from_utf8(text.into()).ok()) else {
        let why = "the notification is incomplete, longer than 1 MiB, or not UTF-8";
        return error(StatusCode::BAD_REQUEST, why);
    };
    let addressed = service.solutions.lock().addressed(&text, Instant::now());
    let addressed = match addressed {
        Ok(addressed) => addressed,
        Err((status, why)) => return error(status, why),
    };
    let mut is_sent = false;
    for solver in service.engines().pipeline.solvers() {
        let its_own = |engines: &BTreeMap<String, String>| engines.get(solver.name()).cloned();
        let Some(text) = addressed.as_ref().map_or(Some(text.clone()), its_own) else {
            continue;
        };
        is_sent = true;
        let (service, solver) = (Arc::clone(&service), solver.clone());
        // In the background: the driver does not wait for the engine.
        service.tasks.clone().spawn(async move {
            if let Err(why) = forward(&service, &solver, text).await {
                let engine = solver.name();
                tracing::warn!(engine, "a notification did not reach its engine: {why}");
            }
        });
    }
    match is_sent {
        true => json(StatusCode::OK, "{}".to_owned()),
        false => error(StatusCode::NOT_FOUND, "its engine is no longer configured"),
    }
}

async fn forward(service: &Service, solver: &Solver, text: String) -> Result<(), String> {
    let request = solver
        .post_beside("notify")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| error_chain(&error))?;
    let mut client = service.client.clone();
    let answer = timeout(LIMIT, client.call(request)).await;
    let answer = answer.map_err(|_elapsed| format!("no answer within {LIMIT:?}"))?;
    let answer = answer.map_err(|error| error_chain(&error))?;
    let (status, body) = (answer.status(), Body::new(answer.into_body()));
    // Read to the end, so that the connection can be reused.
    let _short = timeout(LIMIT, Limited::new(body, LONGEST).collect()).await;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("it answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solutions(now: Instant) -> Solutions {
        let solvers = ["a", "b"].map(|name| Solver::new(name, "http://h").unwrap());
        let mut solutions = Solutions::default();
        let mut origin = |solver, own_id: &str| Origin {
            id: solutions.next_id(),
            solver,
            own_id: own_id.to_owned(),
        };
        let origins = vec![origin(0, "7"), origin(0, "8"), origin(1, "7")];
        solutions.remember(Some("5"), origins, &solvers, now);
        solutions
    }

    #[tokio::test]
    async fn each_engine_hears_of_its_own_by_its_own_ids() {
        let now = Instant::now();
        let solutions = solutions(now);
        for (text, heard) in [
            (
                r#"{"solutionId": 3 ,"x":1.0}"#,
                vec![("b", r#"{"solutionId": 7 ,"x":1.0}"#)],
            ),
            (
                r#"{"auctionId":"5","solutionId":[1,2,3,9]}"#,
                vec![
                    ("a", r#"{"auctionId":"5","solutionId":[7,8]}"#),
                    ("b", r#"{"auctionId":"5","solutionId":[7]}"#),
                ],
            ),
            (
                r#"{"auctionId":5,"solutionId":2}"#,
                vec![("a", r#"{"auctionId":5,"solutionId":8}"#)],
            ),
        ] {
            let found = solutions.addressed(text, now).unwrap().unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            assert_eq!(found, heard);
        }
        for text in [r#"{"kind":"x"}"#, r#"{"solutionId":null}"#] {
            assert!(solutions.addressed(text, now).unwrap().is_none());
        }
        for (text, status) in [
            ("[]", StatusCode::BAD_REQUEST),
            (r#"{"solutionId":"1"}"#, StatusCode::BAD_REQUEST),
            (r#"{"solutionId":4}"#, StatusCode::NOT_FOUND),
            (r#"{"auctionId":"6","solutionId":1}"#, StatusCode::NOT_FOUND),
        ] {
            assert_eq!(solutions.addressed(text, now).unwrap_err().0, status);
        }
    }

    #[tokio::test]
    async fn solutions_are_forgotten_after_a_while_and_when_there_are_too_many() {
        let now = Instant::now();
        let mut solutions = solutions(now);
        let text = r#"{"solutionId":1}"#;
        let before = now + REMEMBERED - Duration::from_millis(1);
        assert!(solutions.addressed(text, before).is_ok());
        assert!(solutions.addressed(text, now + REMEMBERED).is_err());
        solutions.remember(None, Vec::new(), &[], now + REMEMBERED);
        assert_eq!((solutions.known.len(), solutions.bytes), (0, 0));
        let solvers = [Solver::new("a", "http://h").unwrap()];
        let of_length = |length| {
            move |id| Origin {
                id,
                solver: 0,
                own_id: "7".repeat(length),
            }
        };
        for length in [0, LONGEST_OWN_ID] {
            let each = BYTES_FOR_EACH + "a".len() + length;
            let most = MOST_BYTES / each;
            let origins = (0..most as u64 + 5).map(of_length(length));
            solutions.remember(None, origins.collect(), &solvers, now);
            assert_eq!(
                (solutions.known.len(), solutions.bytes),
                (most, most * each)
            );
            assert_eq!(*solutions.known.first_key_value().unwrap().0, 5);
            solutions.remember(None, vec![of_length(LONGEST_OWN_ID + 1)(0)], &solvers, now);
            assert_eq!(solutions.known.len(), most);
            solutions = Solutions::default();
        }
    }
}
