//! For any script, any clock and any moment of dropping: the body is transparent, there is one report, and its sums add up.

use crate::support::{ManualClock, Reports, Scripted, Step, bytes_in, poll_frame, poll_next};
use http_body::Body;
use measured_body::{Ending, MeasuredBody, MeasuredStream, ProductionMeter};
use proptest::prelude::*;
use std::task::Poll;
use std::time::Duration;

fn data_or_pending() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::sample::select(vec!["", "a", "bc", "a chunk of more than a few bytes"])
            .prop_map(Step::Data),
        Just(Step::Pending),
    ]
}

fn script(last: Vec<Option<Step>>) -> impl Strategy<Value = Vec<Step>> {
    (
        prop::collection::vec(data_or_pending(), 0..12),
        prop::sample::select(last),
    )
        .prop_map(|(mut steps, last)| {
            steps.extend(last);
            steps
        })
}

fn source(steps: &[Step], known_length: bool, knows_its_end: bool) -> Scripted {
    let mut source = Scripted::new(steps.iter().copied());
    if known_length {
        source = source.with_known_length();
    }
    if knows_its_end {
        source = source.that_knows_its_end();
    }
    source
}

proptest! {
    #[test]
    fn a_body_is_transparent_and_reports_once(
        steps in script(vec![None, Some(Step::Error), Some(Step::Trailers)]),
        known_length: bool,
        knows_its_end: bool,
        waits in prop::collection::vec(0_u64..5_000, 0..16),
    ) {
        let clock = ManualClock::new();
        let reports = Reports::default();
        let mut bare = source(&steps, known_length, knows_its_end);
        let mut measured = MeasuredBody::with_clock(
            source(&steps, known_length, knows_its_end),
            reports.recorder(),
            clock.reader(),
        );
        let mut whole = None;
        let mut failed = false;
        let mut polls = 0;
        for wait in &waits {
            clock.advance(Duration::from_nanos(*wait));
            let expected = poll_frame(&mut bare);
            prop_assert_eq!(format!("{:?}", poll_frame(&mut measured)), format!("{expected:?}"));
            prop_assert_eq!(measured.is_end_stream(), bare.is_end_stream());
            prop_assert_eq!(measured.size_hint().exact(), bare.size_hint().exact());
            polls += 1;
            match expected {
                Poll::Ready(None) => {
                    whole.get_or_insert(Ending::Complete);
                    break;
                }
                Poll::Ready(Some(Err(_))) => {
                    failed = true;
                    break;
                }
                Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => whole = Some(Ending::Trailers),
                Poll::Ready(Some(Ok(_))) => {
                    let last = bare.is_end_stream() || bare.size_hint().exact() == Some(0);
                    whole = last.then_some(Ending::Complete);
                }
                Poll::Pending => whole = None,
            }
        }
        drop(measured);

        let report = reports.only();
        let expected = match (polls, failed, whole) {
            (0, _, _) => Ending::NeverPolled,
            (_, true, _) => Ending::Failed,
            (_, _, Some(ending)) => ending,
            _ => Ending::Cancelled,
        };
        prop_assert_eq!(report.ending, expected);
        prop_assert_eq!(report.bytes, bytes_in(steps.iter().take(polls)));
        let parts = report.busy + report.producer_wait + report.consumer_wait;
        prop_assert_eq!(report.transmission.unwrap_or_default(), parts);
        if let (Some(to_first_poll), Some(transmission)) = (report.to_first_poll, report.transmission) {
            prop_assert_eq!(to_first_poll + transmission, report.total);
        }
    }

    #[test]
    fn streams_and_productions_are_transparent(
        steps in script(vec![None, Some(Step::Error)]),
        known_length: bool,
        polls in 0_usize..14,
    ) {
        let reports = Reports::default();
        let meter = ProductionMeter::new();
        let mut bare = source(&steps, known_length, false);
        let mut measured = MeasuredStream::new(
            meter.measure(source(&steps, known_length, false)),
            reports.recorder(),
        );
        for _ in 0..polls {
            let expected = poll_next(&mut bare);
            prop_assert_eq!(poll_next(&mut measured), expected.clone());
            if matches!(expected, Poll::Ready(None | Some(Err(_)))) {
                break;
            }
            prop_assert_eq!(
                futures_core::Stream::size_hint(&measured),
                futures_core::Stream::size_hint(&bare)
            );
        }
        drop(measured);
        prop_assert_eq!(reports.only().bytes, meter.bytes());
        prop_assert_eq!(meter.productions(), u64::from(polls > 0));
    }
}
