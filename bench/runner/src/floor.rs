//! The least processor time that one auction of 26 MB to 32 solvers and an archive can take: one serialisation, one
//! compression, and the copies into the sockets. The first two are loops that do nothing else; the third is what more
//! solvers cost the design that has all in memory.

use bench_records::{Measure, Spread};

use crate::report::Row;

const SOLVERS: usize = 32;

/// For each codec of which all parts were measured, the parts, the floor and this project over it.
pub(crate) fn measures(rows: &[&Row], measures: &[Measure]) -> Vec<Measure> {
    let found = ["gzip", "zstd"].into_iter().filter_map(|codec| {
        let row = |design: &str, solvers| {
            let design = format!("{design} ({codec})");
            rows.iter().find(|row| {
                let scenario = &row.scenario;
                let is_size = (scenario.auction.as_str(), scenario.solvers) == ("large", solvers);
                scenario.is_plain() && is_size && scenario.design.label == design
            })
        };
        let cpu_ms = |row: &Row| row.median("cpu_ms");
        let of = |name: &str| {
            let found = measures.iter().find(|measure| measure.name == name);
            found.map(|measure| measure.rounds.median)
        };
        let (many, one) = (row("shared", SOLVERS)?, row("shared", 1)?);
        let megabytes = many.size_bytes as f64 / 1e6;
        let each = (cpu_ms(many) - cpu_ms(one)) / (SOLVERS - 1) as f64;
        let parts = [
            megabytes * of("serialize_ms_per_mb_26_mb")?,
            megabytes * of(&format!("compress_{codec}_ms_per_mb"))?,
            each * SOLVERS as f64,
        ];
        let floor = parts.iter().sum::<f64>();
        let over = cpu_ms(row("ours", SOLVERS)?) / floor;
        let [serialise, compress, copies] = parts;
        let named = [
            (format!("floor_{codec}_serialise_ms"), serialise),
            (format!("floor_{codec}_compress_ms"), compress),
            (format!("floor_{codec}_copies_ms"), copies),
            (format!("floor_{codec}_ms"), floor),
            (
                format!("cpu_ours_{codec}_over_floor_26_mb_32_solvers"),
                over,
            ),
        ];
        Some(named.map(|(name, value)| Measure {
            name,
            rounds: Spread::of([value]),
        }))
    });
    found.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::large;

    #[test]
    fn is_the_sum_of_what_cannot_be_left_out() {
        let row = |design, solvers, cpu_ms| Row {
            size_bytes: 26_000_000,
            ..large(design, solvers, "cpu_ms", cpu_ms)
        };
        let rows = [
            row("shared (zstd)", 1, 69.0),
            row("shared (zstd)", 32, 100.0),
            row("ours (zstd)", 32, 165.0),
        ];
        let measure = |name: &str, value| Measure {
            name: name.to_owned(),
            rounds: Spread::of([value]),
        };
        let loops = [
            measure("serialize_ms_per_mb_26_mb", 1.0),
            measure("compress_zstd_ms_per_mb", 2.0),
        ];
        let found = measures(&rows.each_ref(), &loops);
        let value = |name: &str| {
            let found = found.iter().find(|measure| measure.name == name);
            found.unwrap().rounds.median
        };
        assert!((value("floor_zstd_ms") - (26.0 + 52.0 + 32.0)).abs() < 1e-9);
        assert!((value("cpu_ours_zstd_over_floor_26_mb_32_solvers") - 1.5).abs() < 1e-9);
        assert_eq!(measures(&rows.each_ref(), &[]), []);
    }
}
