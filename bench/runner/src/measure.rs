//! Everything that is measured, in its order.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use bench_records::Measure;

use crate::check::check;
use crate::engines::Engines;
use crate::machine::{Machine, load_average};
use crate::programs::Programs;
use crate::report::{Report, Row, Table, compare};
use crate::sample::Sample;
use crate::scenario::{Grid, Scenario, sections};
use crate::{Options, floor, service, targets};

/// What takes longer than this runs twice at most: it differs little from turn to turn.
const LONG_MS: f64 = 1_500.0;

/// Measures everything. Reports its progress on standard error.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes. That a target is missed is no error.
pub(crate) fn measure(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let began = Instant::now();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut sections = sections(options.quick)?;
    sections.retain(|_| !options.service);
    let load_before = load_average()?;
    let grids = sections.iter().flat_map(|section| &section.grid);
    let checks = grids.filter(|grid| grid.check);
    let checks = checks.map(|grid| check(grid, programs, folder));
    let checked = checks.sum::<Result<usize>>()?;
    let mut tables = Vec::new();
    for section in sections {
        let mut rows = Vec::new();
        for grid in &section.grid {
            rows.extend(by_turns(grid, programs)?);
        }
        compare(&mut rows);
        rows.sort_by_key(|row| (row.size_bytes, row.scenario.solvers));
        tables.push(Table { section, rows });
    }
    let mut measures = micro(options, programs)?;
    let rows: Vec<_> = tables.iter().flat_map(|table| &table.rows).collect();
    let floor = floor::measures(&rows, &measures);
    measures.extend(floor);
    measures.extend(service::measure(options.quick, programs)?);
    Ok(Report {
        command: format!("cargo xtask bench {}", command.join(" ")),
        date,
        seconds: began.elapsed().as_secs_f64(),
        machine: Machine::look(load_before)?,
        checked,
        ratios: targets::ratios(&rows, &measures)?,
        tables,
        measures,
    })
}

/// Runs the grid's designs by turns.
///
/// # Errors
/// When a program fails, or a run was not what it should be.
fn by_turns(grid: &Grid, programs: &Programs) -> Result<Vec<Row>> {
    let mut engines = Engines::start(programs, grid.most_solvers(), &grid.conditions, false)?;
    let mut run = |scenario: &Scenario| {
        let ran = engines.run(programs, scenario, &[]);
        let sample = ran.and_then(|ran| Sample::new(ran, scenario));
        sample.with_context(|| scenario.to_string())
    };
    let mut rows = Vec::new();
    for group in grid.groups() {
        let each = group.into_iter();
        let mut taken: Vec<_> = each.map(|one| (one, Vec::new(), Vec::new())).collect();
        for turn in 1..=grid.runs {
            for (scenario, samples, alone) in &mut taken {
                let is_long = |sample: &Sample| sample.measurement.wall_ms > LONG_MS;
                if turn > 2 && !scenario.gives_up() && samples.iter().all(is_long) {
                    continue;
                }
                eprintln!("{scenario}, turn {turn} of {}", grid.runs);
                samples.push(run(scenario)?);
                // Next to it, since it is compared with it.
                alone.extend(scenario.alone().map(|alone| run(&alone)).transpose()?);
            }
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
    let output = Command::new(programs.path("micro"))
        .args(options.quick.then_some("--quick"))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the program of loops")?;
    ensure!(output.status.success(), "the program of loops failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}
