use super::exit::{Exit, Failure};
use crate::export::Export;
use driver_streaming::error_chain;

/// Runs a command whose telemetry is exported, and exports what is left of it when the command has ended.
///
/// By then the outcome has been printed: it waits for no collector.
pub(super) async fn exporting(
    otlp: Option<&str>,
    command: impl AsyncFnOnce(&Export) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let export = Export::start(otlp)
        .map_err(|error| Failure::usage(format!("--otlp: {}", error_chain(&error))))?;
    let exit = command(&export).await;
    export.finish().await;
    exit
}
