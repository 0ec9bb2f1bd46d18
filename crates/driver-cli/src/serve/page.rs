//! The page at `/`: the last auctions, the engines' health, and a page for each auction. It shows nothing secret.

use std::sync::Arc;

use archive_sink::{Spool, SpoolStatus};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::response::{Html, IntoResponse, Response};
use driver_streaming::{ArchiveStatus, SolverStatus};
use futures_util::future::OptionFuture;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Service;
use super::history::{History, Record};
use crate::figures::{milliseconds, size, words};
use crate::report::{Row, number, page, report, table, tone, waterfall_of};

/// How often the page reloads itself, in seconds. A header needs no script.
const REFRESH: (HeaderName, &str) = (HeaderName::from_static("refresh"), "5");

pub(super) async fn overview(State(service): State<Arc<Service>>) -> Response {
    let engines = service.engines();
    let spooled = OptionFuture::from(engines.spool().map(Spool::status)).await;
    let history = service.history.lock();
    let most = usize::from(service.arguments.max_auctions);
    let active = most - service.auctions.available_permits().min(most);
    let latest = history.latest_first().next();
    let rows: Vec<_> = history.latest_first().map(row).collect();
    let sections = html! {
        section {
            h2 { "Engines" }
            (engines_health(engines.pipeline.solvers().iter().map(|solver| solver.name()), &history))
            p.muted {
                (active) " of at most " (most) " auctions under way; "
                @match &engines.archiving {
                    Some(_) => { (archive_health(&history)) }
                    None => { "there is no archive" }
                }
                @match spooled {
                    Some(Ok(spooled)) => { "; " (spool_health(spooled)) }
                    Some(Err(_)) => { "; " span.bad { "the spool cannot be read" } }
                    None => {}
                }
            }
        }
        @if let Some(latest) = latest {
            section {
                h2 { "The latest auction" }
                (waterfall_of(&latest.outcome, &latest.timelines))
            }
        }
        section {
            h2 { "The last auctions" }
            @if rows.is_empty() { p { "None yet." } } @else { (table(&rows)) }
        }
    };
    let lead =
        "Auctions from a driver to these engines and to the archive. The page reloads itself.";
    let html = page("driver-streaming", lead, &sections);
    ([REFRESH, (CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

pub(super) async fn auction(
    State(service): State<Arc<Service>>,
    Path(number): Path<u64>,
) -> Response {
    match service.history.lock().get_mut(number) {
        Some(record) => Html(report(&record.outcome, &record.timelines, None)).into_response(),
        None => {
            let lead = "This auction is not among the last ones.";
            let link = html! { p { a href="/" { "The last auctions" } } };
            let html = page("Not found", lead, &link);
            (StatusCode::NOT_FOUND, Html(html)).into_response()
        }
    }
}

/// How many of the last auctions each engine has answered, and its last failure.
fn engines_health<'a>(names: impl Iterator<Item = &'a str>, history: &History) -> Markup {
    html! {
        dl {
            @for name in names {
                @let seen = || history.latest_first().flat_map(|record| {
                    record.outcome.solvers.iter().filter(|solver| solver.name == name)
                }).filter(|solver| solver.status != SolverStatus::Cancelled);
                @let ok = seen().filter(|solver| solver.status == SolverStatus::Ok).count();
                @let failed = seen().find(|solver| solver.status != SolverStatus::Ok);
                @let is_good = seen().next().is_none_or(|latest| latest.status == SolverStatus::Ok);
                div.long[failed.is_some()] {
                    dt { (name) }
                    dd {
                        @match seen().count() {
                            0 => span.muted { "not asked yet" },
                            all => span.(if is_good { "good" } else { "bad" }) { (ok) " of " (all) " ok" },
                        }
                        @if let Some(failed) = failed {
                            " " span.muted { "last failure: " (words(failed.status)) " – " (failed.error.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

fn archive_health(history: &History) -> Markup {
    use ArchiveStatus::{Running, Skipped};
    let seen = || {
        let archives = history.latest_first().map(|record| &record.outcome.archive);
        archives.filter(|archive| !matches!(archive.status, Skipped | Running))
    };
    let ok = seen().filter(|archive| archive.status.is_ok()).count();
    match seen().count() {
        0 => html! { "nothing archived yet" },
        all => html! { (ok) " of the last " (all) " archives ok" },
    }
}

fn spool_health(status: SpoolStatus) -> Markup {
    if status.objects + status.failed == 0 {
        return html! { "the spool is empty" };
    }
    let oldest = status
        .oldest
        .map(|age| format!(", the oldest for {} s", age.as_secs()));
    html! {
        "in the spool " (status.objects) " objects wait, " (size(Some(status.bytes))) (oldest.unwrap_or_default())
        @if status.failed > 0 { ", " span.bad { (status.failed) " set aside" } }
    }
}

fn row(record: &Record) -> Row<'_> {
    let outcome = &record.outcome;
    let at = Timestamp::try_from(outcome.started).unwrap_or_default();
    let at = at.strftime("%m-%d %H:%M:%S").to_string();
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let auction = html! {
        a href={ "/auctions/" (record.number) } { (id) }
        @if let Some(problem) = &record.problem { " " span.bad { (problem) } }
    };
    let (ok, all) = (record.ok_engines(), outcome.solvers.len());
    let engines = html! {
        span.(if ok == all { "good" } else { "bad" }) { (ok) " of " (all) " ok" }
    };
    let slowest = html! {
        @if let Some(slowest) = record.slowest() {
            (slowest.name) ", " (milliseconds(Some(slowest.total_ms)))
        }
    };
    let archive = words(outcome.archive.status);
    let archive = html! { span.(tone(&archive)) { (archive) } };
    vec![
        ("Time (UTC)", ("whole", html! { (at) })),
        ("Auction", ("name", auction)),
        ("Size", number(size(record.bytes))),
        ("Delivery", number(milliseconds(record.delivery_ms()))),
        ("Engines", ("whole", engines)),
        ("Slowest engine", ("name", slowest)),
        ("Archive", ("whole", archive)),
    ]
}
