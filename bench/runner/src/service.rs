//! The service between a driver and the engines: the program `driver-streaming serve`, in a process of its own.
//!
//! Drivers are threads of this process. Each has a connection and the auction's bytes, and writes them as fast as the
//! service takes them.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bench_records::{Measure, Series, monotonic_nanoseconds, process_status};
use sha2::{Digest as _, Sha256};

use crate::engines::{Engines, Listening};
use crate::programs::Programs;
use crate::report::Failed;
use crate::sample::Sample;
use crate::scenario::{Conditions, Scenario, shape};

/// 8.5 MB.
const AUCTION: &str = "mainnet";
const ENGINES: usize = 8;
/// How many engines there are where auctions are counted.
const FEW_ENGINES: usize = 3;
/// How many drivers send where auctions are counted.
const DRIVERS: usize = 4;
/// What `/proc/PID/stat` counts in.
const TICK_MS: f64 = 10.0;

/// Measures the service: each part, unless it fails.
pub(crate) fn measure(
    is_quick: bool,
    programs: &Programs,
    failed: &mut Failed,
) -> Result<Vec<Measure>> {
    // Auctions by the service and by the library; processes that solve many auctions at once; periods in which auctions are
    // counted, and how long they are.
    let (pairs, processes, periods, seconds) = if is_quick {
        (9, 1, 1, 1)
    } else {
        (31, 5, 3, 5)
    };
    let mut bench = Bench {
        auction: serde_json::to_vec(&shape(AUCTION)?.auction())?,
        programs,
        figures: Vec::new(),
    };
    bench.check()?;
    let alone = bench.beside_the_library(pairs);
    failed.note("the service, one auction at a time", alone);
    for auctions in [8, 16] {
        let many = bench.at_once(auctions, processes);
        failed.note(&format!("the service, {auctions} auctions at once"), many);
    }
    let counted = bench.sustained(Duration::from_secs(seconds), periods);
    failed.note("the service, auctions per second", counted);
    let figures = bench.figures.into_iter();
    let measures = figures.map(|(name, values)| Series::of(values).measure(name));
    Ok(measures.collect())
}

#[derive(Debug)]
struct Bench<'a> {
    /// The auction's JSON.
    auction: Vec<u8>,
    programs: &'a Programs,
    /// Found so far, by name, round by round.
    figures: Vec<(String, Vec<f64>)>,
}

