//! Readers of all kinds in a simulated time, and what they cost one another: `cargo run --release -p tee-stream --example simulation`.
//!
//! Nothing here depends on the machine, so it prints the same table each time. The README shows some of its rows.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    convert::Infallible,
    future::poll_fn,
    io::{self, Write},
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tee_stream::{Branch, Sleep, Tee, Timer};

const CHUNK: usize = 64 * 1024;
/// 26 MiB.
const CHUNKS: u64 = 416;

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// The clock, and what is to happen when.
#[derive(Clone)]
struct Clock(Arc<Mutex<Events>>);

struct Events {
    now: Instant,
    times: BinaryHeap<Reverse<(Instant, u64)>>,
    wakers: HashMap<u64, Waker>,
    count: u64,
}

impl Clock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Events {
            now: Instant::now(),
            times: BinaryHeap::new(),
            wakers: HashMap::new(),
            count: 0,
        })))
    }

    fn wake_at(&self, time: Instant, waker: Waker) {
        let mut events = self.0.lock().unwrap();
        events.count += 1;
        let number = events.count;
        events.times.push(Reverse((time, number)));
        events.wakers.insert(number, waker);
    }

    /// Moves on to the next event. False if there is none.
    fn advance(&self) -> bool {
        let mut events = self.0.lock().unwrap();
        let Some(Reverse((time, number))) = events.times.pop() else {
            return false;
        };
        events.now = events.now.max(time);
        let waker = events.wakers.remove(&number);
        drop(events);
        waker.into_iter().for_each(Waker::wake);
        true
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let clock = self.clone();
        let mut asked = false;
        Box::pin(poll_fn(move |context| {
            if clock.now() >= deadline {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut asked, true) {
                clock.wake_at(deadline, context.waker().clone());
            }
            Poll::Pending
        }))
    }
}

/// A task that waits for its turn.
struct Task {
    number: usize,
    queued: Mutex<bool>,
    queue: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !std::mem::replace(&mut *self.queued.lock().unwrap(), true) {
            self.queue.lock().unwrap().push_back(self.number);
        }
    }
}

/// How long a source takes for its first chunk, and for each.
#[derive(Clone, Copy)]
struct Source {
    name: &'static str,
    first: Duration,
    each: Duration,
}

const SOURCES: [Source; 3] = [
    Source {
        name: "serializer",
        first: micros(10),
        each: micros(33),
    },
    Source {
        name: "compressor",
        first: micros(10),
        each: micros(330),
    },
    Source {
        name: "store",
        first: micros(20_000),
        each: micros(650),
    },
];

impl Source {
    fn produce(
        self,
        clock: Clock,
        offset: u64,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        let chunk = Bytes::from_static(&[7; CHUNK]);
        let first = offset / CHUNK as u64;
        assert!(offset.is_multiple_of(CHUNK as u64));
        stream::iter(first..CHUNKS).then(move |number| {
            let wait = if number == first {
                self.first + self.each
            } else {
                self.each
            };
            let (sleep, chunk) = (clock.sleep(wait), chunk.clone());
            async move {
                sleep.await;
                Ok(chunk)
            }
        })
    }
}

/// How a reader takes its chunks.
#[derive(Clone, Copy, PartialEq)]
struct Pace {
    /// The time for each chunk.
    each: Duration,
    /// Every so many chunks, it takes this long.
    pause: (u64, Duration),
    /// It reads so many chunks and then nothing.
    stalls_after: u64,
}

const fn pace(each: u64) -> Pace {
    Pace {
        each: micros(each),
        pause: (1, Duration::ZERO),
        stalls_after: CHUNKS + 1,
    }
}

const STALLED: Pace = Pace {
    stalls_after: 1,
    ..pace(50)
};

/// Half of the time it takes nothing, half of the time twice as much.
const BURSTS: Pace = Pace {
    pause: (32, micros(32 * 100)),
    ..pace(100)
};

struct Found {
    productions: f64,
    waited: Duration,
    allowed: Duration,
    peak: usize,
    delivered: Vec<Duration>,
}

/// What a chunk costs a core, on the side of the sender and on that of the receiver, where cores are counted.
const CPU: Duration = micros(25);

