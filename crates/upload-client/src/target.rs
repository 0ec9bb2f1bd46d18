use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::uri::InvalidUri;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

/// `url` as requests say it: without user, password and fragment.
pub(crate) fn request_target(url: &Url) -> Result<Uri, InvalidUri> {
    let mut url = url.clone();
    url.set_fragment(None);
    // Both fail only for URLs that cannot carry user info, and those carry none.
    let _has_host = url.set_password(None);
    let _has_host = url.set_username("");
    Uri::try_from(String::from(url))
}

/// The user and password of `url` as a value of `Authorization`, which no `Debug` shows.
pub(crate) fn basic_authorization(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod request_target_tests {
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

#[cfg(test)]
mod credentials_tests {
    use super::*;

    #[test]
    fn user_and_password_are_decoded_and_hidden() {
        for (url, expected) in [
            ("http://h/", None),
            (
                "http://Aladdin:open%20sesame@h/",
                Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ),
            ("http://u@h/", Some("Basic dTo=")),
            ("http://:p@h/", Some("Basic OnA=")),
        ] {
            let value = basic_authorization(&Url::parse(url).unwrap());
            assert_eq!(
                value.as_ref().map(|value| value.to_str().unwrap()),
                expected
            );
            assert!(value.is_none_or(|value| format!("{value:?}") == "Sensitive"));
        }
    }
}