impl Bench<'_> {
    fn engines(&self, engines: usize, is_hashing: bool) -> Result<Engines> {
        Engines::start(self.programs, engines, &Conditions::default(), is_hashing)
    }

    /// Notes a figure of one round. Figures keep their order.
    fn add(&mut self, name: String, value: f64) {
        match self.figures.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.figures.push((name, vec![value])),
        }
    }

    /// Whether engines receive what the driver sends.
    fn check(&self) -> Result<()> {
        let mut engines = self.engines(ENGINES, true)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        service.drivers(1, &self.auction)?[0].solve()?;
        let requests = engines.report()?.requests;
        let hashes: Vec<_> = requests.iter().map(|request| request.sha256).collect();
        let expected = Some(Sha256::digest(&self.auction).into());
        ensure!(
            hashes == [expected; ENGINES],
            "an engine was not sent the auction"
        );
        Ok(())
    }

    /// One auction at a time, in turn with the library, which sends it directly. Neither has an archive.
    fn beside_the_library(&mut self, pairs: usize) -> Result<()> {
        eprintln!("the service: one auction at a time");
        let mut engines = self.engines(ENGINES, false)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        let mut driver = service.drivers(1, &self.auction)?;
        let direct = Scenario::new("ours, no archive", AUCTION, ENGINES);
        // It connects, and allocates what it keeps.
        self.deliver(&mut engines, &mut driver)?;
        for _ in 0..pairs {
            let before_ms = service.cpu_ms()?;
            let (bytes, last_ms) = self.deliver(&mut engines, &mut driver)?;
            let cpu_ms = service.cpu_ms()? - before_ms;
            let ours = engines.run(self.programs, &direct, &[])?;
            let ours = Sample::new(ours, &direct)?.figures;
            let ours_ms = ours["delivery_last_ms"];
            let first = bytes.min - ours["first_byte_first_ms"];
            let middle = bytes.median - ours["first_byte_ms"];
            let mut add = |what, value| self.add(format!("8.5 MB, 8 solvers: {what}"), value);
            add("last delivery by the service, ms", last_ms);
            add("last delivery by the library, ms", ours_ms);
            add("last delivery, service over library", last_ms / ours_ms);
            add("first byte by the service after the library's, ms", first);
            add("the same at the solver in the middle, ms", middle);
            add("CPU of the service, ms", cpu_ms);
            add("CPU of the library, ms", ours["cpu_ms"]);
        }
        Ok(())
    }

    /// Many auctions at once, by processes of which each has solved two, one after the other.
    fn at_once(&mut self, auctions: usize, processes: usize) -> Result<()> {
        eprintln!("the service: {auctions} auctions at once");
        for _ in 0..processes {
            let mut engines = self.engines(ENGINES, false)?;
            let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
            let new_kib = service.memory_kib("VmRSS:")?;
            let mut drivers = service.drivers(auctions, &self.auction)?;
            self.deliver(&mut engines, &mut drivers[..1])?;
            let (_, alone_ms) = self.deliver(&mut engines, &mut drivers[..1])?;
            fs::write(format!("/proc/{}/clear_refs", service.id()), "5")?;
            let rest_kib = service.memory_kib("VmRSS:")?;
            let before_ms = service.cpu_ms()?;
            let (_, last_ms) = self.deliver(&mut engines, &mut drivers)?;
            let each = auctions as f64;
            let (cpu_ms, each_ms) = ((service.cpu_ms()? - before_ms) / each, last_ms / each);
            let peak_kib = service.memory_kib("VmHWM:")?;
            let over = |kib: u64| peak_kib.saturating_sub(kib) as f64 / 1024.0 / each;
            let many = format!("{auctions} auctions of 8.5 MB at once");
            let mut add = |what, value| self.add(format!("{many}: {what}"), value);
            add("peak memory over rest, MiB for each", over(rest_kib));
            add(
                "peak memory over a new process, MiB for each",
                over(new_kib),
            );
            add("CPU of the service, ms for each", cpu_ms);
            add("last delivery, ms", last_ms);
            add("last delivery for each, over one alone", each_ms / alone_ms);
        }
        Ok(())
    }

    /// Auctions one after the other from a few drivers, and the same by a thread for each engine.
    fn sustained(&mut self, period: Duration, periods: usize) -> Result<()> {
        eprintln!("the service: auctions per second");
        let mut engines = self.engines(FEW_ENGINES, false)?;
        let name = "8.5 MB, 3 solvers: auctions per second";
        let threaded = Scenario::new("threaded (gzip)", AUCTION, FEW_ENGINES);
        let (callers, period_ms) = (DRIVERS.to_string(), period.as_millis().to_string());
        let arguments = ["--callers", &callers, "--period-ms", &period_ms];
        for codec in ["none", "gzip", "zstd", "threaded"].repeat(periods) {
            if codec == "threaded" {
                let (run, _) = engines.run(self.programs, &threaded, &arguments)?;
                // It serialises once for each engine.
                let rate = run.productions / FEW_ENGINES as f64 / (run.wall_ms / 1e3);
                self.add(format!("{name}, threaded, archives: gzip"), rate);
                continue;
            }
            let archive = ["--archive", "memory:///", "--codec", codec];
            let archive = if codec == "none" { &[][..] } else { &archive };
            let service = Service::start(self.programs, &engines.first(FEW_ENGINES), archive)?;
            let mut drivers = service.drivers(DRIVERS, &self.auction)?;
            drivers[0].solve()?;
            let began = Instant::now();
            let solved = at_once(&mut drivers, |driver| {
                let mut solved = 0;
                while began.elapsed() < period {
                    driver.solve()?;
                    solved += 1;
                }
                Ok(solved)
            })?;
            // Archives go on after the answers.
            service.stop()?;
            let rate = solved.iter().sum::<u32>() as f64 / began.elapsed().as_secs_f64();
            self.add(format!("{name}, service, archive: {codec}"), rate);
        }
        Ok(())
    }

    /// When engines receive the first bytes of what all these drivers send at once, and when the last has everything, in
    /// milliseconds after the first driver began.
    fn deliver(&self, engines: &mut Engines, drivers: &mut [Driver]) -> Result<(Series, f64)> {
        let expected = (drivers.len() * ENGINES, self.auction.len() as u64);
        let began = at_once(drivers, Driver::solve)?;
        let began_at_ns = began.into_iter().min().context("no driver")?;
        let requests = engines.report()?.requests;
        let mut sizes = requests.iter().map(|one| (requests.len(), one.bytes));
        ensure!(
            sizes.all(|found| found == expected),
            "an engine was not sent an auction"
        );
        let since = |at_ns: u64| (at_ns as f64 - began_at_ns as f64) / 1e6;
        let first = requests.iter().filter_map(|one| one.first_byte_at_ns);
        let last = Series::of(requests.iter().map(|one| since(one.end_at_ns))).max;
        Ok((Series::of(first.map(since)), last))
    }
}

/// A process of the service.
#[derive(Debug)]
struct Service(Listening);

