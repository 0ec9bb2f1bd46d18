use std::collections::HashMap;
use std::error::Error;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use driver_cli::{DiskDocument, MemberEdits, archived_document, closing_members};
use driver_streaming::{AuctionId, Dispatch, Document, JsonDocument, Solver, View};
use tokio::runtime::Handle;

use super::broken::Breaking;
use super::source::{SHELVED, Source};
use super::value::{Stamped, lazy};
use crate::decode::Hashing;
use crate::plan::{Appended, AuctionPlan, BreakagePlace, Broken, Cut, Kind};

/// A run to be made, and what must come of it.
pub(crate) struct Prepared {
    pub(crate) dispatch: Dispatch,
    /// By the solver's index.
    pub(crate) solvers: Vec<Expectation>,
    pub(crate) archive: Expectation,
    /// Digests that the outcome may give for the auction.
    pub(crate) auction_sha256: String,
}

/// What one reader must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Whether there is such a document: others fail before their end.
    pub(crate) is_sound: bool,
    /// Whether its length can be counted, and is right.
    pub(crate) is_counted: bool,
}

/// What the archive appends to a document that was left open.
const ARCHIVED: (&str, &str) = ("archived", "true");

type Prepare<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Prepared {
    /// Makes everything. Takes as long as writing all documents, and hashing them for each solver.
    pub(crate) fn new(plan: &AuctionPlan, source: &Source, solvers: &[Solver]) -> Prepare<Self> {
        let maker = Maker::new(plan, source)?;
        let mut documents: HashMap<&Cut, Made> = HashMap::new();
        for cut in plan.views.iter().flatten() {
            if !documents.contains_key(cut) {
                documents.insert(cut, maker.make(cut, false)?);
            }
        }
        let main = maker.make(&plan.main, true)?;
        let archived = [(ARCHIVED.0.to_owned(), ARCHIVED.1.to_owned())];
        let archive = main.expectation(&plan.main, &archived);
        let appended: Vec<Vec<_>> = plan
            .appended
            .iter()
            .map(|members| members.iter().map(Appended::member).collect())
            .collect();
        let expected = plan.views.iter().zip(&appended);
        let expected = expected.map(|(view, appended)| match view {
            None => main.expectation(&plan.main, appended),
            Some(cut) => documents[cut].expectation(cut, appended),
        });
        let expected = expected.collect();
        let auction_sha256 = match plan.kind {
            Kind::Replay => source.shelved_sha256(plan.base).to_owned(),
            _ if plan.archived || !plan.main.open => archive.sha256.clone(),
            // Nobody closes it.
            kind => {
                let mut text = main.text.clone();
                text.pop();
                if kind == Kind::Raw {
                    text.push(b',');
                }
                Hashing::of(&text).sha256()
            }
        };

        let mut dispatch = Dispatch::new(main.document());
        if plan.main.open {
            dispatch = dispatch.archive_tail(maker.tail(&archived));
        }
        if plan.archived {
            dispatch = dispatch.archive_as(plan.name().parse::<AuctionId>()?);
        }
        let mut index = 0;
        let dispatch = dispatch.views(
            solvers,
            |_solver| {
                let (view, appended) = (&plan.views[index], &appended[index]);
                index += 1;
                let cut = view.as_ref().unwrap_or(&plan.main);
                let view = match view {
                    None => View::auction(),
                    Some(cut) => View::keyed(cut.clone()),
                };
                if cut.open {
                    view.tail(maker.tail(appended))
                } else {
                    view
                }
            },
            |cut| documents[cut].document(),
        );
        Ok(Self {
            dispatch,
            solvers: expected,
            archive,
            auction_sha256,
        })
    }
}

/// A document, and its whole text, closed.
struct Made {
    inner: Arc<dyn Document>,
    text: Vec<u8>,
    fault: Option<(Broken, u64)>,
}

impl Made {
    fn document(&self) -> Breaking {
        Breaking {
            inner: Arc::clone(&self.inner),
            fault: self.fault,
        }
    }

    /// What a reader gets of it that has these members appended, if it was left open.
    fn expectation(&self, cut: &Cut, appended: &[(String, String)]) -> Expectation {
        let broken = self.fault.map(|(broken, _)| broken);
        let mut hashing = Hashing::of(&self.text);
        if cut.open {
            let mut text = self.text.clone();
            text.pop();
            for (name, value) in appended {
                text.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
            }
            text.push(b'}');
            hashing = Hashing::of(&text);
        }
        Expectation {
            sha256: hashing.sha256(),
            bytes: hashing.bytes(),
            is_sound: !matches!(
                broken,
                Some(Broken::Error | Broken::Panic | Broken::PanicAtOnce)
            ),
            is_counted: !matches!(broken, Some(Broken::WrongLength(_) | Broken::PanicInLength)),
        }
    }
}

