//! The page that `--report` writes: one auction, as browsers show requests.

mod lane;
mod report_file;
mod tables;

use self::lane::{archive_lane, solver_lane};
pub(super) use self::report_file::ReportFile;
use self::tables::{auction_facts, failures, measurements, requests};
use crate::outcome::{ArchiveStatus, Outcome};
use crate::page::{Page, Section, Waterfall};
use crate::progress::Progress;

/// What happened to one auction, as a page. `progress` is that of the run, and has remembered.
pub(super) fn page(outcome: &Outcome, progress: &Progress) -> Page {
    let id = outcome.auction.id.as_deref().unwrap_or("without id");
    let mut timelines = progress.timelines();
    let mut waterfall = Waterfall::new("Time from the run's start");
    for solver in &outcome.solvers {
        let timeline = timelines.next().flatten();
        waterfall = waterfall.lane(solver_lane(solver, timeline.as_ref()));
    }
    if outcome.archive.status != ArchiveStatus::Skipped {
        let timeline = timelines.next().flatten();
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
