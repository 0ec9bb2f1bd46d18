//! The page that `--report` writes: one auction, as browsers show requests.

mod lane;
mod report_file;
mod tables;

use self::lane::{archive_lane, solver_lane};
pub(super) use self::report_file::ReportFile;
use self::tables::{auction_facts, failures, measurements, requests};
use crate::page::{Page, Section, Waterfall};
use crate::timeline::Timelines;
use driver_streaming::{ArchiveStatus, Outcome};

/// What happened to one auction, as a page. `timelines` are what was seen of it.
pub(super) fn page(outcome: &Outcome, timelines: &Timelines) -> Page {
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let mut waterfall = Waterfall::new("Time from the run's start");
    for (index, solver) in outcome.solvers.iter().enumerate() {
        let timeline = timelines.reader(index);
        waterfall = waterfall.lane(solver_lane(solver, timeline.as_ref()));
    }
    if outcome.archive.status != ArchiveStatus::Skipped {
        let timeline = timelines.reader(outcome.solvers.len());
        waterfall = waterfall.lane(archive_lane(&outcome.archive, timeline.as_ref()));
    }
    let lead = "One auction, and how it went to each solver and to the archive.";
    let page = Page::new(format!("Auction {id}"))
        .lead(lead)
        .section(Section::new("The auction").facts(auction_facts(outcome)));
    let mut section = Section::new("Waterfall")
        .text(
            "Bytes are counted when the HTTP client takes them, which is before they are on the wire. The curve below a \
            bar shows how many it has taken, of all that it takes in the end.",
        )
        .figure(&waterfall.draw());
    if let Some(failures) = failures(outcome) {
        section = section.heading("What went wrong").table(&failures);
    }
    page.section(section)
        .section(Section::new("In numbers").table(&measurements(outcome)))
        .section(Section::new("What was sent where").table(&requests(outcome)))
}
