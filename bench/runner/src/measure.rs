//! Everything that is measured, in its order.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use bench_records::MicroReport;

use crate::check::check;
use crate::engines::Engines;
use crate::execution::Execution;
use crate::floor::Floor;
use crate::machine::Machine;
use crate::programs::Programs;
use crate::report::{Delay, MemoryCurve, Report, Row, Stalled};
use crate::sample::Sample;
use crate::scenario::{Grid, Plan, Scenario};
use crate::{Options, Result, targets};

/// Measures everything. Says on standard error how far it is.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes. That a target is missed is no error.
pub(crate) fn measure(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let began = Instant::now();
    let given = std::env::args().skip(1);
    let command: Vec<String> = ["cargo xtask bench".to_owned()]
        .into_iter()
        .chain(given)
        .collect();
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
        let taken = by_turns(grid, programs, &plain)?;
        scenarios.extend(
            taken
                .iter()
                .map(|(scenario, runs)| Row::new(*scenario, runs)),
        );
    }
    eprintln!("memory over time");
    let sampled = Execution {
        is_sampled: true,
        ..plain.clone()
    };
    let memory = by_turns(&plan.memory, programs, &sampled)?.into_iter();
    let memory = memory.filter_map(|(scenario, runs)| MemoryCurve::middle(scenario.design, runs));
    let memory = memory.collect();
    let mut stalled = Vec::new();
    for number in plan.stalls {
        eprintln!("{number} solvers stalled");
        let execution = Execution {
            stalled: number,
            deadline_ms: plan.deadline_ms,
            ..plain.clone()
        };
        let taken = by_turns(&plan.stalled, programs, &execution)?;
        let taken = taken.iter();
        stalled.extend(taken.map(|(scenario, runs)| Stalled::new(*scenario, &execution, runs)));
    }
    eprintln!("lateness of timers");
    let ticking = Execution {
        is_ticking: true,
        ..plain
    };
    let delays = by_turns(&plan.delay, programs, &ticking)?.into_iter();
    let delays = delays.filter_map(|(scenario, runs)| Delay::middle(scenario.design, &runs));
    let delays = delays.collect();
    let micro = micro(options.quick, programs)?;
    machine.look_again()?;
    Ok(Report {
        command: command.join(" "),
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

/// Runs the grid's designs by turns, and returns the runs of each scenario.
///
/// # Errors
/// When a program fails, or a run was not what it should be.
fn by_turns(
    grid: &Grid,
    programs: &Programs,
    execution: &Execution<'_>,
) -> Result<Vec<(Scenario, Vec<Sample>)>> {
    let stalled = execution.stalled.to_string();
    let mut engines = Engines::start(programs, grid.most_solvers(), &["--stalled", &stalled])?;
    let mut all = Vec::new();
    for group in grid.groups() {
        let each = group.into_iter();
        let mut taken: Vec<_> = each.map(|scenario| (scenario, Vec::new())).collect();
        for turn in 1..=grid.runs {
            for (scenario, taken) in &mut taken {
                eprintln!("{scenario}, turn {turn} of {}", grid.runs);
                let ran = execution.run(*scenario, programs, &mut engines);
                let sample = ran.and_then(|ran| Sample::new(ran, execution));
                taken.push(sample.map_err(|error| format!("{scenario}: {error}"))?);
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
