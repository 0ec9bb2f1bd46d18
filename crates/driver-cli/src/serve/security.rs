//! Who may send auctions: processes on this machine, or anyone with the token.

use std::fs;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::{Service, error};
use crate::arguments::ServeArguments;
use crate::exit::Failure;

/// The shortest token, in bytes: a shorter one can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The token that requests must have. It is never logged or shown.
pub(super) struct Token(String);

impl Token {
    /// Reads the token from `--token-file`, if there is one.
    pub(super) fn read(arguments: &ServeArguments) -> Result<Option<Self>, Failure> {
        let Some(path) = &arguments.token_file else {
            return Ok(None);
        };
        let label = format!("--token-file: {}", path.display());
        let text =
            fs::read_to_string(path).map_err(Failure::input(format!("{label} cannot be read")))?;
        let token = text.trim();
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage(format!(
                "{label} must have one token of at least {SHORTEST_TOKEN} visible ASCII characters"
            )));
        }
        Ok(Some(Self(token.to_owned())))
    }

    /// Whether this is the token. Comparing takes the same time for all tokens of the same length.
    fn is(&self, authorization: Option<&HeaderValue>) -> bool {
        let scheme = "bearer ";
        authorization
            .map(HeaderValue::as_bytes)
            .and_then(|value| value.split_at_checked(scheme.len()))
            .is_some_and(|(given, token)| {
                given.eq_ignore_ascii_case(scheme.as_bytes())
                    && bool::from(token.trim_ascii().ct_eq(self.0.as_bytes()))
            })
    }
}

/// Rejects a listening address other than loopback without a token.
pub(super) fn check(arguments: &ServeArguments) -> Result<(), Failure> {
    if arguments.listen.ip().is_loopback() || arguments.token_file.is_some() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--listen: other machines can reach {}, which requires a --token-file",
        arguments.listen
    )))
}

/// Rejects requests without the token, if there is one.
pub(super) async fn with_token(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let engines = service.engines();
    let given = request.headers().get(AUTHORIZATION);
    if engines.token.as_ref().is_none_or(|token| token.is(given)) {
        return next.run(request).await;
    }
    let why = "the header Authorization must be `Bearer TOKEN`, with the token of this service";
    let response = error(StatusCode::UNAUTHORIZED, why);
    ([(WWW_AUTHENTICATE, "Bearer")], response).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token("0123456789abcdef".to_owned());
        for (value, is) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef ", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("Bearer", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!(token.is(Some(&value)), is, "{value:?}");
        }
        assert!(!token.is(None));
    }
}
