use crate::engines::Engines;
use crate::execution::{Executed, Execution};
use crate::run::scenarios;
use crate::{Design, Grid, Programs, Result};

/// Runs the grid's designs by turns, each run as `prepare` wants it, and takes from it what `take` wants. The designs are in
/// the order of the grid, and what was taken in that of the turns.
///
/// # Errors
/// When a program fails, or `take` refuses a run.
pub(super) fn by_turns<T>(
    grid: &Grid,
    seed: u64,
    programs: &Programs,
    engines: &mut Engines,
    prepare: impl Fn(Execution<'static>) -> Execution<'static>,
    take: impl Fn(Design, &Executed) -> Result<T>,
) -> Result<Vec<(Design, Vec<T>)>> {
    let designs = grid.designs.iter();
    let mut taken: Vec<(Design, Vec<T>)> = designs.map(|design| (*design, Vec::new())).collect();
    for _turn in 0..grid.runs {
        for (design, taken) in &mut taken {
            for scenario in scenarios(grid, *design) {
                let ran = prepare(Execution::new(scenario, seed)).run(programs, engines)?;
                let found = take(*design, &ran);
                taken.push(found.map_err(|error| format!("{scenario:?}: {error}"))?);
            }
        }
    }
    Ok(taken)
}
