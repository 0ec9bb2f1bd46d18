//! Who attaches where: which production a branch reads from, and when one begins or ends. Each rule is compared with one
//! that walks from byte to byte.

use std::{convert::Infallible, ops::Range, task::Waker, time::Duration, time::Instant};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

type Tee = State<Infallible>;

/// The last byte at which anything stands.
const END: u64 = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Running,
    Ended,
    Failed,
}

fn tee(window: usize, max_productions: usize) -> Tee {
    let settings = Settings {
        window,
        window_chunks: 1000,
        max_productions,
        can_replay: true,
        timed: false,
        lag_policy: LagPolicy::Replay,
    };
    let mut tee = State::new(settings, None, Box::pin(futures_util::stream::empty()));
    tee.productions.clear();
    tee
}

/// Adds a production, and returns its number.
fn stands(tee: &mut Tee, position: u64, kind: Kind) -> u64 {
    let source = match kind {
        Kind::Running => Source::Taken,
        Kind::Ended => Source::Ended,
        Kind::Failed => Source::Failed(TeeError::Poisoned),
    };
    let id = tee.opened;
    tee.opened += 1;
    let signal = Signal::new(&tee.wakers, id);
    let production = Production::new(id, position, source, signal);
    tee.productions.insert(id, production);
    tee.frontier = tee.frontier.max(position);
    id
}

/// Adds a reader, and returns its index.
fn reads(tee: &mut Tee, offset: u64, home: Option<u64>) -> usize {
    let mut reader = Reader::new(0, None, LagPolicy::Replay);
    (reader.offset, reader.home) = (offset, home);
    tee.readers.insert(reader)
}

fn caches(tee: &mut Tee, range: Range<u64>) {
    let bytes = Bytes::from(vec![0; (range.end - range.start) as usize]);
    tee.cache.insert(range.start, bytes);
}

fn seek(tee: &mut Tee, index: usize, now: Option<Instant>) -> Option<Step<Infallible>> {
    let mut effects = Effects::new();
    let step = tee.seek(index, now, true, Waker::noop(), &mut effects);
    effects.run();
    step
}

fn scenes() -> impl Strategy<Value = Tee> {
    let kinds = select(vec![
        Kind::Running,
        Kind::Running,
        Kind::Ended,
        Kind::Failed,
    ]);
    let productions = vec((0..=END, kinds), 0..6);
    let readers = vec((0..=END, any::<Option<prop::sample::Index>>()), 0..6);
    let cached = vec((0..=END, 1..12_u64), 0..8);
    let settings = (1..=48_usize, 1..=5_usize, 0..200_u64, any::<bool>());
    (settings, productions, readers, cached).prop_map(|(settings, productions, readers, cached)| {
        let (window, max_productions, produced, can_replay) = settings;
        let mut tee = tee(window, max_productions);
        (tee.produced, tee.settings.can_replay) = (produced, can_replay);
        for (position, kind) in productions {
            stands(&mut tee, position, kind);
        }
        for (offset, home) in readers {
            let ids: Vec<u64> = tee.productions.keys().copied().collect();
            let home = home.filter(|_| !ids.is_empty()).map(|home| *home.get(&ids));
            // A reader may be ahead of the production that it rides on.
            reads(&mut tee, offset, home);
        }
        for (start, length) in cached {
            caches(&mut tee, start..start + length);
        }
        tee.find_tails();
        tee
    })
}

impl std::fmt::Debug for Tee {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let productions = self.productions.values();
        let productions: Vec<_> = productions
            .map(|at| (at.id, at.position, kind(at)))
            .collect();
        let readers: Vec<_> = self
            .readers
            .iter()
            .map(|(_, at)| (at.offset, at.home))
            .collect();
        let settings = (
            &self.settings.window,
            &self.settings.max_productions,
            self.produced,
        );
        write!(
            formatter,
            "{settings:?} {productions:?} {readers:?} {:?}",
            self.cache
        )
    }
}

fn kind(production: &Production<Infallible>) -> Kind {
    match production.source {
        Source::Idle(_) | Source::Taken => Kind::Running,
        Source::Ended => Kind::Ended,
        Source::Failed(_) => Kind::Failed,
    }
}

