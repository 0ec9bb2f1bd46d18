use http::header::{self, HeaderName};

/// Headers that are not the caller's to say, by what they are about.
const RESERVED: [HeaderName; 14] = [
    // The body, which we make.
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    // Whom the request is for, and what is understood of the answer.
    header::ACCEPT_ENCODING,
    header::HOST,
    // A body that waits to be asked for: ours does not.
    header::EXPECT,
    // The connection, and what RFC 9110, section 7.6.1, has removed with it.
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether a header says something that only the program can know or do: a second opinion would break the request, or
/// be overwritten.
pub fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::solver::{Solver, SolverError};

    #[test]
    fn a_solver_refuses_them_and_no_others() {
        let with = |name: &HeaderName| {
            let solver = Solver::new("s", "http://h").unwrap();
            solver.with_header(name.clone(), HeaderValue::from_static("1"))
        };
        for name in RESERVED {
            let expected = SolverError::Header { name: name.clone() };
            assert_eq!(with(&name).unwrap_err(), expected);
        }
        for name in [header::AUTHORIZATION, header::USER_AGENT, header::ACCEPT] {
            assert!(with(&name).is_ok(), "{name}");
        }
    }
}
