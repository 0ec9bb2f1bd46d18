//! A spool, while the store is stopped, killed, paused and restarted, and the program is killed at random instants: what was
//! accepted arrives, and nothing else does.
//!
//! `SPOOL_KILLS` and `SPOOL_AUCTIONS` say how often, and for how many.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a random instant is no event to wait for; the figures are to be read"
)]

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::end_to_end::decompressed;
use crate::support::{Finished, ObjectServer, program};

const SERVED: &str = "SPOOL_TEST_SERVED";
const ADDRESS: &str = "SPOOL_TEST_ADDRESS";

fn times(variable: &str, default: usize) -> usize {
    let said = std::env::var(variable).ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(default)
}

/// Serves a folder as S3 until it is killed.
#[test]
#[ignore = "run and killed by other tests"]
fn child_that_serves() {
    if let (Ok(folder), Ok(address)) = (std::env::var(SERVED), std::env::var(ADDRESS)) {
        ObjectServer::serve_for_ever(Path::new(&folder), address.parse().unwrap());
    }
}

/// An S3 server in a process of its own.
struct OtherProcess {
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl OtherProcess {
    /// One that is not started. Its port is none that others are given while it is away.
    fn away(folder: &Path, port: u16) -> Self {
        let port = 20_000 + (std::process::id() % 5_000) as u16 * 2 + port;
        Self {
            folder: folder.to_owned(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            child: None,
        }
    }

    fn start(&mut self) {
        let arguments = ["spool_kills::child_that_serves", "--exact", "--ignored"];
        let child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .env(SERVED, &self.folder)
            .env(ADDRESS, self.address.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Stops, kills or pauses it at random instants until it is to stay.
    fn upset(&mut self, is_over: &AtomicBool, random: &mut Random) -> [usize; 3] {
        let mut upsets = [0; 3];
        self.start();
        while !is_over.load(Ordering::Relaxed) {
            sleep(random.milliseconds(30..400));
            let which = random.below(3);
            upsets[which] += 1;
            if which == 2 {
                self.signal("-STOP");
                sleep(random.milliseconds(30..600));
                self.signal("-CONT");
            } else {
                self.end(["-TERM", "-KILL"][which]);
                sleep(random.milliseconds(0..300));
                self.start();
            }
        }
        upsets
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.end("-KILL");
        }
    }
}

/// Not random enough for anything else.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % end) as usize
    }

    fn milliseconds(&mut self, range: std::ops::Range<u64>) -> Duration {
        let more = self.below(range.end - range.start) as u64;
        Duration::from_millis(range.start + more)
    }
}

/// Where auctions are written, spooled to and stored.
struct Setting {
    home: tempfile::TempDir,
    endpoint: String,
}

impl Setting {
    const LOCATION: &str = "s3://auctions/kept";

    fn new(port: u16) -> (Self, OtherProcess) {
        let home = tempfile::tempdir().unwrap();
        let server = OtherProcess::away(&home.path().join("store"), port);
        let endpoint = server.endpoint();
        (Self { home, endpoint }, server)
    }

