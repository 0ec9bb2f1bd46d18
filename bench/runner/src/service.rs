//! The service between a driver and the engines: the program `driver-streaming serve`, in a process of its own.
//!
//! Drivers are threads of this process. Each has a connection and the auction's bytes, and writes them as fast as the
//! service takes them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bench_records::{Measure, Spread, monotonic_nanoseconds, process_status};
use sha2::{Digest as _, Sha256};

use crate::engines::Engines;
use crate::programs::Programs;
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

/// Measures the service. The figures have the names of their targets.
pub(crate) fn measure(is_quick: bool, programs: &Programs) -> Result<Vec<Measure>> {
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
        figures: BTreeMap::new(),
    };
    bench.check()?;
    bench.part("one auction at a time", 1, |bench| {
        bench.beside_the_library(pairs)
    });
    for auctions in [8, 16] {
        let name = format!("{auctions} auctions at once");
        bench.part(&name, processes, |bench| bench.at_once(auctions));
    }
    bench.part("auctions per second", periods, |bench| {
        bench.sustained(Duration::from_secs(seconds))
    });
    let figures = bench.figures.into_iter();
    let measures = figures.map(|(name, values)| Measure {
        name,
        rounds: Spread::of(values),
    });
    Ok(measures.collect())
}

#[derive(Debug)]
struct Bench<'a> {
    /// The auction's JSON.
    auction: Vec<u8>,
    programs: &'a Programs,
    /// Found so far, by name, round by round.
    figures: BTreeMap<String, Vec<f64>>,
}

impl Bench<'_> {
    fn engines(&self, engines: usize, is_hashing: bool) -> Result<Engines> {
        Engines::start(self.programs, engines, &Conditions::default(), is_hashing)
    }

    fn add(&mut self, name: impl Into<String>, value: f64) {
        self.figures.entry(name.into()).or_default().push(value);
    }

    /// Measures a part this many times, unless it fails: then the other parts are measured all the same.
    fn part(&mut self, name: &str, times: usize, measure: impl Fn(&mut Self) -> Result<()>) {
        eprintln!("the service: {name}");
        if let Err(error) = (0..times).try_for_each(|_| measure(self)) {
            eprintln!("the service: {name}: not measured: {error:#}");
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
        let mut engines = self.engines(ENGINES, false)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        let mut driver = service.drivers(1, &self.auction)?;
        let direct = Scenario::plain("ours, no archive", AUCTION, ENGINES)?;
        // It connects, and allocates what it keeps.
        self.deliver(&mut engines, &mut driver)?;
        for _ in 0..pairs {
            let before_ms = service.cpu_ms()?;
            let found = self.deliver(&mut engines, &mut driver)?;
            self.add("service_cpu_ms", service.cpu_ms()? - before_ms);
            let ours = engines.run(self.programs, &direct, &[])?;
            let ours = Sample::new(ours, &direct)?;
            self.add("service_cpu_ours_ms", ours.measurement.cpu_ms);
            let (last, ours_last) = (found.delivery_ms.max, ours.delivery_ms.max);
            self.add("service_delivery_last_ms", last);
            self.add("service_delivery_last_ours_ms", ours_last);
            self.add("service_delivery_last_over_ours", last / ours_last);
            let (first, ours_first) = (found.first_byte_ms, ours.first_byte_ms);
            self.add("service_added_first_byte_ms", first.min - ours_first.min);
            let middle = first.median - ours_first.median;
            self.add("service_added_first_byte_middle_ms", middle);
        }
        Ok(())
    }

    /// Many auctions at once, by a process that has solved two, one after the other.
    fn at_once(&mut self, auctions: usize) -> Result<()> {
        let mut engines = self.engines(ENGINES, false)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        let fresh_kib = service.memory_kib("VmRSS:")?;
        let mut drivers = service.drivers(auctions, &self.auction)?;
        self.deliver(&mut engines, &mut drivers[..1])?;
        let alone = self.deliver(&mut engines, &mut drivers[..1])?;
        fs::write(format!("/proc/{}/clear_refs", service.process.id()), "5")?;
        let rest_kib = service.memory_kib("VmRSS:")?;
        let before_ms = service.cpu_ms()?;
        let last = self.deliver(&mut engines, &mut drivers)?.delivery_ms.max;
        let cpu_ms = service.cpu_ms()? - before_ms;
        let peak_kib = service.memory_kib("VmHWM:")?;
        let each = auctions as f64;
        let over = |kib: u64| peak_kib.saturating_sub(kib) as f64 / 1024.0 / each;
        for (name, value) in [
            ("peak_mib_each", over(rest_kib)),
            ("peak_over_fresh_mib_each", over(fresh_kib)),
            ("cpu_ms_each", cpu_ms / each),
            ("delivery_last_ms", last),
            (
                "delivery_last_each_over_alone",
                last / each / alone.delivery_ms.max,
            ),
        ] {
            self.add(format!("service_{auctions}_at_once_{name}"), value);
        }
        Ok(())
    }

    /// Auctions one after the other from a few drivers, and the same by a thread for each engine.
    fn sustained(&mut self, period: Duration) -> Result<()> {
        let mut engines = self.engines(FEW_ENGINES, false)?;
        let archive = ["--archive", "memory:///", "--codec"];
        let [gzip, zstd] = ["gzip", "zstd"].map(|codec| [&archive[..], &[codec]].concat());
        for (name, archive) in [
            ("service", &[][..]),
            ("service_gzip", &gzip),
            ("service_zstd", &zstd),
        ] {
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
            self.add(format!("{name}_auctions_per_second"), rate);
        }
        let threaded = Scenario::plain("threaded (gzip)", AUCTION, FEW_ENGINES)?;
        let (callers, period_ms) = (DRIVERS.to_string(), period.as_millis().to_string());
        let arguments = ["--callers", &callers, "--period-ms", &period_ms];
        let (run, _) = engines.run(self.programs, &threaded, &arguments)?;
        // It serialises once for each engine.
        let auctions = run.productions / FEW_ENGINES as f64;
        let rate = auctions / (run.wall_ms / 1e3);
        self.add("threaded_gzip_auctions_per_second", rate);
        Ok(())
    }

    /// What engines receive when all these drivers send at once.
    fn deliver(&self, engines: &mut Engines, drivers: &mut [Driver]) -> Result<Delivered> {
        let expected = (drivers.len() * ENGINES, self.auction.len() as u64);
        let began = at_once(drivers, Driver::solve)?;
        let began_at_ns = began.into_iter().min().context("no driver")?;
        let requests = engines.report()?.requests;
        ensure!(
            requests
                .iter()
                .all(|one| (requests.len(), one.bytes) == expected),
            "an engine was not sent an auction"
        );
        let since = |at_ns: u64| (at_ns as f64 - began_at_ns as f64) / 1e6;
        let first = requests.iter().filter_map(|one| one.first_byte_at_ns);
        Ok(Delivered {
            first_byte_ms: Spread::of(first.map(since)),
            delivery_ms: Spread::of(requests.iter().map(|one| since(one.end_at_ns))),
        })
    }
}

