use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::{Result, WARM_UP};

/// A client with the settings that `driver_streaming::Pipeline` gives its own for engines on this machine, which gives up a
/// request after `deadline`.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(deadline: Duration) -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .tcp_user_timeout(deadline)
        .timeout(deadline)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("bench")
        .no_proxy()
        .build()?)
}

/// Posts a body to an engine's `/solve` and reads the answer to its end.
///
/// # Errors
/// When the engine cannot be reached, answers no 2xx, or its answer is no JSON.
pub async fn post(
    client: &reqwest::Client,
    engine: SocketAddr,
    body: impl Into<reqwest::Body>,
) -> Result<()> {
    let response = client
        .post(format!("http://{engine}/solve"))
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body)
        .send()
        .await?
        .error_for_status()?;
    let _answer: serde_json::Value = serde_json::from_slice(&response.bytes().await?)?;
    Ok(())
}

/// Posts [`WARM_UP`] to every engine, so that a connection to each is there and idle.
///
/// # Errors
/// As [`post`].
pub async fn warm_up(client: &reqwest::Client, engines: &[SocketAddr]) -> Result<()> {
    let engines = engines.iter();
    try_join_all(engines.map(|engine| post(client, *engine, WARM_UP))).await?;
    Ok(())
}
