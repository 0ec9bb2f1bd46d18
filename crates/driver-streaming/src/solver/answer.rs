use std::error::Error;
use std::io;
use std::pin::Pin;
use std::str::Utf8Error;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future};
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyDataStream;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

/// How much of an answer that is no JSON its error message shows, in characters: all of what engines usually say.
const SHOWN: usize = 1000;

/// How much room there is for an answer at first, in bytes.
const FIRST_ROOM: usize = 4096;

/// Why an answer could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the answer is no JSON (it starts {start:?})")]
    NoJson {
        start: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is no JSON, since it is no UTF-8 (it starts {start:?})")]
    NoText {
        start: String,
        #[source]
        source: Utf8Error,
    },
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the answer is encoded as {encoding:?}, which was not asked for")]
    Encoding { encoding: String },
    #[error("the answer broke off after {received} bytes")]
    Broken {
        received: usize,
        #[source]
        source: io::Error,
    },
}

/// The encodings of answers that are understood, best first.
pub(super) fn accepted_encodings() -> HeaderValue {
    HeaderValue::from_static(match (cfg!(feature = "zstd"), cfg!(feature = "brotli")) {
        (true, true) => "zstd, gzip, br",
        (true, false) => "zstd, gzip",
        (false, true) => "gzip, br",
        (false, false) => "gzip",
    })
}

/// Reads an answer to its end and decodes it, keeping at most `limit` bytes of it, before decoding as after.
///
/// Costs as much memory as the answer is long, and while it is read up to twice as much.
pub(super) async fn read_answer<B>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
) -> Result<Box<RawValue>, AnswerError>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let encoded = BodyDataStream::new(body)
        .map_err(io::Error::other)
        // A decoder takes the empty chunk for the end.
        .try_filter(|chunk| future::ready(!chunk.is_empty()));
    let mut taken = 0;
    let limited = encoded.map(move |chunk| {
        let chunk = chunk?;
        taken += chunk.len();
        if taken > limit {
            return Err(io::Error::other(LimitReached));
        }
        Ok(chunk)
    });
    let mut reader = decoded(headers, StreamReader::new(limited))?;
    let mut content = Vec::new();
    loop {
        make_room(&mut content, limit);
        match reader.read_buf(&mut content).await {
            Ok(0) => break,
            Ok(_) if content.len() > limit => return Err(AnswerError::TooLong { limit }),
            Ok(_) => {}
            Err(error) if is_limit(&error) => return Err(AnswerError::TooLong { limit }),
            Err(source) => {
                return Err(AnswerError::Broken {
                    received: content.len(),
                    source,
                });
            }
        }
    }
    // What the decoder holds is not needed for what follows.
    drop(reader);
    parse(content)
}

/// Sees to it that there is room for more, and never for more than tells that the limit is passed.
fn make_room(content: &mut Vec<u8>, limit: usize) {
    if content.len() == content.capacity() {
        let left = limit.saturating_add(1).saturating_sub(content.len());
        content.reserve_exact(content.len().max(FIRST_ROOM).min(left));
    }
}

/// More came than is taken.
#[derive(Debug, thiserror::Error)]
#[error("the limit is reached")]
struct LimitReached;

fn is_limit(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<LimitReached>())
}

fn decoded<'a>(
    headers: &HeaderMap,
    encoded: impl tokio::io::AsyncBufRead + Send + Unpin + 'a,
) -> Result<Pin<Box<dyn AsyncRead + Send + 'a>>, AnswerError> {
    let mut names = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (names.next(), names.next());
    let name = match first {
        None => return Ok(Box::pin(encoded)),
        Some(name) => String::from_utf8_lossy(name.as_bytes())
            .trim()
            .to_ascii_lowercase(),
    };
    match name.as_str() {
        _ if second.is_some() => {}
        "identity" | "" => return Ok(Box::pin(encoded)),
        // The second is an old alias: RFC 9110, 8.4.1.3.
        "gzip" | "x-gzip" => {
            let mut decoder = async_compression::tokio::bufread::GzipDecoder::new(encoded);
            decoder.multiple_members(true);
            return Ok(Box::pin(decoder));
        }
        #[cfg(feature = "zstd")]
        "zstd" => {
            use async_compression::tokio::bufread::ZstdDecoder;
            use async_compression::zstd::DParameter;
            // A window of 8 MiB, which is all that an HTTP decoder has to take: RFC 9659.
            let window = DParameter::window_log_max(23);
            let mut decoder = ZstdDecoder::with_params(encoded, &[window]);
            decoder.multiple_members(true);
            return Ok(Box::pin(decoder));
        }
        #[cfg(feature = "brotli")]
        "br" => {
            let decoder = async_compression::tokio::bufread::BrotliDecoder::new(encoded);
            return Ok(Box::pin(decoder));
        }
        _ => {}
    }
    Err(AnswerError::Encoding { encoding: name })
}

