use std::time::Duration;

use super::set::SetPlan;
use crate::chance::{Chance, Place};

/// One auction: what it is, who gets which part of it, and what goes wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct AuctionPlan {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// Which of the texts and values that were made at the start it is made of.
    pub(crate) base: usize,
    pub(crate) chunk_bytes: usize,
    /// The document that is archived, and sent to all who have no other.
    pub(crate) main: Cut,
    /// What each solver is sent; `None`: the main document.
    pub(crate) views: Vec<Option<Cut>>,
    /// What is appended for each solver, if its document was left open.
    pub(crate) appended: Vec<Vec<Appended>>,
    pub(crate) archived: bool,
    pub(crate) breakage: Option<Breakage>,
    pub(crate) way: Way,
}

/// The members that may be left out. Never the id, by which auctions are told apart.
const MEMBERS: [&str; 5] = [
    "tokens",
    "orders",
    "effectiveGasPrice",
    "deadline",
    "surplusCapturingJitOrderOwners",
];

/// The member that may be emptied.
pub(crate) const LIQUIDITY: &str = "liquidity";

/// Which part of an auction a document is: a key of views.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cut {
    pub(crate) without: Vec<&'static str>,
    pub(crate) no_liquidity: bool,
    /// Whether it is left open, for members to be appended.
    pub(crate) open: bool,
}

impl Cut {
    /// All of it.
    pub(crate) fn whole(open: bool) -> Self {
        Self {
            without: Vec::new(),
            no_liquidity: false,
            open,
        }
    }

    pub(crate) fn keeps(&self, member: &str) -> bool {
        !self.without.contains(&member)
    }

    pub(crate) fn empties(&self, member: &str) -> bool {
        self.no_liquidity && member == LIQUIDITY
    }
}

/// A member that is appended for one solver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    index: u64,
    deadline: u64,
    padding: usize,
}

impl Appended {
    /// Its name, and the text of its value.
    pub(crate) fn member(&self) -> (String, String) {
        let (deadline, padding) = (self.deadline, "x".repeat(self.padding));
        let value = format!(r#"{{"deadline":{deadline},"padding":"{padding}"}}"#);
        (format!("appended-{}", self.index), value)
    }
}

/// How a document is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a typed value.
    Typed,
    /// Of the text that it came in.
    Raw,
    /// Of parts that are made while they are sent.
    Lazy,
    /// Of an archived object.
    Replay,
}

/// How a document fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breakage {
    pub(crate) how: Broken,
    pub(crate) at: BreakagePlace,
    pub(crate) of_main: bool,
    pub(crate) of_views: bool,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Error,
    Panic,
    /// It panics when it is asked for a stream.
    PanicAtOnce,
    /// Its length is said to be larger by so much, or smaller.
    WrongLength(i64),
    /// It panics when it is asked for its length.
    PanicInLength,
}

/// After which byte.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BreakagePlace {
    /// So many from the start.
    Start(u64),
    /// So many from the end: 0 is after the last.
    End(u64),
    /// At this share of it, in parts of 65,536.
    Share(u64),
}

/// How it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To its end.
    Run,
    /// Ahead of the archive, which is waited for then.
    Ahead,
    /// Ahead of the archive, which is left to itself.
    AheadAndForgotten,
    /// The run is dropped after so long.
    Dropped(Duration),
    /// The same of a run ahead of its archive.
    AheadDropped(Duration),
}

impl AuctionPlan {
    pub(crate) fn any(seed: u64, place: Place, set: &SetPlan, bases: &[usize]) -> Self {
        let chance = &mut Chance::new(seed, place);
        let kind = chance.pick([Kind::Typed, Kind::Raw, Kind::Raw, Kind::Lazy, Kind::Replay]);
        let cuts: Vec<Cut> = (0..chance.below(4)).map(|_| cut(chance)).collect();
        let views: Vec<Option<Cut>> = set
            .solvers
            .iter()
            .map(|_| {
                // The main document is as likely as each of the others.
                let index = chance.below(cuts.len() as u64 + 1) as usize;
                cuts.get(index).cloned()
            })
            .collect();
        let main = Cut::whole(chance.one_in(3));
        let appended = set.solvers.iter().map(|_| members(chance)).collect();
        Self {
            place,
            kind,
            base: base(chance, bases),
            chunk_bytes: if chance.one_in(2) {
                64 * 1024
            } else {
                chance.scaled(4 * 1024, 256 * 1024) as usize
            },
            main,
            views,
            appended,
            archived: set.archive.is_some() && !chance.one_in(8),
            breakage: chance.one_in(6).then(|| breakage(chance)),
            way: way(chance),
        }
    }

    /// The name it is archived by, and that stands in it.
    pub(crate) fn name(&self) -> String {
        format!("soak-{}", self.place)
    }
}

/// Small ones are likelier, so that there are many.
fn base(chance: &mut Chance, bases: &[usize]) -> usize {
    let most = match chance.below(100) {
        0..60 => 30_000,
        60..85 => 300_000,
        85..96 => 1_000_000,
        96..99 => 4_000_000,
        // The largest of all.
        _ => return bases.len() - 1,
    };
    let count = bases.iter().filter(|bytes| **bytes < most).count();
    chance.below(count.max(1) as u64) as usize
}

fn cut(chance: &mut Chance) -> Cut {
    Cut {
        without: MEMBERS.into_iter().filter(|_| chance.one_in(3)).collect(),
        no_liquidity: chance.one_in(2),
        open: chance.one_in(2),
    }
}

fn members(chance: &mut Chance) -> Vec<Appended> {
    (0..chance.between(1, 2))
        .map(|index| Appended {
            index,
            deadline: chance.below(1_000_000_000),
            padding: chance.scaled(1, 2_000) as usize,
        })
        .collect()
}

fn breakage(chance: &mut Chance) -> Breakage {
    let (of_main, of_views) = chance.pick([(true, false), (false, true), (true, true)]);
    Breakage {
        how: match chance.below(8) {
            0..=2 => Broken::Error,
            3..=4 => Broken::Panic,
            5 => Broken::PanicAtOnce,
            6 => Broken::PanicInLength,
            _ => Broken::WrongLength(chance.pick([-70_000, -2, -1, 1, 2, 70_000])),
        },
        at: match chance.below(4) {
            0 => BreakagePlace::Start(chance.below(3)),
            1 => BreakagePlace::End(chance.below(3)),
            _ => BreakagePlace::Share(chance.below(65_536)),
        },
        of_main,
        of_views,
    }
}

fn way(chance: &mut Chance) -> Way {
    match chance.below(20) {
        0..=10 => Way::Run,
        11..=13 => Way::Ahead,
        14..=15 => Way::AheadAndForgotten,
        16..=18 => Way::Dropped(chance.milliseconds(1, 500)),
        _ => Way::AheadDropped(chance.milliseconds(1, 500)),
    }
}
