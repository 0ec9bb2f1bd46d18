//! The page that `--report` writes: how one auction went to each solver and to the archive.

mod lanes;
mod page;
mod report_file;
mod tables;
mod timeline;
mod waterfall;

pub(super) use self::page::page;
pub(super) use self::report_file::ReportFile;
pub(super) use self::timeline::Timelines;

use driver_streaming::{ArchiveStatus, Outcome};
use maud::{Markup, html};

use self::lanes::{archive_lane, solver_lane};
pub(super) use self::tables::tone;
use self::tables::{auction_facts, failures, measurements, requests};
use self::waterfall::waterfall;

/// Returns the page about one auction, as a file. `timelines` are what was seen of it.
pub(super) fn report(outcome: &Outcome, timelines: &Timelines) -> String {
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let sections = html! {
        section { h2 { "The auction" } (auction_facts(outcome)) }
        section {
            h2 { "Waterfall" }
            p {
                "Bytes are counted when the HTTP client takes them, which is before they are on the wire. The curve below a \
                bar shows how many it has taken, of all that it takes in the end."
            }
            (waterfall_of(outcome, timelines))
            @if let Some(failures) = failures(outcome) {
                h3 { "What went wrong" }
                (failures)
            }
        }
        section { h2 { "In numbers" } (measurements(outcome)) }
        section { h2 { "What was sent where" } (requests(outcome)) }
    };
    let lead = "One auction, and how it went to each solver and to the archive.";
    page::page(&format!("Auction {id}"), lead, &sections)
}

/// Draws how one auction went to each, and nothing else.
pub(super) fn waterfall_of(outcome: &Outcome, timelines: &Timelines) -> Markup {
    let mut seen = timelines.seen();
    let solvers = outcome.solvers.iter().zip(&mut seen);
    let mut lanes: Vec<_> = solvers
        .map(|(solver, timeline)| solver_lane(solver, &timeline))
        .collect();
    if outcome.archive.status != ArchiveStatus::Skipped {
        lanes.extend(seen.map(|timeline| archive_lane(&outcome.archive, &timeline)));
    }
    waterfall("Time from the run's start", &lanes)
}
