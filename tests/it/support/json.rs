use serde_json::Value;

/// Asserts that two texts are the same JSON value.
pub(crate) fn same_value(left: &[u8], right: &[u8]) {
    let left: Value = serde_json::from_slice(left).expect("the first is JSON");
    let right: Value = serde_json::from_slice(right).expect("the second is JSON");
    // Not assert_eq: a difference between megabytes helps nobody.
    assert!(left == right, "the two are different values");
}
