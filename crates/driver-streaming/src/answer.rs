use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt, future};
use http::header::{CONTENT_ENCODING, HeaderMap};
use http_body::Body;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::content_coding::decode_content;
use crate::document::BoxError;
use crate::failure::AnswerError;

/// How much of a bad answer is kept, in bytes.
const KEPT: usize = 64 * 1024;

/// How deeply an answer may be nested: little enough that serde_json, whose limit is 128, can parse the outcome, and a document
/// that contains it.
const DEEPEST: usize = 120;

/// The first capacity for an answer, in bytes.
const FIRST_ROOM: usize = 4096;

/// The body of an answer as it arrives.
pub(crate) type AnswerStream = BoxStream<'static, io::Result<Bytes>>;

/// Returns the data of a body, without trailers.
pub(crate) fn data<B>(body: B) -> AnswerStream
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Box::pin(body);
    stream::poll_fn(move |context| body.as_mut().poll_frame(context))
        .map_err(io::Error::other)
        .try_filter_map(|frame| future::ok(frame.into_data().ok()))
        .boxed()
}

/// Reads an answer to its end and decodes it. At most `limit` bytes are accepted, before and after decoding. Also returns its
/// first 64 KiB, decoded.
///
/// Takes as much memory as the answer is long, and up to twice as much while it is read.
pub(crate) async fn read_answer(
    headers: &HeaderMap,
    body: AnswerStream,
    limit: usize,
) -> (Bytes, Result<Box<RawValue>, AnswerError>) {
    let mut content = Vec::new();
    let read = read(headers, body, limit, &mut content).await;
    let start = Bytes::copy_from_slice(&content[..content.len().min(KEPT)]);
    (start, read.and_then(|()| parse(content)))
}

async fn read(
    headers: &HeaderMap,
    body: AnswerStream,
    limit: usize,
    content: &mut Vec<u8>,
) -> Result<(), AnswerError> {
    let mut taken = 0;
    let limited = body.map(move |chunk| {
        let chunk = chunk?;
        taken += chunk.len();
        if taken > limit {
            return Err(io::Error::other(LimitReached));
        }
        Ok(chunk)
    });
    let Some(mut decoded) = decode_content(headers, limited) else {
        let codings = headers.get_all(CONTENT_ENCODING).iter();
        let codings = codings.map(|coding| String::from_utf8_lossy(coding.as_bytes()));
        let named = codings.collect::<Vec<_>>().join(", ");
        return Err(AnswerError::Encoding(named.trim().to_ascii_lowercase()));
    };
    while let Some(chunk) = decoded.next().await {
        match chunk {
            Ok(chunk) if append(content, &chunk, limit) => {}
            Ok(_) => return Err(AnswerError::TooLong(limit)),
            Err(source) => {
                let inner = source.get_ref();
                if inner.is_some_and(|inner| inner.is::<LimitReached>()) {
                    return Err(AnswerError::TooLong(limit));
                }
                return Err(AnswerError::Broken(content.len(), source));
            }
        }
    }
    Ok(())
}

/// Appends `chunk`, unless `content` would exceed `limit`. Nor does its capacity.
fn append(content: &mut Vec<u8>, chunk: &[u8], limit: usize) -> bool {
    let length = content.len() + chunk.len();
    if length > limit {
        return false;
    }
    if length > content.capacity() {
        let room = length.max(content.len() * 2).max(FIRST_ROOM).min(limit);
        content.reserve_exact(room - content.len());
    }
    content.extend_from_slice(chunk);
    true
}

/// More bytes came than are accepted.
#[derive(Debug, thiserror::Error)]
#[error("the limit is reached")]
struct LimitReached;

/// How much of a discarded answer is read, in bytes, so that its connection can be reused: more than busy servers send.
const DISCARDED: usize = 64 * 1024;

/// For how long it is read: enough for what is on its way. A new connection costs less than a longer wait.
const DISCARDING: Duration = Duration::from_millis(100);

