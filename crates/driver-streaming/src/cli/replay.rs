use std::collections::HashSet;

use futures_util::StreamExt;
use jiff::Timestamp;

use super::arguments::ReplayArguments;
use super::exit::{Exit, Failure};
use super::member_setting::parse_setting;
use super::run::run_and_print;
use super::setup::{build, parse_solvers};
use crate::archive::StoreLocation;
use crate::auction::AuctionId;
use crate::document::Document;
use crate::error_chain;
use crate::pipeline::Pipeline;
use crate::replay::ArchivedDocument;
use crate::telemetry::export::Export;

pub(super) async fn run(arguments: &ReplayArguments, export: &Export) -> Result<Exit, Failure> {
    let solvers = parse_solvers(&arguments.solvers)?;
    let now = Timestamp::now();
    let settings: Vec<_> = arguments
        .settings
        .iter()
        .map(|text| parse_setting(text, now))
        .collect::<Result<_, _>>()?;
    let mut names = HashSet::new();
    if let Some((twice, _)) = settings.iter().find(|(name, _)| !names.insert(name)) {
        return Err(Failure::usage(format!(
            "--set: the member {twice:?} is set twice"
        )));
    }
    let mut builder = Pipeline::builder().solvers(solvers);
    if let Some(deadline) = arguments.sending.deadline {
        builder = builder.deadline(deadline);
    }
    let pipeline = build(export.attach(builder))?;
    let (location, name) = StoreLocation::object(&arguments.location).map_err(|error| {
        Failure::usage(format!("the archived auction: {}", error_chain(&error)))
    })?;
    let refuse = |error: String| Failure::usage(format!("{}: {error}", location.url_of(&name)));
    let id = id_of(&name);
    let archive = location
        .archive()
        .build()
        .map_err(|error| refuse(error_chain(&error)))?;
    // An object that is not there, or is no auction from its first chunk on, is wrong input: nothing has been sent yet.
    // A document of its own is looked at, so that the look is not counted as a production.
    let looked_at = ArchivedDocument::new(archive.clone(), &*name);
    if let Some(Err(error)) = looked_at.stream_from(0).next().await {
        return Err(refuse(error_chain(&error)));
    }
    let document = ArchivedDocument::new(archive, &*name).with_members(settings);
    run_and_print(
        &pipeline,
        document,
        id.as_ref(),
        None,
        arguments.sending.format,
    )
    .await
}

/// The id in a name such as `8339027.json.gz`.
fn id_of(name: &str) -> Option<AuctionId> {
    let name = [".gz", ".zst", ".br"]
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(name);
    name.strip_suffix(".json").unwrap_or(name).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_name_without_its_extensions() {
        for (name, id) in [
            ("1.json", Some("1")),
            ("1.json.gz", Some("1")),
            ("1.2.json.zst", Some("1.2")),
            ("a.json.br", Some("a")),
            ("1", Some("1")),
            ("a b.json", None),
            (".json", None),
        ] {
            assert_eq!(
                id_of(name).map(|id| id.to_string()).as_deref(),
                id,
                "{name}"
            );
        }
    }
}
