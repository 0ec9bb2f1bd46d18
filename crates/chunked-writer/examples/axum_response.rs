//! An axum handler that streams a large value: no buffer of the whole response, no thread for each request.
//!
//! ```console
//! $ cargo run -p chunked-writer --features http-body --example axum_response
//! listening on http://127.0.0.1:41523/
//! $ curl --silent http://127.0.0.1:41523/ | wc --bytes
//! 3177781
//! ```

#![expect(clippy::print_stdout, reason = "it is a program")]

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chunked_writer::JsonDocument;
use serde::Serialize;
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Row {
    id: u32,
    name: String,
}

type Report = JsonDocument<Vec<Row>>;

/// Each request gets a stream of its own over the same rows. A client that goes away drops the stream.
async fn report(State(report): State<Report>) -> Response {
    let body = Body::new(report.stream());
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = (0..100_000).map(|id| Row {
        id,
        name: format!("row {id}"),
    });
    let document = JsonDocument::new(rows.collect::<Vec<_>>());
    // Optional: with a known length, responses have a `Content-Length` instead of chunked encoding.
    document.count_length().await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(report)).with_state(document);
    axum::serve(listener, app).await?;
    Ok(())
}
