//! The least that one auction can take.

use bench_records::MicroReport;
use serde::Serialize;

use crate::report::Row;
use crate::scenario::{Design, LARGE};

/// Where the targets with the most solvers are.
const SOLVERS: usize = 32;
/// The place of a codec's level among those that are measured, who uses it, and who does the least work with it.
const CODECS: [(usize, Design, Design); 2] = [
    (1, Design::OursGzip, Design::SharedGzip),
    (0, Design::OursZstd, Design::SharedZstd),
];

/// The least processor time that one auction of 26 MB to 32 solvers and an archive can take, in parts, and what it does take.
/// All in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Floor {
    /// How the archive is compressed.
    pub(crate) codec: String,
    /// One serialisation, in a loop that does nothing else.
    pub(crate) serialise_ms: f64,
    /// One compression, in a loop that does nothing else.
    pub(crate) compress_ms: f64,
    /// The copies into the sockets: what more solvers cost the design that has all in memory.
    pub(crate) copies_ms: f64,
    /// The design that has all in memory, as a whole.
    pub(crate) shared_ms: f64,
    /// This project, as a whole.
    pub(crate) ours_ms: f64,
}

impl Floor {
    /// Of each codec of which all parts were measured.
    pub(crate) fn of(rows: &[Row], micro: &MicroReport) -> Vec<Self> {
        let found = CODECS.into_iter().filter_map(|(level, ours, least)| {
            let codec = ours.codec();
            let cpu = |design, solvers| {
                let mut rows = rows.iter();
                rows.find(|row| row.scenario.design == design && row.is_of(LARGE, solvers))
            };
            let (many, one) = (cpu(least, SOLVERS)?, cpu(least, 1)?);
            let megabytes = many.size_bytes as f64 / 1e6;
            let about = 0.9 * megabytes..1.1 * megabytes;
            let each = (many.cpu_ms.median - one.cpu_ms.median) / (SOLVERS - 1) as f64;
            Some(Self {
                codec: codec.to_owned(),
                serialise_ms: 1e3 * megabytes / micro.serializer_speed(about)?,
                compress_ms: megabytes * cost(micro, codec, level)?,
                copies_ms: each * SOLVERS as f64,
                shared_ms: many.cpu_ms.median,
                ours_ms: cpu(ours, SOLVERS)?.cpu_ms.median,
            })
        });
        found.collect()
    }

    /// The parts together.
    pub(crate) fn least_ms(&self) -> f64 {
        self.serialise_ms + self.compress_ms + self.copies_ms
    }
}

/// Milliseconds that a megabyte takes to compress.
fn cost(micro: &MicroReport, codec: &str, level: usize) -> Option<f64> {
    let curve = micro.plot("codecs").find(|curve| curve.name == codec)?;
    curve.points.get(level).map(|(_, cost)| *cost)
}

#[cfg(test)]
mod tests {
    use bench_records::Curve;

    use super::*;
    use crate::report::tests::large;

    fn row(design: Design, solvers: usize, cpu_ms: f64) -> Row {
        Row {
            size_bytes: 26_000_000,
            ..large(design, solvers, cpu_ms)
        }
    }

    fn curve(plot: &str, name: &str, points: &[(f64, f64)]) -> Curve {
        Curve {
            plot: plot.to_owned(),
            name: name.to_owned(),
            points: points.to_vec(),
        }
    }

    #[test]
    fn is_the_sum_of_what_cannot_be_left_out() {
        let rows = [
            row(Design::SharedZstd, 1, 69.0),
            row(Design::SharedZstd, 32, 100.0),
            row(Design::OursZstd, 32, 110.0),
        ];
        let micro = MicroReport {
            measures: Vec::new(),
            curves: vec![
                curve("serializer", "chunked-writer (64 KiB)", &[(26.2, 1_000.0)]),
                curve("codecs", "zstd", &[(20.0, 2.0), (19.0, 3.0)]),
            ],
        };
        let found = Floor::of(&rows, &micro);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].codec, "zstd");
        assert!((found[0].least_ms() - (26.0 + 52.0 + 32.0)).abs() < 1e-9);
        assert_eq!(Floor::of(&rows, &MicroReport::default()), []);
    }
}