struct Reader {
    branch: Branch<Infallible>,
    pace: Pace,
    read: u64,
    /// What it does until it reads again.
    busy: Option<Sleep>,
    /// The receiver has yet to take the chunk.
    receives: bool,
    done: Option<Instant>,
}

/// Runs the tasks of all readers on so many cores.
fn run(source: Source, paces: &[Pace], cores: usize, configure: Configure) -> Found {
    let clock = Clock::new();
    let produced_on = clock.clone();
    let tee = configure(Tee::builder())
        .timer(clock.clone())
        .build_replayable(move |offset| source.produce(produced_on.clone(), offset));
    let queue = Arc::new(Mutex::new(VecDeque::new()));
    let mut readers: Vec<Reader> = paces
        .iter()
        .map(|&pace| Reader {
            branch: tee.branch(),
            pace,
            read: 0,
            busy: None,
            receives: false,
            done: None,
        })
        .collect();
    let tasks: Vec<_> = (0..readers.len() + cores.min(64))
        .map(|number| {
            let queued = Mutex::new(false);
            Arc::new(Task {
                number,
                queued,
                queue: Arc::clone(&queue),
            })
        })
        .collect();
    tasks[..readers.len()]
        .iter()
        .for_each(|task| Arc::clone(task).wake());
    let began = clock.now();
    let mut idle: Vec<usize> = (readers.len()..tasks.len()).collect();
    let limited = cores < 64;
    while readers
        .iter()
        .any(|reader| reader.done.is_none() && reader.pace.stalls_after > CHUNKS)
    {
        let next = {
            let mut queue = queue.lock().unwrap();
            // A core that has become idle, or a reader, if there is a core for it.
            let position = queue
                .iter()
                .position(|number| *number >= readers.len() || !idle.is_empty());
            position.and_then(|position| queue.remove(position))
        };
        let Some(number) = next else {
            assert!(clock.advance(), "it hangs: {:?} {:?}", tee, tee.branches());
            continue;
        };
        *tasks[number].queued.lock().unwrap() = false;
        if number >= readers.len() {
            idle.push(number);
            continue;
        }
        let waker = Waker::from(Arc::clone(&tasks[number]));
        let used = readers[number].turn(&clock, &waker, limited);
        if limited
            && !used.is_zero()
            && let Some(core) = idle.pop()
        {
            clock.wake_at(clock.now() + used, Waker::from(Arc::clone(&tasks[core])));
        }
    }
    let statistics = tee.statistics();
    let delivered = readers.iter().filter_map(|reader| reader.done);
    Found {
        productions: statistics.bytes_produced as f64 / (CHUNKS * CHUNK as u64) as f64,
        waited: statistics.waited,
        allowed: statistics.waiting_allowed,
        peak: statistics.cached_bytes_peak,
        delivered: delivered.map(|done| done - began).collect(),
    }
}

impl Reader {
    /// Runs it once, and returns for how long it used a core.
    fn turn(&mut self, clock: &Clock, waker: &Waker, limited: bool) -> Duration {
        let mut context = Context::from_waker(waker);
        if let Some(busy) = &mut self.busy {
            if busy.as_mut().poll(&mut context).is_pending() {
                return Duration::ZERO;
            }
            self.busy = None;
        }
        if self.done.is_some() || self.read == self.pace.stalls_after {
            return Duration::ZERO;
        }
        if std::mem::take(&mut self.receives) {
            self.busy = Some(clock.sleep(CPU));
            let _ = self
                .busy
                .as_mut()
                .map(|busy| busy.as_mut().poll(&mut context));
            return CPU;
        }
        match self.branch.poll_next_unpin(&mut context) {
            Poll::Pending => micros(1),
            Poll::Ready(None) => {
                assert_eq!(self.read, CHUNKS);
                self.done = Some(clock.now());
                Duration::ZERO
            }
            Poll::Ready(Some(chunk)) => {
                assert!(chunk.is_ok());
                self.read += 1;
                self.receives = limited;
                let (every, pause) = self.pace.pause;
                let mut wait = self.pace.each + if limited { CPU } else { Duration::ZERO };
                if self.read.is_multiple_of(every) {
                    wait += pause;
                }
                self.busy = Some(clock.sleep(wait));
                let ready = self
                    .busy
                    .as_mut()
                    .map(|busy| busy.as_mut().poll(&mut context));
                if ready != Some(Poll::Pending) {
                    waker.wake_by_ref();
                }
                if limited { CPU } else { Duration::ZERO }
            }
        }
    }
}