/// Checks that `content` is JSON and keeps it, without a copy.
fn parse(content: Vec<u8>) -> Result<Box<RawValue>, AnswerError> {
    let mut text = match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            return Err(AnswerError::NoText {
                start: start(&String::from_utf8_lossy(error.as_bytes())),
                source: error.utf8_error(),
            });
        }
    };
    if text.is_empty() {
        return Err(AnswerError::Empty);
    }
    // A copy would be made of what has white space around it, or more room than it takes.
    let space = [' ', '\t', '\r', '\n'];
    let leading = text.len() - text.trim_start_matches(space).len();
    let shown = start(&text);
    text.truncate(text.trim_end_matches(space).len().max(leading));
    text.drain(..leading);
    text.shrink_to_fit();
    RawValue::from_string(text).map_err(|source| AnswerError::NoJson {
        start: shown,
        source,
    })
}

fn start(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::bufread::GzipEncoder;
    use http_body_util::Full;

    use super::*;

    async fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        let mut encoder = GzipEncoder::new(content);
        encoder.read_to_end(&mut encoded).await.unwrap();
        encoded
    }

    async fn read(encoding: &str, content: Vec<u8>, limit: usize) -> Result<String, AnswerError> {
        let mut headers = HeaderMap::new();
        if !encoding.is_empty() {
            headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
        }
        let answer = read_answer(&headers, Full::new(Bytes::from(content)), limit).await?;
        Ok(answer.get().to_owned())
    }

    #[tokio::test]
    async fn json_passes_as_it_came() {
        let json = r#"{"solutions":[ 1.50 ]}"#;
        for encoding in ["", "identity"] {
            let answer = read(encoding, json.into(), json.len()).await.unwrap();
            assert_eq!(answer, json);
        }
        let encoded = gzip(json.as_bytes()).await;
        assert_eq!(read("gzip", encoded, 100).await.unwrap(), json);
    }

    #[tokio::test]
    async fn the_limit_holds_before_and_after_decoding() {
        let long = format!("[{}1]", "0,".repeat(100_000)).into_bytes();
        let limit = 100_000;
        assert!(matches!(
            read("", long.clone(), limit).await,
            Err(AnswerError::TooLong { .. })
        ));
        let bomb = gzip(&long).await;
        assert!(bomb.len() < limit);
        assert!(matches!(
            read("gzip", bomb.clone(), limit).await,
            Err(AnswerError::TooLong { .. })
        ));
        // Many empty members decode to nothing, however many there are.
        let empty = gzip(b"").await.repeat(10_000);
        assert!(matches!(
            read("gzip", empty, limit).await,
            Err(AnswerError::TooLong { .. })
        ));
        assert!(read("gzip", bomb, 1_000_000).await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_be_decoded_is_an_error() {
        assert!(matches!(
            read("compress", b"{}".to_vec(), 9).await,
            Err(AnswerError::Encoding { .. })
        ));
        let mut cut = gzip(b"{}").await;
        cut.pop();
        assert!(matches!(
            read("gzip", cut, 100).await,
            Err(AnswerError::Broken { .. })
        ));
        let error = read("", b"<html>".to_vec(), 9).await.unwrap_err();
        assert!(error.to_string().contains("<html>"));
        let error = read("", b"\"\xff\"".to_vec(), 9).await.unwrap_err();
        assert!(error.to_string().contains("no UTF-8"), "{error}");
    }

    #[test]
    fn there_is_never_room_for_more_than_tells_that_the_limit_is_passed() {
        for limit in [0, 1, FIRST_ROOM, FIRST_ROOM + 1, 1_000_000] {
            let mut content = Vec::new();
            let mut copied = 0;
            while content.len() <= limit {
                copied += content.len();
                make_room(&mut content, limit);
                assert!(content.capacity() > content.len());
                content.resize(content.capacity(), b' ');
            }
            assert!(content.len() <= FIRST_ROOM.max(limit + 1), "{limit}");
            assert!(copied <= 2 * content.len(), "{limit}: {copied}");
        }
    }

    #[test]
    fn json_is_kept_where_it_is() {
        let content = b"[1,2]".to_vec();
        assert_eq!(content.capacity(), content.len());
        let before = content.as_ptr();
        let answer = parse(content).unwrap();
        assert_eq!(answer.get().as_ptr(), before);
    }

    #[tokio::test]
    async fn an_empty_answer_is_said_to_be_empty() {
        for (encoding, body) in [("", Vec::new()), ("gzip", gzip(b"").await)] {
            let error = read(encoding, body, 100).await.unwrap_err();
            assert_eq!(error.to_string(), "the answer is empty");
        }
        let error = read("", b" \n".to_vec(), 9).await.unwrap_err();
        assert!(error.to_string().contains("no JSON"), "{error}");
    }

    #[tokio::test]
    async fn white_space_around_json_is_left_out() {
        let answer = read("", b"\r\n\t {} \n".to_vec(), 9).await.unwrap();
        assert_eq!(answer, "{}");
    }
}
