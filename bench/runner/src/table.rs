use std::fmt::Write as _;

use crate::targets::label;
use crate::{Report, Verdict};

/// The report as Markdown: one table of what was measured, one of what was wanted.
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    write_to(report, &mut text).map_or_else(|_infallible| String::new(), |()| text)
}

fn write_to(report: &Report, text: &mut String) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(
        text,
        "{}, {} cores, Linux {}; load average {:.1} before and {:.1} after; medians of {} runs; {} scenarios checked.\n",
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.load_average[0],
        machine.load_average[1],
        report.runs,
        report.checked,
    )?;
    writeln!(
        text,
        "| auction | solvers | design | CPU ms (least) | engines' CPU ms | peak MiB | extra threads | first byte ms: first, middle, last solver (least of the last) | wall ms | productions | archives |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for row in &report.rows {
        writeln!(
            text,
            "| {:.1} MB | {} | {} | {:.0} ({:.0}) | {:.0} | {:.1} | {} | {:.1}, {:.1}, {:.1} ({:.1}) | {:.0} | {:.2} | {} x {:.2} MB |",
            row.auction_bytes as f64 / 1e6,
            row.scenario.solvers,
            label(row.scenario.design),
            row.cpu_ms,
            row.cpu_least_ms,
            row.engines_cpu_ms,
            row.peak_mib,
            row.extra_threads,
            row.first_byte_earliest_ms,
            row.first_byte_median_ms,
            row.first_byte_latest_ms,
            row.first_byte_latest_least_ms,
            row.wall_ms,
            row.productions,
            row.archives,
            row.archive_bytes as f64 / 1e6,
        )?;
    }
    writeln!(
        text,
        "\n| wanted | found | | where it is worst |\n|---|---|---|---|"
    )?;
    for target in &report.targets {
        let found = target.found.map(|found| format!("{found:.2}"));
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            target.what,
            found.unwrap_or_default(),
            match target.verdict {
                Verdict::Met => "met",
                Verdict::Missed => "**missed**",
                Verdict::NotMeasured => "not measured",
            },
            target.worst_in.as_deref().unwrap_or_default(),
        )?;
    }
    Ok(())
}
