use url::Url;

use super::environment::Signal;
use super::export_error::ExportError;

/// The endpoint for `signal` below `endpoint`, which is one for all signals: its path is kept, and that of the signal
/// is appended with one slash.
pub(super) fn endpoint_of(endpoint: &str, signal: Signal) -> Result<Url, ExportError> {
    let mut url = Url::parse(endpoint)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ExportError::Scheme);
    }
    let path = format!("{}/{}", url.path().trim_end_matches('/'), signal.path());
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_path_is_appended_with_one_slash() {
        for (endpoint, url) in [
            ("http://h:4318", "http://h:4318/v1/traces"),
            ("http://h:4318/", "http://h:4318/v1/traces"),
            ("https://h/otlp/?a=b#c", "https://h/otlp/v1/traces?a=b"),
        ] {
            let found = endpoint_of(endpoint, Signal::Traces).unwrap();
            assert_eq!(found.as_str(), url);
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for endpoint in ["", "localhost", "localhost:4318", "grpc://h:4317"] {
            assert!(
                endpoint_of(endpoint, Signal::Metrics).is_err(),
                "{endpoint}"
            );
        }
    }
}
