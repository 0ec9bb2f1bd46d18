use bytes::BytesMut;
use serde_json::value::RawValue;

/// How much of an answer that is no JSON its error message shows, in characters.
const SHOWN: usize = 80;

/// Why an answer could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the answer is no JSON (it starts {start:?})")]
    NoJson {
        start: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the answer broke off after {received} bytes")]
    Broken {
        received: usize,
        #[source]
        source: reqwest::Error,
    },
}

/// Reads a response to its end, keeping at most `limit` bytes of it.
pub(super) async fn read_answer(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<Box<RawValue>, AnswerError> {
    let mut content = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if content.len() + chunk.len() > limit => {
                return Err(AnswerError::TooLong { limit });
            }
            Ok(Some(chunk)) => content.extend_from_slice(&chunk),
            Ok(None) => return parse(&content),
            Err(source) => {
                return Err(AnswerError::Broken {
                    received: content.len(),
                    source: source.without_url(),
                });
            }
        }
    }
}

fn parse(content: &[u8]) -> Result<Box<RawValue>, AnswerError> {
    serde_json::from_slice(content).map_err(|source| AnswerError::NoJson {
        start: String::from_utf8_lossy(content)
            .chars()
            .take(SHOWN)
            .collect(),
        source,
    })
}
