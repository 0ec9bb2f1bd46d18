//! The page that shows a report: one file that runs nothing and loads nothing.

use anyhow::Result;
use maud::{DOCTYPE, PreEscaped, html};
use pulldown_cmark::{Options, Parser, html::push_html};

use crate::document::{MEMORY, OVERVIEW, figures};
use crate::plots;
use crate::report::Report;

/// The style of the program's report, and what pictures and tables need besides.
const STYLE: &str = include_str!("../../../crates/driver-cli/src/report/style.css");
const OWN_STYLE: &str = include_str!("page.css");

/// The page as one file.
///
/// # Errors
/// When the report cannot be written as text.
pub(crate) fn page(report: &Report) -> Result<String> {
    let title = "What it takes to send one auction to many solvers";
    let text = figures(report)?;
    let mut body = String::new();
    push_html(&mut body, Parser::new_ext(&text, Options::ENABLE_TABLES));
    let pictures = [
        (OVERVIEW, plots::overview(report)),
        (MEMORY, plots::memory(report)),
    ];
    for (link, picture) in pictures {
        let mut image = String::new();
        push_html(&mut image, Parser::new(link));
        let figure = html! { figure { (picture) } };
        body = body.replace(&image, &figure.into_string());
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body { main { h1 { (title) } (PreEscaped(body)) } }
        }
    };
    Ok(page.into_string() + "\n")
}
