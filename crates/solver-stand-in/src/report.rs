use serde::Serialize;

/// What a stand-in solver got of one request.
///
/// Serialises as one JSON object, the members in the order of the fields:
///
/// ```
/// use driver_streaming::stand_in::RequestReport;
///
/// let report = RequestReport {
///     bytes: 2,
///     sha256: String::from("44136fa3…"),
///     complete: true,
///     content_encoding: None,
/// };
/// assert_eq!(
///     serde_json::to_string(&report)?,
///     r#"{"bytes":2,"sha256":"44136fa3…","complete":true,"content_encoding":null}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestReport {
    /// Bytes of the body, decoded as far as it came; as they came when the encoding is not known.
    pub bytes: u64,
    /// SHA-256 of these bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Whether the body came to its proper end, and so did what it encodes.
    pub complete: bool,
    /// The `Content-Encoding` of the request, if it named one.
    pub content_encoding: Option<String>,
}
