use url::Url;

/// What stands in place of what nobody else should read in a query.
const REDACTED: &str = "REDACTED";

/// `url` without the user and password it may carry, and without the values of its query, of which any may be a key.
///
/// `***` shows that there was a user, and `REDACTED` that there was a value; their names are kept.
pub(crate) fn redacted(url: &Url) -> Url {
    let mut shown = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only for URLs that cannot carry user info, and those carry none.
        let _has_host = shown.set_password(None);
        let _has_host = shown.set_username("***");
    }
    if let Some(query) = url.query() {
        shown.set_query(Some(&redacted_query(query)));
    }
    shown
}

fn redacted_query(query: &str) -> String {
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _secret)) => format!("{name}={REDACTED}"),
            None if pair.is_empty() => String::new(),
            // A bare word may be a key as well as the name of one.
            None => REDACTED.to_owned(),
        })
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_user_password_and_values() {
        for (url, shown) in [
            ("http://u:p@h:1/a?b", "http://***@h:1/a?REDACTED"),
            ("http://u@h/", "http://***@h/"),
            ("http://:p@h/", "http://***@h/"),
            ("http://h/a", "http://h/a"),
            ("http://h/a?", "http://h/a?"),
            (
                "http://h/?key=k&b=&c=d=e&&f",
                "http://h/?key=REDACTED&b=REDACTED&c=REDACTED&&REDACTED",
            ),
            ("memory:///x", "memory:///x"),
        ] {
            assert_eq!(redacted(&Url::parse(url).unwrap()).as_str(), shown);
        }
    }
}