type Configure = fn(tee_stream::TeeBuilder<Infallible>) -> tee_stream::TeeBuilder<Infallible>;

fn default(builder: tee_stream::TeeBuilder<Infallible>) -> tee_stream::TeeBuilder<Infallible> {
    builder
}

fn thirty_two(builder: tee_stream::TeeBuilder<Infallible>) -> tee_stream::TeeBuilder<Infallible> {
    builder.max_productions(32.try_into().unwrap())
}

fn scenarios() -> Vec<(&'static str, Vec<Pace>, usize, Configure)> {
    let with =
        |healthy: usize, others: &[Pace]| [vec![pace(50); healthy], others.to_vec()].concat();
    let speeds: Vec<Pace> = (0..32).map(|reader| pace(50 + 200 * reader)).collect();
    vec![
        ("2 healthy", with(2, &[]), 64, default),
        ("64 healthy", with(64, &[]), 64, default),
        ("32 healthy, two cores", vec![pace(0); 32], 2, default),
        (
            "32 healthy that vary, two cores",
            (0..32).map(|reader| pace(reader * 10)).collect(),
            2,
            default,
        ),
        ("7 healthy, 1 stalled", with(7, &[STALLED]), 64, default),
        ("4 healthy, 4 stalled", with(4, &[STALLED; 4]), 64, default),
        ("1 healthy, 7 stalled", with(1, &[STALLED; 7]), 64, default),
        (
            "31 healthy, 1 stalled, two cores",
            [vec![pace(0); 31], vec![STALLED]].concat(),
            2,
            default,
        ),
        (
            "6 healthy, 10 and 2 MB/s",
            with(6, &[pace(6_500), pace(32_000)]),
            64,
            default,
        ),
        ("4 healthy, 4 in bursts", with(4, &[BURSTS; 4]), 64, default),
        ("32 speeds", speeds.clone(), 64, default),
        ("32 speeds, 32 productions", speeds, 64, thirty_two),
    ]
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| readers | source | productions | waited, allowed, ms | delivery over its own alone: median of the fastest quarter, median, worst |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    for (name, paces, cores, configure) in scenarios() {
        for source in SOURCES {
            let found = run(source, &paces, cores, configure);
            let moving = || paces.iter().filter(|pace| pace.stalls_after > CHUNKS);
            let mut alone = HashMap::new();
            let mut over: Vec<(Duration, f64)> = Vec::new();
            for (pace, delivered) in moving().zip(&found.delivered) {
                let best = *alone
                    .entry((pace.each, pace.pause))
                    .or_insert_with(|| run(source, &[*pace], cores, default).delivered[0]);
                over.push((best, delivered.as_secs_f64() / best.as_secs_f64()));
            }
            over.sort_by(|one, other| one.partial_cmp(other).unwrap());
            let median = |part: &[(Duration, f64)]| {
                let mut ratios: Vec<f64> = part.iter().map(|(_, ratio)| *ratio).collect();
                ratios.sort_by(f64::total_cmp);
                ratios[ratios.len() / 2]
            };
            let worst = over.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
            writeln!(
                out,
                "| {name} | {} | {:.2} | {:.0}, {:.0} | {:.2}, {:.2}, {worst:.2} |",
                source.name,
                found.productions,
                found.waited.as_secs_f64() * 1000.0,
                found.allowed.as_secs_f64() * 1000.0,
                median(&over[..over.len().div_ceil(4)]),
                median(&over),
            )?;
            assert!(found.waited <= found.allowed, "waiting cost too much");
            assert!(found.peak < 1024 * 1024 + 8 * CHUNK || found.productions > 8.0);
        }
    }
    Ok(())
}