    fn auction(number: usize) -> String {
        let order = format!("order {number} ").repeat(1 + number % 7_000);
        format!("{{\"id\":{number},\"orders\":[\"{order}\"]}}")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn solve(&self, number: usize, limit: &str) -> Command {
        let path = self.folder(&format!("{number}.json"));
        fs::write(&path, Self::auction(number)).unwrap();
        let mut command = program(&["solve", "--archive", Self::LOCATION, "--format", "json"]);
        command
            .args(["--archive-limit", limit, "--auction"])
            .arg(path);
        command.arg("--spool").arg(self.folder("spool"));
        command.arg("--spool-keep-free=0");
        self.piped(command)
    }

    fn push(&self) -> Command {
        let mut command = program(&["archive", "push", "--archive", Self::LOCATION]);
        command.arg(self.folder("spool"));
        self.piped(command)
    }

    fn piped(&self, mut command: Command) -> Command {
        ObjectServer::point_at(&self.endpoint, &mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The numbers of the auctions in the spool.
    fn spooled(&self) -> BTreeSet<usize> {
        let entries = fs::read_dir(self.folder("spool/ready"));
        let entries = entries.into_iter().flatten().flatten();
        // Another process may have removed it by now.
        let text = entries.filter_map(|entry| fs::read(entry.path().join("description.json")).ok());
        let name = text.map(|text| {
            let described: Value = serde_json::from_slice(&text).unwrap();
            described["name"].as_str().unwrap().to_owned()
        });
        name.map(|name| number_of(&name)).collect()
    }

    /// Every object in the store is one of those auctions, byte for byte; these are their numbers.
    fn stored(&self) -> BTreeSet<usize> {
        let objects = fs::read_dir(self.folder("store/auctions/kept")).unwrap();
        let number = objects.map(|object| {
            let path = object.unwrap().path();
            let number = number_of(path.file_name().unwrap().to_str().unwrap());
            let raw = decompressed(&fs::read(path).unwrap(), "gzip");
            assert!(raw == Self::auction(number).as_bytes(), "{number}");
            number
        });
        number.collect()
    }

    /// Nothing is left in the spool.
    fn is_empty(&self) {
        for part in ["ready", "staging", "failed"] {
            let left = fs::read_dir(self.folder("spool").join(part)).unwrap();
            let why = left.map(|left| fs::read_to_string(left.unwrap().path().join("reason.txt")));
            let why: Vec<_> = why.collect();
            assert!(why.is_empty(), "{part}: {why:?}");
        }
    }
}

fn number_of(name: &str) -> usize {
    name.strip_suffix(".json").unwrap().parse().unwrap()
}

/// Waits for a process, but only so long. Returns how much memory it had at most, in kB.
fn watch(child: &mut Child, limit: Duration) -> u64 {
    let (started, mut peak) = (Instant::now(), 0);
    let path = format!("/proc/{}/status", child.id());
    while started.elapsed() < limit && child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = found.unwrap_or(0).max(peak);
        sleep(Duration::from_millis(3));
    }
    peak
}

#[test]
fn whatever_happens_to_store_and_program_what_was_accepted_arrives_and_nothing_else() {
    let kills = times("SPOOL_KILLS", 10);
    let (setting, mut server) = Setting::new(0);
    let mut random = Random(7);
    let mut accepted = BTreeSet::new();
    let (mut killed, mut number) = (0, 0);
    let mut peaks = Vec::new();
    let is_over = AtomicBool::new(false);
    let upsets = scope(|scope| {
        let upsetting = scope.spawn(|| server.upset(&is_over, &mut Random(11)));
        while killed < kills {
            // One in four only uploads.
            let mut command = match random.below(4) {
                0 if number > 0 => setting.push(),
                _ => {
                    number += 1;
                    setting.solve(number, "300ms")
                }
            };
            let mut child = command.spawn().unwrap();
            peaks.push(watch(&mut child, random.milliseconds(0..200)));
            match child.try_wait().unwrap() {
                Some(_) => {}
                None => {
                    child.kill().unwrap();
                    killed += 1;
                }
            }
            let finished = child.wait_with_output().unwrap();
            let outcome: Result<Value, _> = serde_json::from_slice(&finished.stdout);
            let status = outcome
                .as_ref()
                .ok()
                .and_then(|found| found["archive"]["status"].as_str());
            match status {
                Some("ok" | "already_there" | "spooled") => {
                    accepted.insert(number);
                }
                // A machine that is busy with something else.
                Some("failed") => assert!(outcome.unwrap().to_string().contains("not written")),
                status => assert_eq!(status, None),
            }
            accepted.extend(setting.spooled());
        }
        is_over.store(true, Ordering::Relaxed);
        upsetting.join().unwrap()
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let finished = Finished::run(&mut setting.push());
        if finished.code == Some(0) {
            break;
        }
        assert!(Instant::now() < deadline, "{finished:?}");
    }
    let stored = setting.stored();
    let lost: Vec<_> = accepted.difference(&stored).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(stored.iter().all(|stored| (1..=number).contains(stored)));
    setting.is_empty();
    let (early, late) = peaks.split_at(peaks.len() / 2);
    let [early, late] = [early, late].map(|peaks| peaks.iter().max().copied().unwrap_or(0));
    let [stopped, died, paused] = upsets;
    println!(
        "{killed} kills in {} runs; the store was stopped {stopped} times, killed {died}, paused {paused}; of {} auctions known to be \
         accepted {} are in the store, of {} in all; at most {early} kB in the first half, {late} in the second",
        peaks.len(),
        accepted.len(),
        accepted.intersection(&stored).count(),
        stored.len(),
    );
    assert!(
        late < early + early / 4,
        "memory grows: {early} kB, {late} kB"
    );
}

#[test]
fn a_store_that_was_away_has_everything_when_it_is_back() {
    let auctions = times("SPOOL_AUCTIONS", 24);
    let (setting, mut server) = Setting::new(1);
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= auctions {
                        break;
                    }
                    let finished = Finished::run(&mut setting.solve(number, "1s"));
                    assert_eq!(finished.code, Some(0), "{finished:?}");
                    assert_eq!(finished.outcome()["archive"]["status"], "spooled");
                }
            });
        }
    });
    let away = started.elapsed();
    assert_eq!(setting.spooled().len(), auctions);
    server.start();
    let back = Instant::now();
    let mut child = setting.push().spawn().unwrap();
    let peak = watch(&mut child, Duration::from_secs(600));
    let finished = Finished::of(child);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let took = back.elapsed();
    let stored = setting.stored();
    assert_eq!(stored, (0..auctions).collect());
    setting.is_empty();
    println!(
        "{auctions} auctions in {away:?} while the store was away; all were there {took:?} after it was back; {peak} kB at most"
    );
}
