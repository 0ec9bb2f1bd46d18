//! The page that `--report` writes: how one auction went to the solvers and the archive.

mod lanes;
mod page;
mod tables;
mod timeline;
mod waterfall;

pub(super) use self::page::{Row, number, page, table};
pub(super) use self::timeline::Timelines;

use std::time::Duration;

use driver_streaming::{ArchiveStatus, Outcome};
use jiff::Timestamp;
use maud::{Markup, html};

use self::lanes::{archive_lane, culprits, solver_lane};
pub(super) use self::tables::tone;
use self::tables::{auction_facts, measurements, requests};
use self::waterfall::waterfall;
use crate::arguments::VERSION;
use crate::figures::duration;
use crate::verdict::verdict;

/// Returns the page about one auction as HTML.
pub(super) fn report(
    outcome: &Outcome,
    timelines: &Timelines,
    deadline: Option<Duration>,
) -> String {
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let passes = outcome.serialize.passes;
    let sections = html! {
        ul.verdict {
            @for line in verdict(&outcome.solvers, &outcome.archive, passes) { li { (line) } }
        }
        section {
            h2 { "Waterfall" }
            p {
                "All times count from the start of the run. Bytes are counted when the HTTP client takes them, before they are \
                on the wire. The curve below a bar shows how many bytes the client has taken."
            }
            (waterfall_of(outcome, timelines))
        }
        section { h2 { "The auction" } (auction_facts(outcome)) }
        section { h2 { "Times" } (measurements(outcome)) }
        section { h2 { "Requests" } (requests(outcome)) }
    };
    let started = Timestamp::try_from(outcome.started).unwrap_or_default();
    let deadline = deadline.map(|limit| format!("with a deadline of {}, ", duration(limit)));
    let lead = format!(
        "Sent on {}, {}by driver-streaming {VERSION}",
        started.strftime("%Y-%m-%d at %H:%M:%S UTC"),
        deadline.unwrap_or_default()
    );
    page::page(&format!("Auction {id}"), &lead, &sections)
}

/// Draws the waterfall alone.
pub(super) fn waterfall_of(outcome: &Outcome, timelines: &Timelines) -> Markup {
    let seen: Vec<_> = timelines.seen().collect();
    let culprits = culprits(outcome, &seen);
    let solvers = outcome.solvers.iter().zip(&seen);
    let mut lanes: Vec<_> = solvers
        .map(|(solver, timeline)| solver_lane(solver, timeline, &culprits))
        .collect();
    if outcome.archive.status != ArchiveStatus::Skipped {
        let archive = seen.iter().skip(outcome.solvers.len());
        lanes.extend(archive.map(|timeline| archive_lane(&outcome.archive, timeline)));
    }
    waterfall("Time from the start of the run", &lanes)
}