impl Service {
    /// Starts it before engines, with further arguments.
    fn start(programs: &Programs, engines: &str, arguments: &[&str]) -> Result<Self> {
        let engines = engines.split(',').enumerate();
        let solvers = engines.map(|(index, at)| format!("--solver=engine-{index}=http://{at}"));
        let mut command = Command::new(programs.path("driver-streaming"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            // On a busy disk an auction takes seconds to arrive: then it is slow, and does not fail.
            .args(["--deadline", "2m", "--body-timeout", "2m"])
            .args(solvers)
            .args(arguments)
            // A line for each auction.
            .stderr(Stdio::null());
        Ok(Self(Listening::start(&mut command)?))
    }

    /// So many drivers, each with a connection of its own.
    fn drivers(&self, count: usize, auction: &[u8]) -> Result<Vec<Driver>> {
        let address = self.0.addresses.strip_prefix("http://");
        let address = address.context("the service did not start")?;
        let drivers = (0..count).map(|_| Driver::new(address, auction));
        drivers.collect()
    }

    /// Stops it as a supervisor does: it finishes what is under way, with its archives.
    fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.id()]).status()?;
        let status = self.0.process.wait()?;
        ensure!(status.success(), "the service did not finish");
        Ok(())
    }

    fn id(&self) -> String {
        self.0.process.id().to_string()
    }

    /// User and system time so far.
    fn cpu_ms(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name before them may have spaces.
        let (_name, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
        Ok(ticks * TICK_MS)
    }

    fn memory_kib(&self, field: &str) -> Result<u64> {
        process_status(&self.id(), field).context("the service ended")
    }
}

#[derive(Debug)]
struct Driver {
    connection: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Driver {
    fn new(address: &str, auction: &[u8]) -> Result<Self> {
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        let length = auction.len();
        let head =
            format!("POST /solve HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
        Ok(Self {
            connection: BufReader::new(connection),
            request: [head.as_bytes(), auction].concat(),
        })
    }

    /// Sends the auction and reads the answer to its end. Returns when that began.
    fn solve(&mut self) -> Result<u64> {
        let began_at_ns = monotonic_nanoseconds();
        self.connection.get_mut().write_all(&self.request)?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(self.connection.read_line(&mut head)? > 0, "no answer");
        }
        let fields = head.to_ascii_lowercase();
        let mut fields = fields.lines();
        let length = fields.find_map(|line| line.strip_prefix("content-length:"));
        let length = length.context("an answer of unknown length")?.trim();
        let mut answer = vec![0; length.parse()?];
        self.connection.read_exact(&mut answer)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        let status = head.lines().next().unwrap_or_default();
        ensure!(
            status.contains(" 200 "),
            "the service answers {status:?}: {answer}"
        );
        Ok(began_at_ns)
    }
}

/// What each driver's work returns. All work at the same time.
fn at_once<T: Send>(
    drivers: &mut [Driver],
    work: impl Fn(&mut Driver) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let drivers = drivers.iter_mut();
        let working = drivers.map(|driver| scope.spawn(move || work(driver)));
        let working: Vec<_> = working.collect();
        let ended = working.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.ok().context("a driver panicked")?)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a driver with an auction of three bytes makes of this answer.
    fn answered(answer: &'static str) -> Result<u64> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let answering = thread::spawn(move || -> std::io::Result<String> {
            let (mut connection, _driver) = listener.accept()?;
            let mut request = BufReader::new(connection.try_clone()?);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                request.read_line(&mut line)?;
            }
            let mut auction = [0; 3];
            request.read_exact(&mut auction)?;
            connection.write_all(answer.as_bytes())?;
            Ok(String::from_utf8_lossy(&auction).into_owned())
        });
        let solved = Driver::new(&address, b"{ }")?.solve();
        assert_eq!(answering.join().unwrap()?, "{ }");
        solved
    }

    #[test]
    fn an_answer_is_whole_and_good() {
        let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
        assert!(answered(good).is_ok());
        let failed = answered("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 5\r\n\r\n\"why\"");
        let failed = failed.unwrap_err().to_string();
        assert!(failed.ends_with(" 502 Bad Gateway\": \"why\""), "{failed}");
        assert!(answered("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n[]").is_err());
        assert!(answered("HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_figure_keeps_its_place_and_its_rounds() {
        let mut bench = Bench {
            auction: Vec::new(),
            programs: &Programs::default(),
            figures: Vec::new(),
        };
        for round in [1.0, 2.0] {
            bench.add("b".to_owned(), round);
            bench.add("a".to_owned(), -round);
        }
        let expected = [("b", vec![1.0, 2.0]), ("a", vec![-1.0, -2.0])];
        assert_eq!(
            bench.figures,
            expected.map(|(name, values)| (name.to_owned(), values))
        );
    }
}