/// The productions of these kinds that stand at `position`.
fn at<'a>(tee: &'a Tee, position: u64, kinds: &'a [Kind]) -> impl Iterator<Item = u64> + 'a {
    let productions = tee.productions.values();
    let here = productions.filter(move |at| at.position == position && kinds.contains(&kind(at)));
    here.map(|at| at.id)
}

/// How far the cache leads from `offset`.
fn leads_to(tee: &Tee, offset: u64) -> u64 {
    let mut positions = offset..;
    let gap = positions.find(|position| tee.cache.get(*position).is_none());
    gap.unwrap_or(offset)
}

/// The bytes that are yielded when every production, and another one from `offset`, has come to the frontier.
fn yielded_in_the_end(tee: &Tee, offset: u64) -> u64 {
    let running = (0..=END).flat_map(|from| at(tee, from, &[Kind::Running]).map(move |_| from));
    let remaining = running
        .chain([offset])
        .map(|from| (from..tee.frontier).count() as u64);
    tee.produced + remaining.sum::<u64>()
}

fn running(tee: &Tee) -> usize {
    (0..=END)
        .map(|position| at(tee, position, &[Kind::Running]).count())
        .sum()
}

fn may_open(tee: &Tee, offset: u64) -> bool {
    let most = tee.settings.max_productions;
    let times = [0, 1, 2, 2, 3, 4][most];
    running(tee) < most && yielded_in_the_end(tee, offset) <= times * tee.frontier
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_branch_rides_on_the_nearest_production_behind(tee in scenes(), offset in 0..=END) {
        let places = (0..=offset).rev();
        let nearest = places.map(|place| at(&tee, place, &[Kind::Running]).last()).find(Option::is_some);
        let nearest = nearest.flatten().filter(|id| {
            let distance = offset - tee.productions[id].position;
            distance <= tee.settings.window as u64 || !may_open(&tee, offset)
        });
        prop_assert_eq!(tee.behind(offset), nearest);
        for id in tee.productions.keys() {
            let others = (0..=offset).any(|place| at(&tee, place, &[Kind::Running]).any(|other| other != *id));
            prop_assert_eq!(tee.has_elsewhere(*id, offset), others || may_open(&tee, offset));
        }
        prop_assert_eq!(tee.statistics().productions_open, running(&tee));
    }

    #[test]
    fn a_branch_joins_the_nearest_production_to_which_the_cache_leads(tee in scenes(), offset in 0..=END) {
        let places = || offset..=leads_to(&tee, offset);
        let healthy = places().find_map(|place| at(&tee, place, &[Kind::Running, Kind::Ended]).next());
        let nearest = healthy.or_else(|| places().find_map(|place| at(&tee, place, &[Kind::Failed]).next()));
        let welcome = nearest.filter(|id| {
            let production = &tee.productions[id];
            let is_rearmost = tee.readers.iter().all(|(_, reader)| reader.home != Some(*id) || reader.offset > offset);
            production.position - offset <= tee.settings.window as u64 / 4 * 3
                || !is_rearmost
                || kind(production) != Kind::Running
                || !tee.settings.can_replay
        });
        prop_assert_eq!(tee.reachable(offset), welcome);
    }

    #[test]
    fn only_chunks_that_nobody_needs_leave_a_full_cache(mut tee in scenes()) {
        let is_needed = |tee: &Tee, byte: u64| {
            tee.productions.values().any(|production| {
                let mut readers = tee.readers.iter().map(|(_, reader)| reader);
                byte < production.position
                    && readers.any(|reader| reader.home == Some(production.id) && reader.offset <= byte)
            })
        };
        let before: Vec<u64> = (0..=END).filter(|byte| tee.cache.get(*byte).is_some()).collect();
        let was_full = tee.cache.is_full();
        tee.evict(&mut Effects::new());
        for byte in before {
            let is_here = tee.cache.get(byte).is_some();
            prop_assert!(is_here || (was_full && !is_needed(&tee, byte)), "byte {byte}");
        }
        // Chunks are kept whole, and where a production stands inside one.
        let mut byte = 0;
        while tee.cache.is_full() && byte <= END {
            let end = tee.cache.end_of(byte).unwrap_or(byte + 1);
            let is_here = tee.cache.get(byte).is_some();
            let stands_inside = tee.productions.values().any(|at| (byte + 1..end).contains(&at.position));
            let is_needed = stands_inside || (byte..end).any(|byte| is_needed(&tee, byte));
            prop_assert!(!is_here || is_needed, "byte {byte}");
            byte = end;
        }
    }

    #[test]
    fn a_production_ends_where_another_one_is_near_and_its_readers_go_there(mut tee in scenes(), at_id: prop::sample::Index) {
        let ids: Vec<u64> = tee.productions.keys().copied().collect();
        prop_assume!(!ids.is_empty());
        let id = *at_id.get(&ids);
        let (position, was_running) = (tee.productions[&id].position, kind(&tee.productions[&id]) == Kind::Running);
        let furthest = leads_to(&tee, position).min(position + tee.settings.window as u64 / 4 * 3);
        let others: Vec<u64> = (position..=furthest)
            .flat_map(|place| at(&tee, place, &[Kind::Running, Kind::Ended]))
            .filter(|other| *other != id)
            .collect();
        let indices: Vec<usize> = tee.readers.iter().filter(|(_, reader)| reader.home == Some(id)).map(|(index, _)| index).collect();
        tee.merge(id, None, &mut Effects::new());
        let merges = was_running && !others.is_empty();
        prop_assert_eq!(tee.productions.contains_key(&id), !merges);
        for index in indices {
            let home = tee.readers[index].home.unwrap();
            let allowed = if merges { &others[..] } else { &[id] };
            prop_assert!(allowed.contains(&home));
        }
    }

    #[test]
    fn productions_without_readers_close_where_there_is_a_replay(mut tee in scenes()) {
        let read: Vec<u64> = tee.readers.iter().filter_map(|(_, reader)| reader.home).collect();
        let mut kept: Vec<u64> = tee.productions.keys().copied().collect();
        kept.retain(|id| !tee.settings.can_replay || read.contains(id));
        tee.close_unwanted(None, &mut Effects::new());
        prop_assert_eq!(tee.productions.keys().copied().collect::<Vec<_>>(), kept);
    }
}

