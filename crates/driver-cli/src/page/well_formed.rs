//! A check for tests: whether a page is well-formed, as XML is.

/// Panics unless elements are closed in order, attributes are quoted and have distinct names, and no character is left
/// unescaped.
pub(crate) fn assert_well_formed(html: &str) {
    let html = html.strip_prefix("<!DOCTYPE html>").unwrap();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        assert_escaped(text, &open);
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let (tag, is_closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{tag}"
        );
        assert_attributes(attributes);
        if !is_closed {
            open.push(name);
        }
    }
    assert_eq!(rest.trim(), "");
    assert!(open.is_empty(), "{open:?}");
}

fn assert_attributes(attributes: &str) {
    let mut names = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{rest}"));
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{name}"
        );
        assert!(!names.contains(&name), "{attributes}");
        names.push(name);
        let (value, after) = after.split_once('"').unwrap();
        assert_escaped(value, &[]);
        assert!(after.is_empty() || after.starts_with(' '), "{attributes}");
        rest = after.trim_start();
    }
}

fn assert_escaped(text: &str, open: &[&str]) {
    assert!(!text.contains(['<', '\0']), "{text}");
    if open.last() == Some(&"style") {
        return;
    }
    assert!(!text.contains('>'), "{text}");
    for entity in text.split('&').skip(1) {
        let (name, _) = entity.split_once(';').unwrap();
        assert!(
            ["amp", "lt", "gt", "quot", "apos", "#39"].contains(&name),
            "{text}"
        );
    }
}