/// When engines had what drivers sent, after the first began.
#[derive(Clone, Copy, Debug)]
struct Delivered {
    first_byte_ms: Spread,
    delivery_ms: Spread,
}

/// A process of the service. Ends when it is dropped.
#[derive(Debug)]
struct Service {
    process: Child,
    address: String,
}

impl Service {
    /// Starts it before engines, with further arguments.
    fn start(programs: &Programs, engines: &str, arguments: &[&str]) -> Result<Self> {
        let engines = engines.split(',').enumerate();
        let mut process = Command::new(programs.service())
            .args(["serve", "--listen", "127.0.0.1:0"])
            // On a busy disk an auction takes seconds to arrive: then it is slow, and does not fail.
            .args(["--deadline", "2m", "--body-timeout", "2m"])
            .args(
                engines.map(|(index, address)| format!("--solver=engine-{index}=http://{address}")),
            )
            .args(arguments)
            .stdout(Stdio::piped())
            // A line for each auction.
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the service")?;
        let output = process.stdout.take().context("a service without output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("http://");
        let address = address.context("the service did not start")?.to_owned();
        Ok(Self { process, address })
    }

    /// So many drivers, each with a connection of its own.
    fn drivers(&self, count: usize, auction: &[u8]) -> Result<Vec<Driver>> {
        let drivers = (0..count).map(|_| Driver::new(&self.address, auction));
        drivers.collect()
    }

    /// Stops it as a supervisor does: it finishes what is under way, with its archives.
    fn stop(mut self) -> Result<()> {
        let process = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &process]).status()?;
        ensure!(self.process.wait()?.success(), "the service did not finish");
        Ok(())
    }

    /// User and system time so far.
    fn cpu_ms(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name before them may have spaces.
        let (_name, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
        Ok(ticks * TICK_MS)
    }

    fn memory_kib(&self, field: &str) -> Result<u64> {
        let found = process_status(&self.process.id().to_string(), field);
        found.context("the service ended")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
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
        let mut length = None;
        let mut lines = self.connection.by_ref().lines();
        let status = lines.next().context("no answer")??;
        for line in lines {
            let line = line?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = Some(value.trim().parse()?);
            }
        }
        let mut answer = vec![0; length.context("an answer of unknown length")?];
        self.connection.read_exact(&mut answer)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
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
    fn a_part_that_fails_is_not_measured() {
        let mut bench = Bench {
            auction: Vec::new(),
            programs: &Programs::default(),
            figures: BTreeMap::new(),
        };
        bench.part("bad", 2, |_bench| anyhow::bail!("no answer"));
        bench.part("good", 2, |bench| {
            bench.add("good", 1.0);
            Ok(())
        });
        let good = ("good".to_owned(), vec![1.0, 1.0]);
        assert_eq!(bench.figures, BTreeMap::from([good]));
    }
}
