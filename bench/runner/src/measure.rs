//! Everything that is measured, in its order.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use bench_records::MicroReport;

use crate::check::check;
use crate::engines::Engines;
use crate::execution::{Executed, Execution};
use crate::floor::Floor;
use crate::machine::Machine;
use crate::programs::Programs;
use crate::report::{Delay, MemoryCurve, Report, Row, Stalled};
use crate::sample::{Sample, StalledSample};
use crate::scenario::{Grid, Plan, Scenario};
use crate::{Options, Result, targets};

/// Measures everything. Says on standard error how far it is.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes. That a target is missed is no error.
pub(crate) fn measure(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let began = Instant::now();
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let plan = if options.quick {
        Plan::quick()
    } else {
        Plan::full()
    };
    let seed = options.seed;
    let mut machine = Machine::look()?;
    let mut checked = 0;
    for grid in &plan.checks {
        checked += check(grid, seed, programs, folder)?;
    }
    let plain = Execution {
        seed,
        ..Execution::default()
    };
    let mut scenarios = Vec::new();
    for grid in &plan.grids {
        let mut engines = Engines::start(programs, grid.most_solvers(), &[])?;
        let taken = by_turns(grid, programs, &mut engines, &plain, Sample::new)?;
        scenarios.extend(
            taken
                .iter()
                .map(|(scenario, samples)| Row::new(*scenario, samples)),
        );
    }
    let memory = memory(&plan.memory, programs, &plain)?;
    let stalled = stalled(&plan, programs, &plain)?;
    let delays = delays(&plan.delay, programs, &plain)?;
    let micro = micro(options.quick, programs)?;
    machine.look_again()?;
    Ok(Report {
        command: options.command(),
        date,
        seconds: began.elapsed().as_secs_f64(),
        machine,
        checked,
        ratios: targets::ratios(&scenarios, &stalled, &micro),
        floors: Floor::of(&scenarios, &micro),
        scenarios,
        memory,
        stalled,
        delays,
        micro,
    })
}

/// Runs the grid's designs by turns, and takes from each run what `take` wants, in the order of the turns.
///
/// # Errors
/// When a program fails, or `take` refuses a run.
fn by_turns<T>(
    grid: &Grid,
    programs: &Programs,
    engines: &mut Engines,
    execution: &Execution<'_>,
    take: impl Fn(Executed) -> Result<T>,
) -> Result<Vec<(Scenario, Vec<T>)>> {
    let mut all = Vec::new();
    for group in grid.groups() {
        let each = group.into_iter();
        let mut taken: Vec<(Scenario, Vec<T>)> = each.map(|each| (each, Vec::new())).collect();
        for turn in 1..=grid.runs {
            for (scenario, taken) in &mut taken {
                let (size, solvers) = (scenario.auction, scenario.solvers);
                let design = scenario.design.label();
                eprintln!(
                    "{size} auction, {solvers} solvers, turn {turn} of {}: {design}",
                    grid.runs
                );
                let found = execution.run(*scenario, programs, engines).and_then(&take);
                taken.push(found.map_err(|error| format!("{scenario:?}: {error}"))?);
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
        .map_err(|error| format!("cannot start the program of loops: {error}"))?;
    if !output.status.success() {
        return Err("the program of loops failed".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn memory(grid: &Grid, programs: &Programs, plain: &Execution<'_>) -> Result<Vec<MemoryCurve>> {
    eprintln!("memory over time");
    let mut engines = Engines::start(programs, grid.most_solvers(), &[])?;
    let execution = Execution {
        is_sampled: true,
        ..plain.clone()
    };
    let taken = by_turns(grid, programs, &mut engines, &execution, Sample::new)?;
    let curves = taken.iter().filter_map(|(scenario, samples)| {
        let curves = samples
            .iter()
            .map(|sample| MemoryCurve::new(scenario.design, sample));
        MemoryCurve::middle(curves.collect())
    });
    Ok(curves.collect())
}

fn stalled(plan: &Plan, programs: &Programs, plain: &Execution<'_>) -> Result<Vec<Stalled>> {
    let (grid, solvers) = (&plan.stalled, plan.stalled.most_solvers());
    let deadline_ms = plan.deadline_ms as f64;
    let mut found = Vec::new();
    for stalled in plan.stalls.iter().copied() {
        eprintln!("{stalled} of {solvers} solvers stalled");
        let arguments = ["--stalled", &stalled.to_string()];
        let mut engines = Engines::start(programs, solvers, &arguments)?;
        let execution = Execution {
            deadline_ms: (stalled > 0).then_some(plan.deadline_ms),
            ..plain.clone()
        };
        let take = |ran| StalledSample::new(&ran, stalled, deadline_ms);
        let taken = by_turns(grid, programs, &mut engines, &execution, take)?;
        found.extend(taken.iter().map(|(scenario, samples)| {
            Stalled::of(scenario.design, (solvers, stalled), deadline_ms, samples)
        }));
    }
    Ok(found)
}

fn delays(grid: &Grid, programs: &Programs, plain: &Execution<'_>) -> Result<Vec<Delay>> {
    eprintln!("lateness of timers");
    let mut engines = Engines::start(programs, grid.most_solvers(), &[])?;
    let execution = Execution {
        is_ticking: true,
        ..plain.clone()
    };
    let take = |ran| {
        let timers = Sample::new(ran)?.measurement.timers;
        Ok(timers.ok_or("the program watched no timer")?)
    };
    let taken = by_turns(grid, programs, &mut engines, &execution, take)?;
    let delays = taken.into_iter();
    Ok(delays
        .filter_map(|(scenario, timers)| Delay::middle(scenario.design, timers))
        .collect())
}
