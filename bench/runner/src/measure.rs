//! Everything that is measured, in its order.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use bench_records::MicroReport;

use crate::check::check;
use crate::engines::Engines;
use crate::execution::Execution;
use crate::floor::Floor;
use crate::machine::{Machine, load_average};
use crate::programs::Programs;
use crate::report::{Delay, MemoryCurve, Report, Row, Uneven};
use crate::sample::Sample;
use crate::scenario::{Design, Grid, Scenario, Workload};
use crate::{Options, service, targets};

/// Measures everything. Says on standard error how far it is.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes. That a target is missed is no error.
pub(crate) fn measure(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let began = Instant::now();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let workload = if options.quick {
        Workload::quick()
    } else {
        Workload::full()
    };
    let seed = options.seed;
    let load_before = load_average()?;
    let checks = workload.checks.iter();
    let checks = checks.map(|grid| check(grid, seed, programs, folder));
    let checked = checks.sum::<Result<usize>>()?;
    let plain = Execution {
        seed,
        deadline_ms: workload.deadline_ms,
        ..Execution::default()
    };
    let mut scenarios = Vec::new();
    for grid in &workload.grids {
        let taken = by_turns(grid, programs, &plain)?;
        scenarios.extend(taken.iter().map(|(one, runs)| Row::new(*one, runs)));
    }
    eprintln!("memory over time");
    let sampled = Execution {
        is_sampled: true,
        ..plain.clone()
    };
    let mut memory = Vec::new();
    for (scenario, runs) in by_turns(&workload.memory, programs, &sampled)? {
        memory.extend(MemoryCurve::middle(scenario.design, runs));
    }
    let mut uneven = Vec::new();
    for grid in &workload.uneven {
        uneven.extend(Uneven::all(&by_turns(grid, programs, &plain)?));
    }
    eprintln!("lateness of timers");
    let ticking = Execution {
        is_ticking: true,
        ..plain
    };
    let mut delays = Vec::new();
    for (scenario, runs) in by_turns(&workload.delay, programs, &ticking)? {
        delays.extend(Delay::middle(scenario.design, &runs));
    }
    let service = service::measure(workload.service, seed, programs)?;
    let micro = micro(options.quick, programs)?;
    Ok(Report {
        command: format!("cargo xtask bench {}", command.join(" ")),
        date,
        seconds: began.elapsed().as_secs_f64(),
        machine: Machine::look(load_before)?,
        checked,
        ratios: targets::ratios(&scenarios, &uneven, &service, &micro)?,
        floors: Floor::of(&scenarios, &micro),
        scenarios,
        memory,
        uneven,
        delays,
        service,
        micro,
    })
}

/// Runs the grid's designs by turns, and returns the runs of each scenario.
///
/// # Errors
/// When a program fails, or a run was not what it should be.
fn by_turns(
    grid: &Grid,
    programs: &Programs,
    execution: &Execution<'_>,
) -> Result<Vec<(Scenario, Vec<Sample>)>> {
    let rates = grid.rates.iter().map(|rate| format!("--rates={rate}"));
    let rates: Vec<String> = rates.collect();
    let mut engines = Engines::start(programs, grid.most_solvers(), &rates)?;
    let mut all = Vec::new();
    for group in grid.groups() {
        let each = group.into_iter();
        let mut taken: Vec<_> = each.map(|scenario| (scenario, Vec::new())).collect();
        for turn in 1..=grid.runs {
            // What takes seconds differs little from turn to turn.
            let is_due = |scenario: &Scenario| turn <= 3 || scenario.design != Design::Threaded;
            for (scenario, taken) in taken.iter_mut().filter(|(one, _)| is_due(one)) {
                eprintln!("{scenario}, turn {turn} of {}", grid.runs);
                let ran = execution.run(*scenario, programs, &mut engines);
                let sample = ran.and_then(|ran| Sample::new(ran, scenario, execution));
                taken.push(sample.with_context(|| scenario.to_string())?);
            }
        }
        all.extend(taken);
    }
    Ok(all)
}

/// Runs the program of loops, which says itself how far it is.
fn micro(is_quick: bool, programs: &Programs) -> Result<MicroReport> {
    let output = Command::new(programs.path("micro"))
        .args(is_quick.then_some("--quick"))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the program of loops")?;
    ensure!(output.status.success(), "the program of loops failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}
