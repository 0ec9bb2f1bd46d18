/// A number for an axis or a bar, with `decimals` digits after the point, and thousands apart: `1,234.5`. Beyond a
/// billion it has an exponent.
pub(super) fn number(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e9 {
        return format!("{value:e}");
    }
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut text = String::new();
    if value < 0.0 && !is_zero {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A number with about three significant digits, and no zeros behind them.
pub(super) fn brief(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 1e-6 => (2.0 - size.log10().floor()) as usize,
        _ => return format!("{value:e}"),
    };
    let text = number(value, decimals);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (value, decimals, text) in [
            (0.0, 0, "0"),
            (-0.0, 1, "0.0"),
            (-0.01, 1, "0.0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (-1_234_567.25, 2, "-1,234,567.25"),
            (1e9, 0, "1e9"),
            (f64::INFINITY, 0, "inf"),
        ] {
            assert_eq!(number(value, decimals), text);
        }
        assert_eq!(number(f64::NAN, 0), "NaN");
    }

    #[test]
    fn three_digits_say_enough() {
        for (value, text) in [
            (0.0, "0"),
            (1234.56, "1,235"),
            (123.4, "123"),
            (12.34, "12.3"),
            (2.0, "2"),
            (1.234, "1.23"),
            (0.012_34, "0.0123"),
            (-0.5, "-0.5"),
            (1e-9, "1e-9"),
        ] {
            assert_eq!(brief(value), text);
        }
    }
}
