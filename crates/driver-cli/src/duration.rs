use std::time::Duration;

/// The longest duration that an option takes.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `15s`, `500ms`, `2m`: more than nothing, and at most a day.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() || duration > LONGEST {
        return Err(format!(
            "must be more than 0s and at most {}",
            humantime::format_duration(LONGEST)
        ));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_has_a_unit_and_a_sense() {
        assert_eq!(parse_duration("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "15", "0s", "-1s", "2days", "x", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
