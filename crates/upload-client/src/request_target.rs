use http::Uri;
use http::uri::InvalidUri;
use url::Url;

/// `url` as requests say it: without user, password and fragment.
pub(super) fn request_target(url: &Url) -> Result<Uri, InvalidUri> {
    let mut url = url.clone();
    url.set_fragment(None);
    // Both fail only for URLs that cannot carry user info, and those carry none.
    let _has_host = url.set_password(None);
    let _has_host = url.set_username("");
    Uri::try_from(String::from(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_needs_is_left() {
        for (url, target) in [
            ("http://u:p@h:1/a%20b?c=d#e", "http://h:1/a%20b?c=d"),
            ("https://h", "https://h/"),
            ("http://[::1]:80/?q", "http://[::1]/?q"),
        ] {
            let found = request_target(&Url::parse(url).unwrap()).unwrap();
            assert_eq!(found.to_string(), target);
        }
    }
}
