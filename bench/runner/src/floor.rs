//! The least processor time that one auction of 26 MB to 32 solvers and an archive can take: one serialisation, one
//! compression, and the copies into the sockets. The first two are loops that do nothing else; the third is what more
//! solvers cost the design that has all in memory.

use bench_records::{Measure, Series};

use crate::rows::Row;

/// For each codec of which all parts were measured: the parts, the floor, and this project over it.
pub(crate) fn measures(rows: &[&Row], measures: &[Measure]) -> Vec<Measure> {
    let mut found = Vec::new();
    for codec in ["gzip", "zstd"] {
        found.extend(floor(codec, rows, measures).into_iter().flatten());
    }
    found
}

fn floor(codec: &str, rows: &[&Row], measures: &[Measure]) -> Option<[Measure; 6]> {
    let row = |design: &str, name: &str| {
        let label = format!("{design} ({codec})");
        let mut rows = rows.iter();
        rows.find(|row| row.name == name && row.scenario.design.label == label)
    };
    let cpu_ms = |row: &Row| row.median("cpu_ms");
    let loops = |what: &str| {
        let name = format!("CPU of {what}, an auction of 26 MB, ms for each MB");
        let measure = measures.iter().find(|measure| measure.name == name);
        measure.map(|measure| measure.rounds.median)
    };
    let many = row("shared", "26 MB, 32 solvers")?;
    let each = (cpu_ms(many) - cpu_ms(row("shared", "26 MB, 1 solver")?)) / 31.0;
    let megabytes = many.size_bytes as f64 / 1e6;
    let serialise = megabytes * loops("64 KiB chunks")?;
    let compress = megabytes * loops(codec)?;
    let copies = 32.0 * each;
    let floor = serialise + compress + copies;
    let ours = cpu_ms(row("ours", "26 MB, 32 solvers")?);
    let named = [
        ("one serialisation, ms", serialise),
        ("one compression, ms", compress),
        ("the copies to 32 solvers, ms", copies),
        ("the sum, ms", floor),
        ("CPU of ours, 26 MB, 32 solvers, ms", ours),
        (
            "CPU of ours over the floor, 26 MB, 32 solvers",
            ours / floor,
        ),
    ];
    Some(
        named.map(|(name, value)| {
            Series::of([value]).measure(format!("floor with {codec}: {name}"))
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::large;

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
        let measure = |what: &str, value| {
            let name = format!("CPU of {what}, an auction of 26 MB, ms for each MB");
            Series::of([value]).measure(name)
        };
        let loops = [measure("64 KiB chunks", 1.0), measure("zstd", 2.0)];
        let found = measures(&rows.each_ref(), &loops);
        let value = |name: &str| {
            let found = found.iter().find(|measure| measure.name == name);
            found.unwrap().rounds.median
        };
        assert!((value("floor with zstd: the sum, ms") - (26.0 + 52.0 + 32.0)).abs() < 1e-9);
        assert!(
            (value("floor with zstd: CPU of ours over the floor, 26 MB, 32 solvers") - 1.5).abs()
                < 1e-9
        );
        assert_eq!(measures(&rows.each_ref(), &[]), []);
    }
}
