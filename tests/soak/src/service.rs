//! The same of the service: random drivers, engines and stores against the program, over HTTP, and what it leaves behind.

#![expect(
    clippy::disallowed_methods,
    reason = "drivers are threads of their own, which take their time"
)]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;
use solver_stand_in::{EarlyAnswer, StandIn, StandInBuilder};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::chance::{Chance, Place};
use crate::decode::{Hashing, decode};
use crate::lock;
use crate::violation::{Verdict, Violation};

/// How many drivers send at a time.
const DRIVERS: u64 = 6;
/// How many engines there are; the last is configured half of the time.
const ENGINES: u64 = 5;
/// The largest auction that the service takes, in bytes.
const MAX_SIZE: u64 = 1_000_000;
/// What it may have more of when it rests than before: connections to engines, of which 8 are kept for each, and what asks for it.
const MORE: [usize; 4] = [0, 8 * ENGINES as usize, 2, 0];
/// How long it may take to come to rest.
const REST: Duration = Duration::from_secs(60);

/// What drivers have sent, and what must come of it.
#[derive(Debug, Default)]
struct Sent {
    /// Digests of auctions that may come whole to an engine.
    whole: HashSet<String>,
    /// By id: the digest that the archive must have, or may have if the driver went away.
    archived: HashMap<String, (String, bool)>,
    statuses: HashMap<u16, u64>,
}

/// What a driver does to the service.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    Whole,
    Slow,
    GoesAway,
    BreaksOff,
    NoJson,
    TooLarge,
}

/// Runs the service for so long, and checks it.
pub(crate) fn soak(duration: Duration, seed: u64, verdict: &Arc<Verdict>) -> io::Result<String> {
    let runtime = tokio::runtime::Runtime::new()?;
    let home = tempfile::tempdir()?;
    let sent = Arc::new(Mutex::new(Sent::default()));
    let mut engines = JoinSet::new();
    let mut urls = Vec::new();
    for engine in 0..ENGINES {
        let started = start_engine(engine, seed, &sent, verdict, runtime.handle(), &mut engines);
        urls.push(started?);
    }
    let mut service = Service::start(home, urls)?;
    let rest = service.resources()?;
    let until = Instant::now() + duration;
    thread::scope(|scope| {
        for lane in 0..DRIVERS {
            let (service, sent) = (&service, &sent);
            scope.spawn(move || {
                for auction in 0.. {
                    if Instant::now() >= until || verdict.is_failed() {
                        break;
                    }
                    let place = Place::of_set(lane, 0).with_auction(auction);
                    if let Err(violation) = drive(service, sent, seed, place) {
                        verdict.fail(violation.at(place));
                    }
                }
            });
        }
        let disturbed = service.disturb(seed, until, verdict);
        if let Err(error) = disturbed {
            verdict.fail(Violation::new("it cannot be disturbed").with("error", error));
        }
    });
    let checked = service.check_rest(rest, &sent);
    if let Err(violation) = checked {
        verdict.fail(violation.with("log", service.log()));
    }
    let sent = lock(&sent);
    Ok(format!(
        "{} auctions may be archived; answers by status: {:?}",
        sent.archived.len(),
        sent.statuses
    ))
}

/// An engine that answers well, but for one request in four.
fn start_engine(
    engine: u64,
    seed: u64,
    sent: &Arc<Mutex<Sent>>,
    verdict: &Arc<Verdict>,
    runtime: &Handle,
    engines: &mut JoinSet<()>,
) -> io::Result<String> {
    let answer = format!(
        r#"{{"solutions":[{{"id":1,"engine":{engine},"n":1.50}},{{"id":2,"engine":{engine},"n":1.50}}]}}"#
    );
    let (sent, verdict) = (Arc::clone(sent), Arc::clone(verdict));
    let of_engine = Place::of_set(1000 + engine, 0);
    let well = move || StandIn::builder().response(answer.clone());
    let stand_in = well()
        .choose(move |_head, number| {
            let mut chance = Chance::new(seed, of_engine.with_auction(number));
            chance.one_in(4).then(|| fault(&mut chance, well()))
        })
        .on_request(move |report| {
            if report.complete && !lock(&sent).whole.contains(&report.sha256) {
                let what = "an engine got a whole body that nobody sent";
                verdict.fail(Violation::new(what).with("report", report));
            }
        });
    let _runtime = runtime.enter();
    let bound = stand_in.bind((Ipv4Addr::LOCALHOST, 0).into());
    let listening = runtime.block_on(bound)?;
    let url = listening.url();
    engines.spawn_on(listening.serve(), runtime);
    Ok(url)
}

fn fault(chance: &mut Chance, engine: StandInBuilder) -> StandInBuilder {
    let bytes = chance.scaled(1, MAX_SIZE);
    match chance.below(7) {
        0 => engine.delay(chance.milliseconds(1, 3000)),
        1 => engine.read_rate(chance.scaled(10_000, 10_000_000)),
        2 => engine.stall_after(bytes),
        3 => engine.reset_after(bytes),
        4 => engine.status(chance.pick([404, 500, 503])),
        5 => engine.close_answer_after(5),
        _ => engine.answer_after(bytes, EarlyAnswer::ThenClose),
    }
}

