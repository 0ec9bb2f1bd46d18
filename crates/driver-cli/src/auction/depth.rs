/// The deepest nesting that an auction may have.
pub(super) const MAXIMUM_DEPTH: usize = 128;

/// Finds the byte of `json` that opens a level deeper than `allowed`.
///
/// `json` is valid JSON. serde_json skips raw values without recursion and so without its own limit.
pub(super) fn too_deep_at(json: &str, allowed: usize) -> Option<usize> {
    // Nearly all elements have few brackets: counting them is vectorised, following them is not.
    let openings = json
        .bytes()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if openings <= allowed {
        return None;
    }
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (position, byte) in json.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > allowed {
                    return Some(position);
                }
            }
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_levels_and_not_brackets() {
        assert_eq!(too_deep_at("[[1],[2],[3]]", 2), None);
        assert_eq!(too_deep_at("[[1],[[2]],[3]]", 2), Some(6));
        assert_eq!(too_deep_at(r#"["[[[[\"[[[", {"{{{": "}}"}]"#, 2), None);
        assert_eq!(too_deep_at("1", 0), None);
        assert_eq!(too_deep_at("[]", 0), Some(0));
    }
}
