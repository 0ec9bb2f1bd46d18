use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use futures_util::{StreamExt, future, stream};

use super::{Document, DocumentError, DocumentStream};

/// One production of `document`, in which a panic is an error like any other.
///
/// Productions are polled by whoever needs the next chunk: without this, a value that panics would take down the HTTP
/// client's connection, or whoever runs the pipeline.
pub(crate) fn produce(document: &dyn Document, offset: u64) -> DocumentStream {
    match catch_unwind(AssertUnwindSafe(|| document.stream_from(offset))) {
        Ok(production) => Box::pin(
            AssertUnwindSafe(production)
                .catch_unwind()
                .map(|item| item.unwrap_or_else(|panic| Err(panicked(&*panic)))),
        ),
        Err(panic) => {
            let error = Err::<Bytes, _>(panicked(&*panic));
            Box::pin(stream::once(future::ready(error)))
        }
    }
}

/// What a panic said.
#[derive(Debug, thiserror::Error)]
#[error("it panicked: {message}")]
struct Panicked {
    message: String,
}

/// A panic while a document was produced, as an error.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> DocumentError {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    DocumentError::new(Panicked {
        message: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt;

    use super::*;
    use crate::document::LengthFuture;
    use crate::error_chain;

    struct Panicking {
        at_once: bool,
    }

    impl Document for Panicking {
        fn stream_from(&self, _offset: u64) -> DocumentStream {
            assert!(!self.at_once, "at once");
            let mut polls = 0;
            Box::pin(stream::poll_fn(move |_| {
                polls += 1;
                assert!(polls == 1, "at poll {polls}");
                std::task::Poll::Ready(Some(Ok(Bytes::from_static(b"x"))))
            }))
        }

        fn bytes_produced(&self) -> u64 {
            0
        }

        fn length(&self) -> LengthFuture {
            Box::pin(future::pending())
        }
    }

    fn items(at_once: bool) -> Vec<String> {
        let mut production: Pin<_> = produce(&Panicking { at_once }, 0);
        std::iter::from_fn(|| production.next().now_or_never().unwrap())
            .map(|item| match item {
                Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
                Err(error) => error_chain(&error),
            })
            .collect()
    }

    #[test]
    fn a_panic_is_the_last_item() {
        let what = "the document could not be produced: it panicked: ";
        assert_eq!(items(true), [format!("{what}at once")]);
        assert_eq!(items(false), ["x".to_owned(), format!("{what}at poll 2")]);
    }
}
