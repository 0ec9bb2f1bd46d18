use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::io::ErrorKind::{InvalidData, InvalidInput, Other};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// The first pause, without the jitter that makes each pause up to twice as long. Each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause, without jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often and when a request is retried: after a longer pause each time.
#[derive(Debug)]
pub(crate) struct Retries {
    left: u32,
    pause: Duration,
    deadline: Instant,
}

impl Retries {
    /// Allows this many retries, each begun before `deadline`.
    pub(crate) fn new(retries: u32, deadline: Instant) -> Self {
        Self {
            left: retries,
            pause: FIRST_PAUSE,
            deadline,
        }
    }

    /// Returns when to retry a request that has just failed, no sooner than `asked_for`. `None` if no retry is left, or it would
    /// come too late.
    pub(crate) fn next(&mut self, asked_for: Option<Duration>) -> Option<Instant> {
        self.left = self.left.checked_sub(1)?;
        let jitter = self.pause.mul_f64(random() as f64 / u64::MAX as f64);
        let pause = (self.pause + jitter).max(asked_for.unwrap_or_default());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        // An instant that does not exist is after every deadline.
        let then = Instant::now().checked_add(pause)?;
        (then < self.deadline).then_some(then)
    }
}

/// Returns a random number. The standard library's keys for hash maps come from the system.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// Whether this status says only that the engine cannot answer now.
pub(crate) fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether a request may be retried after this error: there was no connection, or it broke.
pub(crate) fn is_transient(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "client")]
    if let Some(error) = error.downcast_ref::<upload_client::RequestError>() {
        return error.may_be_made_again();
    }
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        // TLS and other layers report nonsense from the peer by these.
        .any(|cause| !matches!(cause.kind(), InvalidData | InvalidInput | Other))
}

/// Reads the header `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). There may be any number of digits: what does not
/// fit is the longest time.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// So many retries with all the time there is, as pauses from now. The clock must be paused.
    fn pauses(retries: u32, asked_for: Option<Duration>) -> Vec<Duration> {
        let now = Instant::now();
        let mut retries = Retries::new(retries, now + Duration::from_secs(3600));
        std::iter::from_fn(|| retries.next(asked_for))
            .map(|then| then - now)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_two_seconds_and_end() {
        let found = pauses(9, None);
        let expected = [50, 100, 200, 400, 800, 1000, 1000, 1000, 1000].map(Duration::from_millis);
        assert_eq!(found.len(), expected.len());
        for (pause, least) in found.into_iter().zip(expected) {
            assert!(pause >= least && pause <= 2 * least, "{pause:?}");
        }
        assert!(pauses(0, None).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_is_kept() {
        let asked = Duration::from_secs(7);
        assert_eq!(pauses(1, Some(asked)), [asked]);
        assert!(pauses(1, Some(Duration::ZERO))[0] >= FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_at_the_deadline_or_after_it() {
        let asked = Duration::from_secs(7);
        for (deadline, is_tried) in [(asked, false), (asked + Duration::from_nanos(1), true)] {
            let mut retries = Retries::new(1, Instant::now() + deadline);
            assert_eq!(retries.next(Some(asked)).is_some(), is_tried);
        }
        let far = Instant::now() + Duration::from_secs(365 * 24 * 60 * 60);
        let mut retries = Retries::new(1, far);
        assert_eq!(retries.next(Some(Duration::from_secs(u64::MAX))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("99999999999999999999999999999999999999999", Some(u64::MAX)),
            ("0000000000000000000000000000000000000000007", Some(7)),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            let found = retry_after(&headers, now);
            assert_eq!(found, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
