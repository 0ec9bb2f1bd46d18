use std::path::Path;

use crate::check::Expected;
use crate::engines::Engines;
use crate::execution::Execution;
use crate::targets::of_rows;
use crate::{
    Design, Grid, Machine, Options, Programs, Report, Result, Row, Sample, Scenario, Size,
};

/// Checks every design in every scenario, then runs them by turns.
///
/// Says on standard error how far it is. `folder` is where a checked archive is put for a while.
///
/// # Errors
/// When a program fails, or a design delivers or archives wrong bytes.
pub fn run(options: &Options, programs: &Programs, folder: &Path) -> Result<Report> {
    let mut machine = Machine::look()?;
    let grid = Grid::from(options);
    let mut checked = 0;
    if !options.unchecked {
        checked = check(&grid, options.seed, programs, folder)?;
    }
    let rows = measure(&grid, options.seed, programs)?;
    machine.look_again()?;
    Ok(Report {
        machine,
        runs: options.runs,
        checked,
        targets: of_rows(&rows),
        rows,
    })
}

/// Runs the grid's designs by turns.
pub(crate) fn measure(grid: &Grid, seed: u64, programs: &Programs) -> Result<Vec<Row>> {
    let mut engines = Engines::start(&programs.path("engines"), grid.most_solvers())?;
    let mut rows = Vec::new();
    for (auction, solvers) in each(grid) {
        let scenario = |design| Scenario {
            auction,
            solvers,
            design,
        };
        let mut samples = vec![Vec::new(); grid.designs.len()];
        for turn in 1..=grid.runs {
            let (size, runs) = (auction.name(), grid.runs);
            eprintln!("{size} auction, {solvers} solvers: turn {turn} of {runs}");
            for (design, samples) in grid.designs.iter().zip(&mut samples) {
                let scenario = scenario(*design);
                let ran = Execution::new(scenario, seed).run(programs, &mut engines)?;
                let sample = Sample::new(ran.measurement, &ran.engines);
                samples.push(sample.map_err(|error| format!("{scenario:?}: {error}"))?);
            }
        }
        for (design, samples) in grid.designs.iter().zip(samples) {
            rows.push(Row::new(scenario(*design), samples));
        }
    }
    Ok(rows)
}

/// Runs every design once in each scenario, with engines that hash, and says how many runs that were.
pub(crate) fn check(grid: &Grid, seed: u64, programs: &Programs, folder: &Path) -> Result<usize> {
    let mut engines = Engines::start_hashing(&programs.path("engines"), grid.most_solvers())?;
    let archive = folder.join("archive");
    let mut checked = 0;
    let mut expected = None;
    for (auction, solvers) in each(grid) {
        let expected = match &mut expected {
            Some((known, expected)) if *known == auction => expected,
            other => &mut other.insert((auction, Expected::of(auction, seed)?)).1,
        };
        eprintln!("{} auction, {solvers} solvers: checking", auction.name());
        for design in &grid.designs {
            let scenario = Scenario {
                auction,
                solvers,
                design: *design,
            };
            let ran = Execution::new(scenario, seed)
                .keep(&archive)
                .run(programs, &mut engines)?;
            expected
                .check_engines(solvers, &ran.engines.requests)
                .and_then(|()| expected.check_archive(*design, &archive))
                .map_err(|error| format!("{scenario:?}: {error}"))?;
            std::fs::remove_file(&archive)?;
            checked += 1;
        }
    }
    Ok(checked)
}

/// Every size with every number of engines.
fn each(grid: &Grid) -> impl Iterator<Item = (Size, usize)> {
    grid.auctions.iter().flat_map(|auction| {
        let solvers = grid.solvers.iter();
        solvers.map(|solvers| (*auction, *solvers))
    })
}

/// Every scenario of one design.
pub(crate) fn scenarios(grid: &Grid, design: Design) -> impl Iterator<Item = Scenario> {
    each(grid).map(move |(auction, solvers)| Scenario {
        auction,
        solvers,
        design,
    })
}