/// Discards an answer, before `latest`. If it is short and comes soon, it is read, so that its connection can be reused.
///
/// Cancel safe: dropping it drops the answer.
pub(crate) async fn discard(mut body: AnswerStream, latest: Instant) {
    let reading = async {
        let mut left = DISCARDED;
        while let Some(Ok(chunk)) = body.next().await {
            match left.checked_sub(chunk.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    let latest = latest.min(Instant::now() + DISCARDING);
    let _read = timeout_at(latest, reading).await;
}

/// Checks that `content` is JSON, and keeps it without a copy.
fn parse(content: Vec<u8>) -> Result<Box<RawValue>, AnswerError> {
    let mut text =
        String::from_utf8(content).map_err(|error| AnswerError::NotUtf8(error.utf8_error()))?;
    if text.is_empty() {
        return Err(AnswerError::Empty);
    }
    // White space around it, or spare capacity, would cause a copy.
    let space = [' ', '\t', '\r', '\n'];
    let leading = text.len() - text.trim_start_matches(space).len();
    text.truncate(text.trim_end_matches(space).len().max(leading));
    text.drain(..leading);
    text.shrink_to_fit();
    let json = RawValue::from_string(text).map_err(AnswerError::NotJson)?;
    if is_deeper(json.get(), DEEPEST) {
        return Err(AnswerError::TooDeep(DEEPEST));
    }
    Ok(json)
}

/// Whether `json` is nested deeper than `limit`.
fn is_deeper(json: &str, limit: usize) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn gzip(content: &[u8]) -> Vec<u8> {
        use async_compression::tokio::bufread::GzipEncoder;
        use tokio::io::AsyncReadExt;

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
        let body = stream::iter([Ok(Bytes::from(content))]).boxed();
        let (_start, answer) = read_answer(&headers, body, limit).await;
        Ok(answer?.get().to_owned())
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
            Err(AnswerError::TooLong(_))
        ));
        let bomb = gzip(&long).await;
        assert!(bomb.len() < limit);
        assert!(matches!(
            read("gzip", bomb.clone(), limit).await,
            Err(AnswerError::TooLong(_))
        ));
        // Many empty members decode to nothing, however many there are.
        let empty = gzip(b"").await.repeat(10_000);
        assert!(matches!(
            read("gzip", empty, limit).await,
            Err(AnswerError::TooLong(_))
        ));
        assert!(read("gzip", bomb, 1_000_000).await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_be_decoded_is_an_error() {
        assert!(matches!(
            read("compress", b"{}".to_vec(), 9).await,
            Err(AnswerError::Encoding(_))
        ));
        let mut cut = gzip(b"{}").await;
        cut.pop();
        assert!(matches!(
            read("gzip", cut, 100).await,
            Err(AnswerError::Broken(..))
        ));
        let error = read("", b"<html>".to_vec(), 9).await.unwrap_err();
        assert!(matches!(error, AnswerError::NotJson(_)));
        let error = read("", b"\"\xff\"".to_vec(), 9).await.unwrap_err();
        assert!(error.to_string().contains("not UTF-8"), "{error}");
    }

    #[cfg(all(feature = "brotli", feature = "zstd"))]
    #[tokio::test]
    async fn what_is_asked_for_is_decoded() {
        use async_compression::tokio::bufread::{BrotliEncoder, ZstdEncoder};
        use tokio::io::AsyncReadExt;

        let json = &b"{}"[..];
        let (mut zstd, mut brotli) = (Vec::new(), Vec::new());
        ZstdEncoder::new(json).read_to_end(&mut zstd).await.unwrap();
        BrotliEncoder::new(json)
            .read_to_end(&mut brotli)
            .await
            .unwrap();
        let encoded = [("zstd", zstd), ("gzip", gzip(json).await), ("br", brotli)];
        assert_eq!(
            crate::content_coding::accepted_encodings(),
            encoded.clone().map(|(name, _)| name).join(", ")
        );
        for (name, content) in encoded {
            assert_eq!(read(name, content, 100).await.unwrap(), "{}", "{name}");
        }
    }

    #[tokio::test]
    async fn two_encodings_are_not_decoded() {
        let twice = ["gzip", "identity"].map(|name| (CONTENT_ENCODING, name.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in twice {
            headers.append(name, value);
        }
        let body = stream::iter([Ok(gzip(b"{}").await.into())]).boxed();
        let (_start, answer) = read_answer(&headers, body, 100).await;
        assert!(matches!(answer, Err(AnswerError::Encoding(both)) if both == "gzip, identity"));
    }

    #[test]
    fn there_is_never_room_for_more_than_the_limit() {
        for limit in [0, 1, FIRST_ROOM, FIRST_ROOM + 1, 1_000_000] {
            for chunk in [1, 1000, 65_536] {
                let mut content = Vec::new();
                let mut moved = 0;
                loop {
                    let (length, room) = (content.len(), content.capacity());
                    if !append(&mut content, &vec![b' '; chunk], limit) {
                        break;
                    }
                    if content.capacity() > room {
                        moved += length;
                    }
                    assert!(content.capacity() <= limit, "{limit}");
                }
                assert!(content.len() + chunk > limit);
                assert!(moved <= 2 * content.len(), "{limit}: {moved}");
            }
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
        assert!(error.to_string().contains("not JSON"), "{error}");
    }

    #[tokio::test]
    async fn an_outcome_with_the_deepest_answer_can_be_parsed() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let answer = read("", deep(DEEPEST).into(), 1000).await.unwrap();
        let outcome = format!(r#"[{{"solvers":[{{"response":{answer}}}]}}]"#);
        serde_json::from_str::<serde_json::Value>(&outcome).unwrap();
        let error = read("", deep(DEEPEST + 1).into(), 1000).await.unwrap_err();
        assert!(matches!(error, AnswerError::TooDeep(DEEPEST)));
        // In texts they count for nothing, and what is closed does not count.
        let texts = format!(r#"["\"{}","\\",{}[]]"#, deep(200), "[],{},".repeat(200));
        assert_eq!(read("", texts.clone().into(), 9000).await.unwrap(), texts);
    }

    #[tokio::test]
    async fn the_start_of_what_is_no_good_is_kept() {
        let page = vec![b'<'; 65_537];
        let body = stream::iter([Ok(Bytes::from(page.clone()))]).boxed();
        let (start, answer) = read_answer(&HeaderMap::new(), body, 1 << 20).await;
        assert!(matches!(answer, Err(AnswerError::NotJson(_))));
        assert!(start == page[..65_536]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_discarded_answer_is_read_if_it_is_short_and_comes_soon() {
        // How many KiB there are, and how many are read.
        for (sent, expected) in [(3, 3), (64, 64), (100, 65)] {
            let read = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&read);
            let chunks = stream::repeat_with(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok(Bytes::from_static(&[b' '; 1024]))
            });
            discard(chunks.take(sent).boxed(), Instant::now() + DISCARDING).await;
            assert_eq!(read.load(Ordering::Relaxed), expected);
        }
        let began = Instant::now();
        discard(stream::pending().boxed(), began + Duration::from_secs(9)).await;
        let waited = began.elapsed();
        assert!(
            waited >= DISCARDING && waited < 2 * DISCARDING,
            "{waited:?}"
        );
        discard(stream::pending().boxed(), began).await;
        assert_eq!(began.elapsed(), waited);
    }

    #[tokio::test]
    async fn white_space_around_json_is_left_out() {
        let answer = read("", b"\r\n\t {} \n".to_vec(), 9).await.unwrap();
        assert_eq!(answer, "{}");
    }
}
