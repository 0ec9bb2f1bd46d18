use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tee_stream::{AfterPatience, LagPolicy, Sleep, Tee, Timer};

use crate::manual_timer::ManualTimer;

use crate::support::{Script, Wakes, document, next, poll, poll_with, read_to_end, replay};

const PATIENCE: Duration = Duration::from_millis(500);
const MILLISECOND: Duration = Duration::from_millis(1);

fn tee(timer: impl Timer + 'static) -> Tee<io::Error> {
    let document = document(40);
    Tee::builder()
        .window(10)
        .timer(timer)
        .lag_policy(LagPolicy::Patience {
            limit: PATIENCE,
            then: AfterPatience::Replay,
        })
        .build_replayable(replay(&document, 10))
}

/// One clock for all, and sleeps by the timer of the runtime that is current.
struct Runtimes {
    clock: ManualTimer,
    current: Arc<Mutex<ManualTimer>>,
}

impl Timer for Runtimes {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.current.lock().unwrap().sleep_until(deadline)
    }
}

#[test]
fn a_branch_is_woken_by_the_runtime_that_polled_it_last_and_needs_no_other() {
    // One that nobody drives any longer.
    let (clock, gone) = (ManualTimer::new(), ManualTimer::new());
    let current = Arc::new(Mutex::new(gone));
    let tee = tee(Runtimes {
        clock: clock.clone(),
        current: Arc::clone(&current),
    });
    let (mut first, mut second, _stalled) = (tee.branch(), tee.branch(), tee.branch());
    next(&mut first);
    next(&mut second);
    let (wakes, moved, others) = (Wakes::new(), Wakes::new(), Wakes::new());
    assert!(poll_with(&mut first, &wakes).is_pending());
    *current.lock().unwrap() = clock.clone();
    assert!(poll_with(&mut second, &others).is_pending());
    clock.advance(PATIENCE / 2);
    assert_eq!((wakes.take(), others.take()), (0, 0));
    assert!(poll_with(&mut first, &moved).is_pending());
    clock.advance(PATIENCE / 2);
    assert_eq!((wakes.take(), moved.take(), others.take()), (0, 1, 1));
    assert_eq!(next(&mut second).len(), 10);
}

/// A clock whose sleeps end early.
struct Early(ManualTimer, Duration);

impl Timer for Early {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.0.sleep_until(deadline - self.1)
    }
}

#[test]
fn a_timer_that_is_early_is_asked_again_and_does_not_spin() {
    for early in [1, 2, 300] {
        let timer = ManualTimer::new();
        let tee = tee(Early(timer.clone(), MILLISECOND * early));
        let (mut first, _stalled) = (tee.branch(), tee.branch());
        next(&mut first);
        let wakes = Wakes::new();
        let mut polls = 0;
        let mut waited = Duration::ZERO;
        while poll_with(&mut first, &wakes).is_pending() {
            polls += 1;
            assert!(polls < 15, "{early} ms early: it spins");
            while wakes.take() == 0 {
                timer.advance(MILLISECOND);
                waited += MILLISECOND;
                assert!(waited < PATIENCE * 3, "{early} ms early: it hangs");
            }
        }
        assert!(waited >= PATIENCE);
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// A clock that does something else before it makes a sleep.
struct Late(ManualTimer, Arc<Mutex<Option<Hook>>>);

impl Timer for Late {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let hook = self.1.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        self.0.sleep_until(deadline)
    }
}

#[test]
fn a_deadline_that_passes_while_a_sleep_is_made_is_everybodys() {
    let (timer, hook) = (ManualTimer::new(), Arc::new(Mutex::new(None)));
    let tee = tee(Late(timer.clone(), Arc::clone(&hook)));
    let (mut first, _stalled) = (tee.branch(), tee.branch());
    let second = Arc::new(Mutex::new(tee.branch()));
    next(&mut first);
    next(&mut second.lock().unwrap());
    let others = Wakes::new();
    let (branch, waiting) = (Arc::clone(&second), Arc::clone(&others));
    *hook.lock().unwrap() = Some(Box::new(move || {
        // As another thread does while this one is not scheduled.
        assert!(poll_with(&mut branch.lock().unwrap(), &waiting).is_pending());
        waiting.take();
        timer.advance(PATIENCE);
    }) as Hook);
    let wakes = Wakes::new();
    assert!(poll_with(&mut first, &wakes).is_pending());
    assert!(hook.lock().unwrap().is_none());
    assert_eq!(wakes.take(), 1);
    drop(first);
    assert!(others.take() > 0);
    assert_eq!(next(&mut second.lock().unwrap()).len(), 10);
}

/// A clock that may panic.
struct Broken(ManualTimer, Arc<AtomicBool>);

impl Timer for Broken {
    fn now(&self) -> Instant {
        assert!(!self.1.load(Ordering::SeqCst), "the clock is broken");
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.0.sleep_until(deadline)
    }
}

#[test]
fn a_timer_that_panics_while_a_branch_is_dropped_leaves_nobody_waiting() {
    let broken = Arc::new(AtomicBool::new(false));
    let tee = tee(Broken(ManualTimer::new(), Arc::clone(&broken)));
    let (mut first, dropped) = (tee.branch(), tee.branch());
    next(&mut first);
    let wakes = Wakes::new();
    assert!(poll_with(&mut first, &wakes).is_pending());
    broken.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(move || drop(dropped))).is_err());
    assert_eq!(tee.statistics().branches_open, 1);
    assert!(wakes.take() > 0);
    broken.store(false, Ordering::SeqCst);
    assert!(matches!(
        poll(&mut first),
        Poll::Ready(Some(Err(tee_stream::TeeError::Poisoned)))
    ));
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