/// Makes the documents of one auction.
struct Maker<'a> {
    plan: &'a AuctionPlan,
    source: &'a Source,
    /// The auction itself, if that is what documents are made of.
    disk: Option<DiskDocument>,
}

impl<'a> Maker<'a> {
    fn new(plan: &'a AuctionPlan, source: &'a Source) -> Prepare<Self> {
        let runtime = Handle::current();
        let disk = match plan.kind {
            Kind::Raw => {
                let text = Cursor::new(raw_text(plan, source));
                Some(runtime.block_on(DiskDocument::read(text, u64::MAX))?)
            }
            Kind::Replay => {
                let (archive, name) = source.shelved(plan.base, plan.chunk_bytes);
                let (document, rest) = runtime.block_on(archived_document(&archive, &name))?;
                runtime.spawn(rest);
                Some(document)
            }
            Kind::Typed | Kind::Lazy => None,
        };
        Ok(Self { plan, source, disk })
    }

    fn make(&self, cut: &Cut, is_main: bool) -> Prepare<Made> {
        let base = self.source.base(self.plan.base);
        let chunk = NonZeroUsize::new(self.plan.chunk_bytes).unwrap_or(NonZeroUsize::MIN);
        let id = self.plan.name();
        let stamped = || Stamped {
            id: id.clone(),
            auction: Arc::clone(&base.auction),
            cut: cut.clone(),
        };
        let inner: Arc<dyn Document> = match (self.plan.kind, &self.disk) {
            (_, Some(disk)) => Arc::new(disk.with_edits(edits(cut)).with_chunk_size(chunk)),
            (Kind::Lazy, _) => {
                let document = lazy(stamped()).with_chunk_size(chunk);
                shared(document, cut, JsonDocument::left_open)
            }
            _ => {
                let document = JsonDocument::new(stamped()).with_chunk_size(chunk);
                shared(document, cut, JsonDocument::left_open)
            }
        };
        let text = match self.plan.kind {
            Kind::Raw if edits(cut).is_nothing() => raw_text(self.plan, self.source),
            Kind::Raw => base.text(&id, cut),
            Kind::Replay => base.text(SHELVED, cut),
            Kind::Typed | Kind::Lazy => serde_json::to_vec(&stamped())?,
        };
        // That of a text ends in a comma.
        let length = text.len() - usize::from(cut.open && !self.ends_in_a_comma());
        let breakage = self.plan.breakage.filter(|breakage| {
            if is_main {
                breakage.of_main
            } else {
                breakage.of_views
            }
        });
        let fault = breakage.map(|breakage| (breakage.how, breakage.at.offset(length as u64)));
        Ok(Made { inner, text, fault })
    }

    /// Whether a document that is left open brings the comma before what is appended.
    fn ends_in_a_comma(&self) -> bool {
        matches!(self.plan.kind, Kind::Raw | Kind::Replay)
    }

    /// What is sent after a document that was left open.
    fn tail(&self, appended: &[(String, String)]) -> Bytes {
        let members: Vec<(String, Bytes)> = appended
            .iter()
            .map(|(name, value)| (name.clone(), Bytes::from(value.clone())))
            .collect();
        let tail = closing_members(&members);
        // Every document has an id before it.
        if self.ends_in_a_comma() {
            tail
        } else {
            Bytes::from([b",", &tail[..]].concat())
        }
    }
}

/// An auction that is sent byte for byte: half of them have white space around their members.
fn raw_text(plan: &AuctionPlan, source: &Source) -> Vec<u8> {
    match plan.chunk_bytes.is_multiple_of(2) {
        true => source
            .base(plan.base)
            .text(&plan.name(), &Cut::whole(false)),
        false => source.base(plan.base).spaced_text(&plan.name()),
    }
}

/// A document that is left open if that is wanted.
fn shared<D: Document + 'static>(
    document: D,
    cut: &Cut,
    left_open: fn(D) -> D,
) -> Arc<dyn Document> {
    if cut.open {
        Arc::new(left_open(document))
    } else {
        Arc::new(document)
    }
}

/// What is cut, in the program's words.
fn edits(cut: &Cut) -> MemberEdits {
    let mut edits = MemberEdits::nothing().remove(cut.without.iter().copied());
    if cut.no_liquidity {
        edits = edits.without_liquidity();
    }
    if cut.open { edits.left_open() } else { edits }
}

impl BreakagePlace {
    fn offset(self, length: u64) -> u64 {
        match self {
            Self::Start(bytes) => bytes.min(length),
            Self::End(bytes) => length.saturating_sub(bytes),
            Self::Share(parts) => length * parts / 65_536,
        }
    }
}
