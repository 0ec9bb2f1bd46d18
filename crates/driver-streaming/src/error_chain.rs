use std::error::Error;

/// Joins the messages of an error and its sources, outermost first, without repetitions, on one line.
///
/// ```
/// let number = "x".parse::<u8>().unwrap_err();
/// assert_eq!(driver_streaming::error_chain(&number), "invalid digit found in string");
/// ```
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut last = chain.clone();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        // Transparent wrappers repeat their source, and some libraries append it.
        if !last.ends_with(&message) {
            chain.push_str(": ");
            chain.push_str(&message);
        }
        last = message;
        next = source.source();
    }
    // A library or a peer may have put line breaks into it.
    chain.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Layer {
        message: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn says_each_message_once_and_on_one_line() {
        let root = Layer {
            message: "root\ncause",
            source: None,
        };
        let same = Layer {
            message: "root\ncause",
            source: Some(Box::new(root)),
        };
        let top = Layer {
            message: "top",
            source: Some(Box::new(same)),
        };
        assert_eq!(error_chain(&top), "top: root cause");
    }
}
