use std::path::Path;
use std::process::{Command, Stdio};

use comparison_records::{EngineReport, Measurement};

use crate::check::Expected;
use crate::engines::Engines;
use crate::target::targets;
use crate::{Machine, Options, Programs, Report, Result, Row, Sample, Scenario, Size};

/// Checks every design in every scenario, then runs them by turns.
///
/// Says on standard error how far it is. `folder` is where a checked archive is put for a while.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes.
pub fn run(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let mut machine = Machine::look()?;
    let mut checked = 0;
    if !options.unchecked {
        for size in &options.auctions {
            checked += check(options, *size, programs, folder)?;
        }
    }
    let most = options.solvers.iter().copied().max().unwrap_or_default();
    let mut engines = Engines::start(&programs.path("engines"), most, false)?;
    let mut rows = Vec::new();
    for auction in &options.auctions {
        for solvers in &options.solvers {
            let mut samples = vec![Vec::new(); options.designs.len()];
            for turn in 1..=options.runs {
                let (size, runs) = (auction.name(), options.runs);
                eprintln!("{size} auction, {solvers} solvers: turn {turn} of {runs}");
                for (design, samples) in options.designs.iter().zip(&mut samples) {
                    let scenario = scenario(*auction, *solvers, *design);
                    let ran = execute(scenario, options.seed, programs, &mut engines, None)
                        .and_then(|(measurement, report)| Sample::new(measurement, &report));
                    samples.push(ran.map_err(|error| format!("{scenario:?}: {error}"))?);
                }
            }
            for (design, samples) in options.designs.iter().zip(samples) {
                rows.push(Row::new(scenario(*auction, *solvers, *design), samples));
            }
        }
    }
    machine.look_again()?;
    Ok(Report {
        machine,
        runs: options.runs,
        checked,
        targets: targets(&rows),
        rows,
    })
}

/// Runs every design once for each number of solvers, with engines that hash, and says how many runs that were.
fn check(options: &Options, size: Size, programs: &Programs, folder: &Path) -> Result<usize> {
    eprintln!("{} auction: checking", size.name());
    let expected = Expected::of(size, options.seed)?;
    let most = options.solvers.iter().copied().max().unwrap_or_default();
    let mut engines = Engines::start(&programs.path("engines"), most, true)?;
    let archive = folder.join("archive");
    let mut checked = 0;
    for solvers in &options.solvers {
        for design in &options.designs {
            let scenario = scenario(size, *solvers, *design);
            execute(
                scenario,
                options.seed,
                programs,
                &mut engines,
                Some(&archive),
            )
            .and_then(|(_, report)| expected.check_engines(*solvers, &report.requests))
            .and_then(|()| expected.check_archive(*design, &archive))
            .map_err(|error| format!("{scenario:?}: {error}"))?;
            std::fs::remove_file(&archive)?;
            checked += 1;
        }
    }
    Ok(checked)
}

fn scenario(auction: Size, solvers: usize, design: crate::Design) -> Scenario {
    Scenario {
        auction,
        solvers,
        design,
    }
}

fn execute(
    scenario: Scenario,
    seed: u64,
    programs: &Programs,
    engines: &mut Engines,
    keep: Option<&Path>,
) -> Result<(Measurement, EngineReport)> {
    let mut command = Command::new(programs.path(scenario.design.program()));
    command
        .args(["--design", scenario.design.name()])
        .args(["--codec", scenario.design.codec()])
        .args(["--auction", scenario.auction.name()])
        .args(["--seed", &seed.to_string()])
        .args(["--engines", &engines.first(scenario.solvers)])
        .stderr(Stdio::inherit());
    if let Some(path) = keep {
        command.arg("--keep").arg(path);
    }
    let output = command
        .output()
        .map_err(|error| format!("cannot start the program: {error}"))?;
    let report = engines.report()?;
    if !output.status.success() {
        return Err("the program failed".into());
    }
    Ok((serde_json::from_slice(&output.stdout)?, report))
}