/// Sends one auction as chance has it, and checks what is answered.
fn drive(service: &Service, sent: &Mutex<Sent>, seed: u64, place: Place) -> Result<(), Violation> {
    use Behaviour::{BreaksOff, GoesAway, NoJson, Slow, TooLarge, Whole};
    let mut chance = Chance::new(seed, place);
    let behaviour = chance.pick([
        Whole, Whole, Whole, Whole, Whole, Slow, GoesAway, BreaksOff, NoJson, TooLarge,
    ]);
    let id = place.to_string().replace('.', "-");
    let size = match behaviour {
        TooLarge => chance.between(MAX_SIZE + 1, 3 * MAX_SIZE),
        _ => chance.scaled(30, MAX_SIZE - 100),
    };
    let orders = "\"0x\",".repeat((size / 5) as usize);
    let first = format!("\"id\":\"{id}\",");
    let [before, after] = if chance.one_in(2) {
        [&*first, ""]
    } else {
        ["", &*first]
    };
    let mut text = format!("{{{before}\"orders\":[{orders}0],{after}\"end\":1.50}}");
    if behaviour == NoJson {
        text.truncate(text.len() - chance.between(1, 20) as usize);
    }
    let digest = Hashing::of(text.as_bytes()).sha256();
    let is_whole = matches!(behaviour, Whole | Slow | GoesAway);
    if is_whole {
        lock(sent).whole.insert(digest.clone());
    }
    let coding = chance.pick(["identity", "gzip", "zstd"]);
    let body = encoded(coding, text.as_bytes());
    let failed = Violation::by("the service cannot be reached");
    let mut stream = TcpStream::connect(&service.address).map_err(failed)?;
    stream.set_read_timeout(Some(REST)).map_err(failed)?;
    let mut head = format!(
        "POST /solve HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-encoding: {coding}\r\n"
    );
    let is_chunked = chance.one_in(2);
    match is_chunked {
        true => head += "transfer-encoding: chunked\r\n\r\n",
        false => head += &format!("content-length: {}\r\n\r\n", body.len()),
    }
    // It may answer before it has read all, and go.
    let _heard = stream.write_all(head.as_bytes());
    let length = match behaviour {
        BreaksOff => chance.below(body.len() as u64) as usize,
        _ => body.len(),
    };
    let pieces = body[..length].chunks(chance.scaled(1000, 100_000) as usize);
    for (index, piece) in pieces.enumerate() {
        if behaviour == Slow && index < 20 {
            sleep(chance.milliseconds(1, 50));
        }
        let framed = match is_chunked {
            true => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
            false => piece.to_vec(),
        };
        let _heard = stream.write_all(&framed);
    }
    if is_chunked && behaviour != BreaksOff {
        let _heard = stream.write_all(b"0\r\n\r\n");
    }
    match behaviour {
        GoesAway => {
            sleep(chance.milliseconds(1, 200));
            lock(sent).archived.insert(id, (digest, false));
            return Ok(());
        }
        BreaksOff => stream.shutdown(Shutdown::Write).map_err(failed)?,
        _ => {}
    }
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let wrong = |what: &str| {
        let shown: String = answer.chars().take(2000).collect();
        Violation::new(what)
            .with("behaviour", behaviour)
            .with("answer", shown)
    };
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(wrong("there is no answer"))?;
    let status: u16 = head
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    *lock(sent).statuses.entry(status).or_default() += 1;
    let expected: &[u16] = match behaviour {
        Whole | Slow => &[200, 502, 503],
        TooLarge => &[413, 503],
        _ => &[400, 503],
    };
    if !expected.contains(&status) {
        return Err(wrong("it is answered by another status"));
    }
    if status == 200 {
        check_merged(body).map_err(wrong)?;
    }
    if is_whole && status != 503 {
        lock(sent).archived.insert(id, (digest, true));
    }
    Ok(())
}

fn encoded(coding: &str, text: &[u8]) -> Vec<u8> {
    let encoded = match coding {
        "gzip" => {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).and_then(|()| encoder.finish())
        }
        "zstd" => zstd::encode_all(text, 1),
        _ => Ok(text.to_vec()),
    };
    encoded.unwrap_or_default()
}

/// Every engine's solutions must be there both or not at all, with ids that differ, and all else as it was.
fn check_merged(body: &str) -> Result<(), &'static str> {
    let answer: Value = serde_json::from_str(body).map_err(|_error| "the answer is no JSON")?;
    let solutions = answer["solutions"]
        .as_array()
        .ok_or("it has no solutions")?;
    let ids: HashSet<_> = solutions
        .iter()
        .filter_map(|found| found["id"].as_u64())
        .collect();
    if ids.len() != solutions.len() {
        return Err("solutions share an id");
    }
    for engine in 0..ENGINES {
        let count = body
            .matches(&format!("\"engine\":{engine},\"n\":1.50}}"))
            .count();
        if count != 0 && count != 2 {
            return Err("an engine's solutions are not all there");
        }
    }
    Ok(())
}

