use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

/// The user and password of `url` as a value of `Authorization`, which no `Debug` shows.
pub(super) fn basic_authorization(url: &Url) -> Option<HeaderValue> {
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
mod tests {
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
