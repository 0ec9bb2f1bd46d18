use comparison_records::MicroReport;

use super::bound::Bound;
use super::target::Target;
use super::wanted::Wanted;

const WHY_LARGE: &str = "a value of 310 MB is in no cache, so that reading it costs every serializer more for each byte; \
    that the work itself does not grow is shown by elements of 1 KiB and by small integers, with `cargo bench --bench \
    cpu` in crates/chunked-writer/benchmarks";
const WHY_SERIALIZER: &str = "in a loop the allocator hands to_vec the memory of its last round again, with pages that are \
    there already. Where it must get them from the kernel, as for a buffer of more than 32 MB, chunks take about 0.63 of \
    it: run comparison-micro with GLIBC_TUNABLES=glibc.malloc.mmap_threshold=131072";
const WHY_TEE: &str = "the broadcast channels are faster for what they do, which is less: tokio's loses chunks that a slow \
    reader has not read in time, async-broadcast stops everybody for it. The tee keeps a window in bytes, a place and a \
    policy for each branch, and a replay for who falls behind";
const WHY_MISSED_BY_NOISE: &str = "the difference of two loops of nanoseconds, within the noise of a shared machine: see \
    the least of its rounds among the measures";
/// The plot, and the line of it, that say what a size costs.
const SERIALIZER: (&str, &str) = ("serializer", "chunked-writer");

/// Every target that is about loops within one process: the measure's name, what it is, and its bound.
pub(crate) fn of_micro(report: &MicroReport) -> Vec<Target> {
    let most = Bound::AtMost;
    let mut targets: Vec<Target> = [
        ("3_3", "3.3", 1.05),
        ("8_5", "8.5", 1.0),
        ("26", "26", 1.0),
        ("310", "310", 1.0),
    ]
    .into_iter()
    .map(|(key, megabytes, limit)| {
        let name = format!("serializer_over_to_vec_{key}_mb");
        let what = format!("CPU of 64 KiB chunks over serde_json::to_vec, {megabytes} MB");
        let wanted = Wanted::new(name.as_str(), what, most(limit)).known_to_miss(WHY_SERIALIZER);
        judged(report, wanted, &name)
    })
    .collect();
    targets.push(linear(report));
    for (name, what, bound, reason) in [
        (
            "serializer_first_chunk_ms",
            "first chunk of an auction of any size, ms",
            most(0.3),
            None,
        ),
        (
            "tee_ns_per_chunk_and_branch",
            "ns for each chunk and branch, 1 to 64 branches",
            most(150.0),
            None,
        ),
        (
            "tee_over_tokio_broadcast",
            "tee over tokio's broadcast channel",
            most(1.0),
            Some(WHY_TEE),
        ),
        (
            "tee_over_async_broadcast",
            "tee over async-broadcast",
            most(1.0),
            Some(WHY_TEE),
        ),
        (
            "measured_body_ns_per_chunk",
            "measuring a body, ns for each chunk",
            most(60.0),
            Some(WHY_MISSED_BY_NOISE),
        ),
        (
            "archive_gzip_over_production",
            "CPU of archiving by gzip over production's",
            most(0.6),
            None,
        ),
        (
            "archive_zstd_over_production",
            "CPU of archiving by zstd over production's gzip",
            most(0.2),
            None,
        ),
        (
            "archive_peak_mib",
            "peak memory of archiving, MiB",
            most(16.0),
            None,
        ),
    ] {
        let wanted = Wanted::new(name, what, bound);
        let wanted = match reason {
            Some(reason) => wanted.known_to_miss(reason),
            None => wanted,
        };
        targets.push(judged(report, wanted, name));
    }
    targets
}

fn judged(report: &MicroReport, wanted: Wanted, name: &str) -> Target {
    let measured = report
        .measures
        .iter()
        .filter(|measure| measure.name == name);
    wanted.judge(measured.map(|measure| ("within one process".to_owned(), measure.value)))
}

/// What a byte costs of a large auction, over what it costs of today's.
fn linear(report: &MicroReport) -> Target {
    let (plot, name) = SERIALIZER;
    let mut curves = report.curves.iter();
    let curve = curves.find(|curve| curve.plot == plot && curve.name.starts_with(name));
    let speed = |within: std::ops::Range<f64>| {
        let mut points = curve?.points.iter();
        points
            .find(|(megabytes, _)| within.contains(megabytes))
            .map(|(_, speed)| *speed)
    };
    let found = speed(8.0..9.0)
        .zip(speed(280.0..340.0))
        .map(|(today, large)| ("within one process".to_owned(), today / large));
    Wanted::new(
        "serializer_310_mb_over_8_5_mb",
        "CPU for each byte serialised of 310 MB over that of 8.5 MB",
        Bound::AtMost(1.1),
    )
    .known_to_miss(WHY_LARGE)
    .judge(found)
}

#[cfg(test)]
mod tests {
    use comparison_records::{Curve, Measure};

    use super::*;
    use crate::Verdict;

    fn verdict(report: &MicroReport, name: &str) -> Verdict {
        let targets = of_micro(report);
        let target = targets.iter().find(|target| target.name == name);
        target.map(|target| target.verdict).unwrap()
    }

    #[test]
    fn measures_are_judged_by_their_names() {
        let mut report = MicroReport::default();
        let name = "serializer_first_chunk_ms";
        assert_eq!(verdict(&report, name), Verdict::NotMeasured);
        for (value, expected) in [(0.3, Verdict::Met), (0.31, Verdict::Missed)] {
            report.measures = vec![Measure {
                name: name.to_owned(),
                value,
                least: value,
                most: value,
                unit: "ms".to_owned(),
            }];
            assert_eq!(verdict(&report, name), expected);
        }
    }

    #[test]
    fn a_byte_of_a_large_auction_costs_what_it_costs_of_a_small_one() {
        let mut report = MicroReport::default();
        let name = "serializer_310_mb_over_8_5_mb";
        assert_eq!(verdict(&report, name), Verdict::NotMeasured);
        for (speed, expected) in [(950.0, Verdict::Met), (900.0, Verdict::Missed)] {
            report.curves = vec![Curve {
                plot: "serializer".to_owned(),
                name: "chunked-writer (64 KiB)".to_owned(),
                points: vec![(8.57, 1000.0), (310.0, speed)],
            }];
            assert_eq!(verdict(&report, name), expected);
        }
    }
}