/// The program, as a process.
struct Service {
    child: Child,
    address: String,
    home: TempDir,
    engines: Vec<String>,
}

impl Service {
    fn start(home: TempDir, engines: Vec<String>) -> io::Result<Self> {
        let max_size = MAX_SIZE.to_string();
        write_config(home.path(), &engines)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--config",
                "driver.toml",
            ])
            .args(["--max-size", &max_size, "--body-timeout", "10s"])
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(home.path().join("log"))?)
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("http://");
        let address = address
            .ok_or(io::Error::other("it does not start"))?
            .to_owned();
        Ok(Self {
            child,
            address,
            home,
            engines,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(30).collect();
        lines.join("\n")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().map(drop)
    }

    /// Reads the configuration again, with more engines or fewer, and takes the store away for a while, again and again.
    fn disturb(&self, seed: u64, until: Instant, verdict: &Verdict) -> io::Result<()> {
        let (store, away) = (self.path("store"), self.path("away"));
        for step in 0.. {
            let mut chance = Chance::new(seed, Place::of_set(2000, step));
            sleep(chance.milliseconds(100, 2000));
            if Instant::now() >= until || verdict.is_failed() {
                break;
            }
            let count = self.engines.len() - usize::from(chance.one_in(2));
            write_config(self.home.path(), &self.engines[..count])?;
            self.signal("-HUP")?;
            if chance.one_in(2) && store.exists() {
                fs::rename(&store, &away)?;
                fs::write(&store, "no folder")?;
                sleep(chance.milliseconds(10, 1000));
                fs::remove_file(&store)?;
                fs::rename(&away, &store)?;
            }
        }
        Ok(())
    }

    /// Its open files, its sockets, its tasks beside those of sockets, and auctions under way.
    fn resources(&self) -> io::Result<[usize; 4]> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics)?;
        let value = |name: &str| -> Option<usize> {
            let line = metrics.lines().find(|line| line.starts_with(name));
            line?.rsplit(' ').next()?.parse().ok()
        };
        let entries = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        let targets = entries.into_iter().flatten();
        let targets = targets.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let is_socket = |target: &PathBuf| target.to_string_lossy().starts_with("socket:");
        let (sockets, files): (Vec<_>, Vec<_>) = targets.partition(is_socket);
        let tasks = value("driver_streaming_tasks").ok_or(io::ErrorKind::InvalidData)?;
        let active = value("http_server_active_requests{http_route=\"/solve\"").unwrap_or(0);
        let tasks = tasks.saturating_sub(sockets.len());
        Ok([files.len(), sockets.len(), tasks, active])
    }

    /// Waits until it is at rest, and checks what is left of it, and what is archived.
    fn check_rest(&mut self, before: [usize; 4], sent: &Mutex<Sent>) -> Result<(), Violation> {
        let failed = Violation::by("it cannot be looked at");
        let started = Instant::now();
        loop {
            let now = self.resources().map_err(failed)?;
            let waiting = fs::read_dir(self.path("spool/ready"))
                .into_iter()
                .flatten()
                .count();
            let mut more = now.iter().zip(before).zip(MORE);
            if more.all(|((now, before), more)| *now <= before + more) && waiting == 0 {
                break;
            }
            if started.elapsed() > REST {
                return Err(Violation::new("it does not come to rest")
                    .with("files, sockets, tasks and auctions", (before, now))
                    .with("objects in the spool", waiting));
            }
            sleep(Duration::from_millis(100));
        }
        self.signal("-TERM").map_err(failed)?;
        let status = self.child.wait().map_err(failed)?;
        if !status.success() {
            return Err(Violation::new("it does not end well").with("status", status));
        }
        let mut stored = HashMap::new();
        for entry in fs::read_dir(self.path("store")).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(id) = name.strip_suffix(".json.zst") {
                let object = fs::read(&path).map_err(failed)?;
                let object = decode("zstd", &object).map_err(failed)?;
                stored.insert(id.to_owned(), object.sha256());
            }
        }
        let mut sent = lock(sent);
        for (id, (digest, is_certain)) in &sent.archived {
            match stored.remove(id) {
                Some(found) if found == *digest => {}
                None if !is_certain => {}
                found => {
                    let what = "an auction is not archived as it was";
                    return Err(Violation::new(what).with("id", id).with("found", found));
                }
            }
        }
        sent.archived.shrink_to_fit();
        match stored.into_keys().next() {
            None => Ok(()),
            Some(id) => {
                Err(Violation::new("an auction is archived that was not whole").with("id", id))
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn write_config(home: &Path, engines: &[String]) -> io::Result<()> {
    let mut config = "deadline = \"2s\"\n[archive]\nlocation = \"store\"\ncodec = \"zstd\"\nlimit = \"5s\"\nspool = \"spool\"\n".to_owned();
    for (index, url) in engines.iter().enumerate() {
        config += &format!("[[solver]]\nname = \"e{index}\"\nendpoint = \"{url}\"\n");
    }
    let temporary = home.join("driver.toml.new");
    fs::write(&temporary, config)?;
    fs::rename(temporary, home.join("driver.toml"))
}
