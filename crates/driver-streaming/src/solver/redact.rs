use url::Url;

/// `url` without the user and password it may carry; `***` shows that there were some.
pub(crate) fn redacted(url: &Url) -> Url {
    let mut shown = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only for URLs that cannot carry user info, and those carry none.
        let _has_host = shown.set_password(None);
        let _has_host = shown.set_username("***");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_user_and_password_only() {
        for (url, shown) in [
            ("http://u:p@h:1/a?b", "http://***@h:1/a?b"),
            ("http://u@h/", "http://***@h/"),
            ("http://:p@h/", "http://***@h/"),
            ("http://h/a", "http://h/a"),
            ("memory:///x", "memory:///x"),
        ] {
            assert_eq!(redacted(&Url::parse(url).unwrap()).as_str(), shown);
        }
    }
}
