//! Everything that is measured, in its order.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use bench_records::Measure;

use crate::check::check;
use crate::engines::Engines;
use crate::programs::Programs;
use crate::report::{Failed, Machine, Report, load_average};
use crate::rows::{Row, Table, compare};
use crate::sample::Sample;
use crate::scenario::{Grid, Scenario, sections};
use crate::{Options, floor, service, targets};

/// What takes longer than this runs twice at most: it differs little from turn to turn.
const LONG_MS: f64 = 1_500.0;

/// Measures everything. Reports its progress on standard error. What fails is not measured, and the report says why.
///
/// # Errors
/// When there is no list of targets, or this machine does not say what it is.
pub(crate) fn measure(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let began = Instant::now();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut sections = sections(options.quick);
    sections.retain(|_| !options.service);
    let load_before = load_average()?;
    let (mut failed, mut checked) = (Failed::default(), 0);
    let grids = sections.iter().flat_map(|section| &section.grid);
    for grid in grids.filter(|grid| grid.check) {
        checked += failed.note("the check", check(grid, programs, folder));
    }
    let mut tables = Vec::new();
    for section in sections {
        let mut rows = Vec::new();
        for grid in &section.grid {
            let measured = by_turns(grid, programs, &mut failed);
            rows.extend(failed.note(&section.title, measured));
        }
        compare(&mut rows);
        rows.sort_by_key(|row| (row.size_bytes, row.scenario.solvers));
        tables.push(Table { section, rows });
    }
    let mut measures = failed.note("the loops", micro(options, programs));
    let rows: Vec<_> = tables.iter().flat_map(|table| &table.rows).collect();
    let floor = floor::measures(&rows, &measures);
    measures.extend(floor);
    let service = service::measure(options.quick, programs, &mut failed);
    measures.extend(failed.note("the service", service));
    Ok(Report {
        command: format!("cargo xtask bench {}", command.join(" ")),
        date,
        seconds: began.elapsed().as_secs_f64(),
        machine: Machine::look(load_before)?,
        checked,
        failed,
        ratios: targets::ratios(&rows, &measures)?,
        tables,
        measures,
    })
}

/// Runs the grid's designs by turns. A run that fails is made once more; then its scenario is left out.
///
/// # Errors
/// When engines do not start.
fn by_turns(grid: &Grid, programs: &Programs, failed: &mut Failed) -> Result<Vec<Row>> {
    let start = || Engines::start(programs, grid.most_solvers(), &grid.conditions, false);
    let mut engines = start()?;
    let mut run = |scenario: &Scenario| {
        let mut once = || {
            let ran = engines.run(programs, scenario, &[]);
            let sample = ran.and_then(|ran| Sample::new(ran, scenario));
            if sample.is_err() {
                // These may still be sent a part of it.
                engines = start()?;
            }
            sample
        };
        once().or_else(|error| {
            eprintln!("{scenario}, once more: {error:#}");
            once()
        })
    };
    let mut rows = Vec::new();
    for group in grid.groups() {
        let each = group.into_iter();
        let mut taken: Vec<_> = each.map(|one| (one, Vec::new(), Vec::new())).collect();
        for turn in 1..=grid.runs {
            taken.retain_mut(|(scenario, samples, alone)| {
                let is_long = |sample: &Sample| sample.measurement.wall_ms > LONG_MS;
                if turn > 2 && !scenario.gives_up() && samples.iter().all(is_long) {
                    return true;
                }
                eprintln!("{scenario}, turn {turn} of {}", grid.runs);
                let sample = run(scenario);
                // Next to it, since it is compared with it.
                let beside = scenario.alone().map(|alone| run(&alone)).transpose();
                let both = sample.and_then(|sample| Ok(Some((sample, beside?))));
                let both = failed.note(&scenario.to_string(), both);
                let Some((sample, beside)) = both else {
                    return false;
                };
                samples.push(sample);
                alone.extend(beside);
                true
            });
        }
        let taken = taken.into_iter();
        rows.extend(taken.map(|(scenario, samples, alone)| Row::new(scenario, &samples, &alone)));
    }
    Ok(rows)
}

/// Runs the program of loops, which reports its own progress.
fn micro(options: &Options, programs: &Programs) -> Result<Vec<Measure>> {
    if options.service {
        return Ok(Vec::new());
    }
    let output = Command::new(programs.path("bench-micro"))
        .args(options.quick.then_some("--quick"))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the program of loops")?;
    ensure!(output.status.success(), "the program of loops failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}
