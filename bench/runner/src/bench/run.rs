use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use comparison_records::MicroReport;

use super::bench_options::BenchOptions;
use super::bench_report::BenchReport;
use super::delay::Delay;
use super::floor::Floor;
use super::informational::informational;
use super::memory_curve::MemoryCurve;
use super::plan::Plan;
use super::ratio::Ratio;
use super::scenario_record::ScenarioRecord;
use super::stalled::Stalled;
use super::stalled_sample::StalledSample;
use super::turns::by_turns;
use crate::engines::Engines;
use crate::execution::Execution;
use crate::run::{check, measure};
use crate::targets::{of_micro, of_rows, of_stalled};
use crate::{Grid, Machine, Programs, Result, Row, Sample};

/// Measures everything. Says on standard error how far it is.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes. That a target is missed is no error.
pub fn bench(options: &BenchOptions, programs: &Programs, folder: &Path) -> Result<BenchReport> {
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
    let mut rows = Vec::new();
    for grid in &plan.grids {
        rows.extend(measure(grid, seed, programs)?);
    }
    let memory = memory(&plan.memory, seed, programs)?;
    let stalled = stalled(&plan, seed, programs)?;
    let delays = delays(&plan.delay, seed, programs)?;
    let micro = micro(options.quick, programs)?;
    machine.look_again()?;
    Ok(BenchReport {
        command: options.command(),
        date,
        seconds: began.elapsed().as_secs_f64(),
        machine,
        checked,
        scenarios: rows.iter().map(ScenarioRecord::from).collect(),
        floors: Floor::of(&rows, &micro),
        ratios: ratios(&rows, &stalled, &micro),
        memory,
        stalled,
        delays,
        micro,
        rows,
    })
}

fn ratios(rows: &[Row], stalled: &[Stalled], micro: &MicroReport) -> Vec<Ratio> {
    let targets = [of_rows(rows), of_stalled(stalled), of_micro(micro)];
    let targets = targets.into_iter().flatten().map(Ratio::from);
    targets.chain(informational(rows, stalled, micro)).collect()
}

/// What a program of loops finds, which says itself how far it is.
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

/// Of each design, the run whose peak is in the middle.
fn memory(grid: &Grid, seed: u64, programs: &Programs) -> Result<Vec<MemoryCurve>> {
    eprintln!("memory over time");
    let mut engines = Engines::start(&programs.path("engines"), grid.most_solvers())?;
    let curves = by_turns(
        grid,
        seed,
        programs,
        &mut engines,
        Execution::sampled,
        |design, ran| {
            Sample::new(ran.measurement.clone(), &ran.engines)?;
            Ok(MemoryCurve::new(design, ran))
        },
    )?;
    let middle = curves.into_iter().filter_map(|(_, mut curves)| {
        curves.sort_by(|a, b| a.peak_mib.total_cmp(&b.peak_mib));
        let middle = curves.len() / 2;
        curves.into_iter().nth(middle)
    });
    Ok(middle.collect())
}

fn stalled(plan: &Plan, seed: u64, programs: &Programs) -> Result<Vec<Stalled>> {
    let (grid, solvers) = (&plan.stalled, plan.stalled.most_solvers());
    let deadline_ms = plan.deadline.as_secs_f64() * 1e3;
    let mut found = Vec::new();
    for stalled in plan.stalls.iter().copied() {
        eprintln!("{stalled} of {solvers} solvers stalled");
        let mut engines = Engines::start_stalled(&programs.path("engines"), solvers, stalled)?;
        let samples = by_turns(
            grid,
            seed,
            programs,
            &mut engines,
            |execution| match stalled {
                0 => execution,
                _ => execution.stalled(plan.deadline),
            },
            |_, ran| StalledSample::new(&ran.measurement, &ran.engines, stalled, deadline_ms),
        )?;
        found.extend(samples.iter().map(|(design, samples)| {
            Stalled::of(*design, (solvers, stalled), deadline_ms, samples)
        }));
    }
    Ok(found)
}

fn delays(grid: &Grid, seed: u64, programs: &Programs) -> Result<Vec<Delay>> {
    eprintln!("lateness of timers");
    let mut engines = Engines::start(&programs.path("engines"), grid.most_solvers())?;
    let timers = by_turns(
        grid,
        seed,
        programs,
        &mut engines,
        Execution::ticking,
        |_, ran| {
            let sample = Sample::new(ran.measurement.clone(), &ran.engines)?;
            let timers = sample.measurement.timers;
            Ok(timers.ok_or("the program watched no timer")?)
        },
    )?;
    let delays = timers.into_iter();
    Ok(delays
        .filter_map(|(design, timers)| Delay::of(design, timers))
        .collect())
}
