use comparison_records::MicroReport;

use super::ratio::Ratio;
use super::stalled::Stalled;
use crate::targets::{OURS, key, label, later_over_patience, ratios};
use crate::{Design, Row, Size};

/// Measures of which nothing is demanded.
const MEASURES: [(&str, &str); 2] = [
    (
        "archive_gzip_over_buffered_production",
        "CPU of archiving by gzip over production's with a buffer of 64 KiB before its gzip",
    ),
    (
        "archive_zstd_over_buffered_production",
        "CPU of archiving by zstd over production's with a buffer of 64 KiB before its gzip",
    ),
];
/// Whose processor time is shown over whose, for 26 MB and 32 solvers.
const PAIRS: [(Design, Design); 6] = [
    (Design::Threaded, Design::SharedGzip),
    (Design::Threaded, Design::SharedZstd),
    (Design::ThreadedOneArchive, Design::OursGzip),
    (Design::ThreadedOneArchive, Design::OursZstd),
    (Design::ThreadedFirstRevision, Design::OursGzip),
    (Design::ThreadedFirstRevision, Design::OursZstd),
];

/// Figures that say how far targets can be reached, or what they were set by.
pub(super) fn informational(rows: &[Row], stalled: &[Stalled], micro: &MicroReport) -> Vec<Ratio> {
    let of_rows = PAIRS.into_iter().filter_map(|(of, over)| {
        let mut found = ratios(rows, of, over);
        let (_, ratio) = found.find(|(row, _)| row.is_of(Size::Large, 32))?;
        let name = format!("cpu_{}_over_{}_26_mb_32_solvers", key(of), key(over));
        let what = format!(
            "CPU of {} over {}, 26 MB, 32 solvers",
            label(of),
            label(over)
        );
        Some(Ratio::informational(&name, &what, ratio))
    });
    let of_micro = MEASURES.into_iter().filter_map(|(name, what)| {
        let mut measures = micro.measures.iter();
        let measure = measures.find(|measure| measure.name == name)?;
        Some(Ratio::informational(name, what, measure.value))
    });
    let most = |pick: fn(&Row) -> f64| {
        let ours = rows
            .iter()
            .filter(|row| OURS.contains(&row.scenario.design));
        ours.map(pick).max_by(f64::total_cmp)
    };
    let anywhere = [
        (
            "peak_mib_anywhere",
            "peak memory over the auction, of any size and any number of solvers, MiB",
            most(|row| row.peak_mib),
        ),
        (
            "productions_anywhere",
            "productions, of any size and any number of solvers",
            most(|row| row.productions),
        ),
        (
            "many_stalled_later_over_patience",
            "by how much several stalled solvers make the others later, of the patience for one",
            later_over_patience(stalled, 2..)
                .map(|(_, ratio)| ratio)
                .max_by(f64::total_cmp),
        ),
    ];
    let anywhere = anywhere
        .into_iter()
        .filter_map(|(name, what, found)| Some(Ratio::informational(name, what, found?)));
    of_rows.chain(anywhere).chain(of_micro).collect()
}