#[test]
fn readers_share_the_budget_down_to_a_quarter_and_a_byte() {
    for (window, expected) in [(100, [100, 100, 50, 33, 25, 25]), (2, [2, 2, 1, 1, 1, 1])] {
        let mut tee = tee(window, 8);
        for expected in expected {
            assert_eq!(tee.share(), expected);
            stands(&mut tee, 0, Kind::Ended);
            stands(&mut tee, 0, Kind::Running);
        }
    }
}

#[test]
fn a_production_ends_when_the_rest_of_the_document_is_known() {
    for (ended, missing) in [(true, 0), (true, 1), (false, 0)] {
        let mut tee = tee(100, 8);
        let id = stands(&mut tee, 10, Kind::Running);
        caches(&mut tee, 10..30 - missing);
        (tee.ended, tee.length) = (ended, Some(30));
        tee.merge(id, None, &mut Effects::new());
        let (kind, position) = (kind(&tee.productions[&id]), tee.productions[&id].position);
        let merges = ended && missing == 0;
        let expected = if merges {
            (Kind::Ended, 30)
        } else {
            (Kind::Running, 10)
        };
        assert_eq!((kind, position), expected, "{ended} {missing}");
    }
}

#[test]
fn a_branch_settles_at_the_production_that_it_finds_ahead_or_behind() {
    let mut tee = tee(10, 8);
    let id = stands(&mut tee, 8, Kind::Running);
    caches(&mut tee, 0..8);
    for offset in [2, 12] {
        let index = reads(&mut tee, offset, None);
        assert!(seek(&mut tee, index, None).is_none());
        assert_eq!(tee.readers[index].home, Some(id));
    }
}

#[test]
fn a_reader_that_others_wait_for_goes_first() {
    let mut tee = tee(16, 1);
    let id = stands(&mut tee, 16, Kind::Running);
    caches(&mut tee, 0..8);
    caches(&mut tee, 8..16);
    let [last, between, front] = [4, 12, 16].map(|offset| reads(&mut tee, offset, Some(id)));
    let mut effects = Effects::new();
    let step = tee.make_space(front, id, None, &mut effects);
    assert!(matches!(step, Some(Step::Yield)));
    for (index, yields) in [(between, true), (last, false), (between, false)] {
        let step = tee.step(index, None, true, Waker::noop(), &mut effects);
        assert!(matches!(
            (step, yields),
            (Step::Yield, true) | (Step::Chunk(_), false)
        ));
    }
}

