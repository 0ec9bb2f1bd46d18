use driver_streaming::page::{Axis, Page, PlotError, Section};

use super::bench_report::BenchReport;
use super::{plots, tables};

/// The page that shows the report.
///
/// # Errors
/// When a plot cannot be drawn.
pub fn page(report: &BenchReport) -> Result<Page, PlotError> {
    let page = Page::new("What it takes to send one auction to many solvers")
        .lead(lead(report))
        .section(targets(report))
        .section(memory(report)?)
        .section(solvers(report)?)
        .section(sizes(report)?)
        .section(stalled(report)?)
        .section(delays(report)?);
    Ok(page.section(micro(report)?).section(scenarios(report)))
}

/// Memory over time as an SVG file of its own, for a README.
///
/// # Errors
/// When the plot cannot be drawn.
pub fn memory_figure(report: &BenchReport) -> Result<String, PlotError> {
    plots::memory(&report.memory).to_svg()
}

fn lead(report: &BenchReport) -> String {
    let machine = &report.machine;
    format!(
        "Whole processes and loops within one, each design by turns with the others, medians. {}; {}, {} cores, Linux {}; \
        load average {:.1} before and {:.1} after; {} scenarios checked to deliver and archive the right bytes.",
        report.date,
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.load_average[0],
        machine.load_average[1],
        report.checked,
    )
}

fn targets(report: &BenchReport) -> Section {
    let missed = report.missed().count();
    let demanded = report
        .ratios
        .iter()
        .filter(|ratio| ratio.met.is_some())
        .count();
    let met = demanded - missed;
    let section = Section::new("Targets")
        .code(&report.command)
        .text(&format!(
            "{met} of {demanded} targets are met. Each is judged in the scenario where it is worst."
        ))
        .table(&tables::ratios(&report.ratios));
    if missed == 0 {
        return section;
    }
    section
        .heading("What is not met")
        .table(&tables::missed(report.missed()))
}

fn memory(report: &BenchReport) -> Result<Section, PlotError> {
    Ok(Section::new("Memory over time")
        .text(
            "The resident size of the process, looked at every 2 ms by another, less what was resident before the call: the \
            auction as a value, the runtime and the connections.",
        )
        .figure(&plots::memory(&report.memory).draw()?))
}

fn solvers(report: &BenchReport) -> Result<Section, PlotError> {
    let rows = &report.rows;
    Ok(Section::new("By number of solvers")
        .text("One auction of 26 MB. Both axes are logarithmic.")
        .figure(&plots::by_solvers(
            rows,
            "Peak memory over the auction",
            "MiB",
            |row| row.peak_mib,
        )?)
        .figure(&plots::by_solvers(
            rows,
            "CPU of the process",
            "ms, user and system",
            |row| row.cpu_ms,
        )?)
        .heading("How far it is from the floor")
        .text(
            "CPU of one auction of 26 MB to 32 solvers cannot be less than one serialisation, one compression and the copies \
            into the sockets. The first two are loops that do nothing else; the third is what solvers cost the shared design.",
        )
        .table(&tables::floors(&report.floors)))
}

fn sizes(report: &BenchReport) -> Result<Section, PlotError> {
    let rows = &report.rows;
    Ok(Section::new("By size of the auction")
        .text(&format!(
            "{} solvers. Both axes are logarithmic.",
            plots::SOLVERS
        ))
        .figure(&plots::by_size(
            rows,
            "Peak memory over the auction",
            "MiB",
            |row| row.peak_mib,
        )?)
        .figure(&plots::by_size(
            rows,
            "CPU of the process",
            "ms, user and system",
            |row| row.cpu_ms,
        )?)
        .figure(&plots::by_size(
            rows,
            "First byte at the solver in the middle",
            "ms after the call",
            |row| row.first_byte_median_ms,
        )?))
}

fn stalled(report: &BenchReport) -> Result<Section, PlotError> {
    Ok(Section::new("When solvers stall")
        .text(
            "Some of 8 solvers read 64 KiB of 26 MB and then nothing more, until the deadline of their requests ends them. The \
            more of them there are, the less is sent in all, so that a design in which solvers do not touch each other gets \
            faster to the right. This project waits for those that stall for half a second (their patience): together where they \
            stop within a window of each other, else one after the other, each time for half as long. Then it goes on without \
            them. threaded keeps a thread for each of them, parked until the deadline.",
        )
        .figure(&plots::stalled(&report.stalled)?)
        .table(&tables::stalled(&report.stalled)))
}

fn delays(report: &BenchReport) -> Result<Section, PlotError> {
    Ok(Section::new("What else runs in the process")
        .text(
            "A task of the same runtime that is due each millisecond, while 26 MB go to 8 solvers. Timers of tokio are late by \
            up to a millisecond at rest.",
        )
        .figure(&plots::delays(&report.delays)?))
}

fn micro(report: &BenchReport) -> Result<Section, PlotError> {
    let micro = &report.micro;
    let figures = [
        plots::micro(
            micro,
            "serializer",
            "Serialising an auction",
            Axis::new("auction, MB").logarithmic(),
            Axis::new("MB for each second of CPU"),
        )?,
        plots::micro(
            micro,
            "tee",
            "One stream to many readers",
            Axis::new("readers").logarithmic(),
            Axis::new("ns for each chunk and reader").logarithmic(),
        )?,
        plots::micro(
            micro,
            "codecs",
            "What compressing costs, and what it saves",
            Axis::new("stored, % of the JSON"),
            Axis::new("CPU ms for each MB").logarithmic(),
        )?,
    ];
    let section = Section::new("Within one process").text(
        "Loops of one thread, each by turns with its alternatives. Lines of codecs go through their levels.",
    );
    let section = figures
        .iter()
        .flatten()
        .fold(section, |section, figure| section.figure(figure));
    Ok(section.table(&tables::measures(micro)))
}

fn scenarios(report: &BenchReport) -> Section {
    Section::new("All scenarios")
        .text(
            "CPU is user and system time of the process from the call to its end; memory is the most that was resident over \
            what was before it; threads are those that were not there before it.",
        )
        .table(&tables::scenarios(&report.rows))
}
