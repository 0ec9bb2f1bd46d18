use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::header::{HeaderMap, RETRY_AFTER};

/// The first pause, in the mean half as long again by its jitter. Each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait before each retry: longer each time, and for each solver another time.
#[derive(Debug)]
pub(super) struct RetrySchedule {
    pauses: ExponentialBackoff,
}

impl RetrySchedule {
    /// So many retries.
    pub(super) fn new(retries: u32) -> Self {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(usize::try_from(retries).unwrap_or(usize::MAX))
            .with_jitter()
            .build();
        Self { pauses }
    }

    /// The pause before the next retry, no shorter than `asked_for`; `None` when there is none left.
    pub(super) fn next(&mut self, asked_for: Option<Duration>) -> Option<Duration> {
        let pause = self.pauses.next()?;
        Some(pause.max(asked_for.unwrap_or_default()))
    }
}

/// What the header `Retry-After` asks for: seconds, or until a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let mut schedule = RetrySchedule::new(3);
        for least in [50, 100, 200].map(Duration::from_millis) {
            let pause = schedule.next(None).unwrap();
            assert!(pause >= least && pause <= 2 * least, "{pause:?}");
        }
        assert_eq!(schedule.next(None), None);
        assert_eq!(RetrySchedule::new(0).next(None), None);
    }

    #[test]
    fn what_is_asked_for_is_kept() {
        let asked = Duration::from_secs(7);
        assert_eq!(RetrySchedule::new(1).next(Some(asked)), Some(asked));
        let none = Duration::ZERO;
        assert!(RetrySchedule::new(1).next(Some(none)).unwrap() >= FIRST_PAUSE);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            let found = retry_after(&headers, now);
            assert_eq!(found, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