/// A reader at 0 behind a production at the front, where no other may begin.
fn behind_all(timed: bool) -> (Tee, usize, u64) {
    let mut tee = tee(10, 1);
    tee.settings.timed = timed;
    let front = stands(&mut tee, 40, Kind::Running);
    reads(&mut tee, 40, Some(front));
    let index = reads(&mut tee, 0, None);
    (tee, index, front)
}

#[test]
fn a_branch_behind_all_waits_as_long_as_producing_took_and_then_one_begins_anew() {
    let (mut tee, index, front) = behind_all(true);
    tee.account.produced_for = Duration::from_millis(7);
    let (start, earned) = (Instant::now(), tee.account.earned());
    assert!(matches!(seek(&mut tee, index, None), Some(Step::ReadClock)));
    for late in [Duration::ZERO, earned - Duration::from_nanos(1)] {
        let step = seek(&mut tee, index, Some(start + late));
        assert!(matches!(step, Some(Step::WaitUntil(until)) if until == start + earned));
        assert!(tee.productions[&front].waiting);
    }
    let step = seek(&mut tee, index, Some(start + earned));
    assert!(matches!(step, Some(Step::Open { offset: 0, .. })));
    assert!(!tee.productions.contains_key(&front));
    assert_eq!(tee.readers[index].waited, earned);
    assert_eq!(tee.productions.len(), 1);
    let id = tee.productions.keys().copied().next();
    assert_eq!(tee.readers[index].home, id);

    let (mut untimed, index, _) = behind_all(false);
    let step = seek(&mut untimed, index, None);
    assert!(matches!(step, Some(Step::Open { offset: 0, .. })));
}

#[test]
fn a_new_production_takes_in_those_that_were_let_go_nearby() {
    let mut tee = tee(10, 8);
    tee.frontier = 100;
    let other = stands(&mut tee, 100, Kind::Running);
    let ahead = reads(&mut tee, 100, Some(other));
    let seeks = reads(&mut tee, 5, None);
    let near = [5, 6, 15].map(|offset| reads(&mut tee, offset, None));
    let far = [4, 16].map(|offset| reads(&mut tee, offset, None));
    let lagged = reads(&mut tee, 6, None);
    tee.readers[lagged].lagged = Some(100);
    let rides = reads(&mut tee, 7, Some(other));
    let Some(Step::Open { id, offset: 5, .. }) = seek(&mut tee, seeks, None) else {
        panic!("no production begins at 5");
    };
    let home = |index: usize| tee.readers[index].home;
    assert!(
        near.into_iter()
            .chain([seeks])
            .all(|index| home(index) == Some(id))
    );
    assert!(
        far.into_iter()
            .chain([lagged])
            .all(|index| home(index).is_none())
    );
    assert_eq!((home(ahead), home(rides)), (Some(other), Some(other)));
    assert_eq!(tee.opened, id + 1);
}

#[test]
fn a_branch_that_has_produced_in_this_poll_opens_nothing_and_without_a_replay_fails() {
    let mut tee = tee(10, 8);
    let index = reads(&mut tee, 3, None);
    let mut effects = Effects::new();
    let step = tee.seek(index, None, false, Waker::noop(), &mut effects);
    assert!(matches!(step, Some(Step::Yield)));
    tee.settings.can_replay = false;
    let step = seek(&mut tee, index, None);
    assert!(matches!(
        step,
        Some(Step::Fail(TeeError::Unavailable { offset: 3 }))
    ));
    caches(&mut tee, 0..8);
    let step = seek(&mut tee, index, None);
    assert!(matches!(step, Some(Step::Chunk(chunk)) if chunk.len() == 5));
}

#[test]
fn a_reader_ahead_of_a_production_that_fails_reads_on_from_another() {
    for (offset, fails) in [(5, true), (9, false)] {
        let mut tee = tee(4, 5);
        let failed = stands(&mut tee, 5, Kind::Failed);
        tee.frontier = 9;
        let index = reads(&mut tee, offset, Some(failed));
        let mut effects = Effects::new();
        let step = tee.step(index, None, true, Waker::noop(), &mut effects);
        effects.run();
        assert_eq!(matches!(step, Step::Fail(_)), fails);
        assert!(fails || matches!(step, Step::Open { offset: 9, .. }));
    }
}