#[test]
fn a_waker_that_panics_does_not_keep_the_others_asleep() {
    let script = Script::default();
    let tee = Tee::new(script.stream());
    let (mut first, mut second) = (tee.branch(), tee.branch());
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        first
            .poll_next_unpin(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let wakes = Wakes::new();
    assert!(poll_with(&mut second, &wakes).is_pending());
    wakes.take();
    assert!(catch_unwind(AssertUnwindSafe(|| script.push_bytes(b"x"))).is_err());
    assert_eq!(wakes.take(), 1);
}

#[test]
fn a_branch_that_waits_no_longer_has_no_alarm() {
    let timer = ManualTimer::new();
    let tee = tee(timer.clone());
    let (mut first, mut slow, wakes) = (tee.branch(), tee.branch(), Wakes::new());
    next(&mut first);
    assert!(poll_with(&mut first, &wakes).is_pending());
    next(&mut slow);
    assert_eq!(wakes.take(), 1);
    next(&mut first);
    timer.advance(2 * PATIENCE);
    assert_eq!(wakes.take(), 0);
}

#[test]
fn nobody_looks_at_the_clock_for_a_single_reader() {
    struct Counting(Arc<AtomicUsize>);

    impl Timer for Counting {
        fn now(&self) -> Instant {
            self.0.fetch_add(1, Ordering::Relaxed);
            Instant::now()
        }

        fn sleep_until(&self, _deadline: Instant) -> Sleep {
            unreachable!("nobody waits")
        }
    }

    let looks = Arc::new(AtomicUsize::new(0));
    let tee = tee(Counting(Arc::clone(&looks)));
    let mut branch = tee.branch();
    let before = looks.load(Ordering::Relaxed);
    read_to_end(&mut branch);
    assert_eq!(looks.load(Ordering::Relaxed), before);
}

#[test]
fn what_producing_takes_is_the_credit() {
    let (script, timer) = (Script::default(), ManualTimer::new());
    let tee = Tee::builder().timer(timer.clone()).build(script.stream());
    let (mut first, _second) = (tee.branch(), tee.branch());
    for (by, taken) in [(20, 20), (30, 50)] {
        assert!(poll_with(&mut first, &Wakes::new()).is_pending());
        timer.advance(Duration::from_millis(by));
        script.push_bytes(b"x");
        next(&mut first);
        let statistics = tee.statistics();
        assert_eq!(statistics.produced_for, Duration::from_millis(taken));
        let allowed = Duration::from_millis(taken + 7);
        assert_eq!(statistics.waiting_allowed, allowed);
    }
}
