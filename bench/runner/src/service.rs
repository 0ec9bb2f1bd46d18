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
    let bench = Bench {
        auction: serde_json::to_vec(&shape(AUCTION)?.auction())?,
        programs,
    };
    let mut figures = Figures::default();
    bench.check()?;
    bench.beside_the_library(pairs, &mut figures)?;
    for auctions in [8, 16] {
        for round in 1..=processes {
            eprintln!("the service, {auctions} auctions at once, process {round}");
            bench.at_once(auctions, &mut figures)?;
        }
    }
    for round in 1..=periods {
        eprintln!("the service, auctions per second, period {round}");
        bench.sustained(Duration::from_secs(seconds), &mut figures)?;
    }
    let measures = figures.0.into_iter().map(|(name, values)| Measure {
        name,
        rounds: Spread::of(values),
    });
    Ok(measures.collect())
}

/// Figures by their names, round by round.
#[derive(Debug, Default)]
struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    fn add(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }
}

#[derive(Debug)]
struct Bench<'a> {
    /// The auction's JSON.
    auction: Vec<u8>,
    programs: &'a Programs,
}

impl Bench<'_> {
    fn engines(&self, engines: usize, is_hashing: bool) -> Result<Engines> {
        Engines::start(self.programs, engines, &Conditions::default(), is_hashing)
    }

    /// Whether engines receive what the driver sends.
    fn check(&self) -> Result<()> {
        eprintln!("the service: checking");
        let mut engines = self.engines(ENGINES, true)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        service.driver(&self.auction)?.solve()?;
        let expected: [u8; 32] = Sha256::digest(&self.auction).into();
        let requests = engines.report()?.requests;
        ensure!(
            requests.len() == ENGINES && requests.iter().all(|one| one.sha256 == Some(expected)),
            "an engine was not sent the auction"
        );
        Ok(())
    }

    /// One auction at a time, in turn with the library, which sends it directly. Neither has an archive.
    fn beside_the_library(&self, pairs: u32, figures: &mut Figures) -> Result<()> {
        let mut engines = self.engines(ENGINES, false)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        let mut driver = service.driver(&self.auction)?;
        let direct = Scenario::plain("ours, no archive", AUCTION, ENGINES)?;
        // It connects, and allocates what it keeps.
        self.delivered(&mut engines, 1, || driver.solve())?;
        for pair in 1..=pairs {
            eprintln!("the service and the library, turn {pair} of {pairs}");
            let before = service.cpu_ms()?;
            let found = self.delivered(&mut engines, 1, || driver.solve())?;
            let cpu_ms = service.cpu_ms()? - before;
            let ours = engines.run(self.programs, &direct, &[])?;
            let ours = Sample::new(ours, &direct)?;
            let (last, ours_last) = (found.delivery_ms.max, ours.delivery_ms.max);
            figures.add("service_delivery_last_over_ours", last / ours_last);
            figures.add("service_delivery_last_ms", last);
            figures.add("service_delivery_last_ours_ms", ours_last);
            let (first, ours_first) = (found.first_byte_ms, ours.first_byte_ms);
            figures.add("service_added_first_byte_ms", first.min - ours_first.min);
            let added = first.median - ours_first.median;
            figures.add("service_added_first_byte_middle_engine_ms", added);
            figures.add("service_cpu_ms", cpu_ms);
            figures.add("service_cpu_ours_ms", ours.measurement.cpu_ms);
        }
        Ok(())
    }

    /// Many auctions at once, in a process that has solved two.
    fn at_once(&self, auctions: usize, figures: &mut Figures) -> Result<()> {
        let mut engines = self.engines(ENGINES, false)?;
        let service = Service::start(self.programs, &engines.first(ENGINES), &[])?;
        let fresh_kib = service.memory_kib("VmRSS:")?;
        let mut first = service.driver(&self.auction)?;
        self.delivered(&mut engines, 1, || first.solve())?;
        // By connections that are there, with all engines.
        let alone = self.delivered(&mut engines, 1, || first.solve())?;
        let drivers = (0..auctions).map(|_| service.driver(&self.auction));
        let mut drivers = drivers.collect::<Result<Vec<_>>>()?;
        fs::write(format!("/proc/{}/clear_refs", service.process.id()), "5")?;
        let rest_kib = service.memory_kib("VmRSS:")?;
        let before = service.cpu_ms()?;
        let found = self.delivered(&mut engines, auctions, || {
            let sent = thread::scope(|scope| {
                let sending = drivers.iter_mut();
                let sending = sending.map(|driver| scope.spawn(|| driver.solve()));
                let sending: Vec<_> = sending.collect();
                let sent = sending.into_iter().map(|one| one.join());
                sent.collect::<Vec<_>>()
            });
            let mut earliest = u64::MAX;
            for began in sent {
                earliest = earliest.min(began.ok().context("a driver panicked")??);
            }
            Ok(earliest)
        })?;
        let each = auctions as f64;
        let peak_kib = service.memory_kib("VmHWM:")?;
        let over = |kib: u64| peak_kib.saturating_sub(kib) as f64 / 1024.0 / each;
        let mut add =
            |name, value| figures.add(&format!("service_{auctions}_at_once_{name}"), value);
        add("peak_mib_each", over(rest_kib));
        add("peak_over_fresh_mib_each", over(fresh_kib));
        add("cpu_ms_each", (service.cpu_ms()? - before) / each);
        let last = found.delivery_ms.max;
        add("delivery_last_ms", last);
        add(
            "delivery_last_each_over_alone",
            last / each / alone.delivery_ms.max,
        );
        Ok(())
    }

    /// Auctions one after the other from a few drivers, and the same by a thread for each engine.
    fn sustained(&self, period: Duration, figures: &mut Figures) -> Result<()> {
        let mut engines = self.engines(FEW_ENGINES, false)?;
        let archive = ["--archive", "memory:///", "--codec", "gzip"];
        for (name, arguments) in [("", &[][..]), ("gzip_", &archive)] {
            let addresses = engines.first(FEW_ENGINES);
            let service = Service::start(self.programs, &addresses, arguments)?;
            let rate = self.rate(&service, period)?;
            figures.add(&format!("service_{name}auctions_per_second"), rate);
        }
        engines.report()?;
        let threaded = Scenario::plain("threaded (gzip)", AUCTION, FEW_ENGINES)?;
        let (callers, period_ms) = (DRIVERS.to_string(), period.as_millis().to_string());
        let arguments = ["--callers", &callers, "--period-ms", &period_ms];
        let (run, _) = engines.run(self.programs, &threaded, &arguments)?;
        // It serialises once for each engine.
        let auctions = run.productions / FEW_ENGINES as f64;
        let rate = auctions / (run.wall_ms / 1e3);
        figures.add("threaded_gzip_auctions_per_second", rate);
        Ok(())
    }

    /// Auctions per second.
    fn rate(&self, service: &Service, period: Duration) -> Result<f64> {
        service.driver(&self.auction)?.solve()?;
        let began = Instant::now();
        let counted = thread::scope(|scope| {
            let drivers = (0..DRIVERS).map(|_| {
                scope.spawn(|| -> Result<usize> {
                    let mut driver = service.driver(&self.auction)?;
                    let mut solved = 0;
                    while began.elapsed() < period {
                        driver.solve()?;
                        solved += 1;
                    }
                    Ok(solved)
                })
            });
            let drivers: Vec<_> = drivers.collect();
            let counted = drivers.into_iter().map(|driver| driver.join());
            counted.collect::<Vec<_>>()
        });
        let seconds = began.elapsed().as_secs_f64();
        let mut auctions = 0;
        for solved in counted {
            auctions += solved.ok().context("a driver panicked")??;
        }
        Ok(auctions as f64 / seconds)
    }

    /// What engines receive of so many auctions. `send` returns when the first was begun.
    fn delivered(
        &self,
        engines: &mut Engines,
        auctions: usize,
        send: impl FnOnce() -> Result<u64>,
    ) -> Result<Delivered> {
        let began_at_ns = send()?;
        let requests = engines.report()?.requests;
        ensure!(
            requests.len() == auctions * ENGINES
                && requests
                    .iter()
                    .all(|one| one.bytes == self.auction.len() as u64),
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

/// When engines had what a driver sent, after it began.
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
            .args(
                engines.map(|(index, address)| format!("--solver=engine-{index}=http://{address}")),
            )
            .args(arguments)
            .stdin(Stdio::null())
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

    /// A driver with a connection of its own.
    fn driver(&self, auction: &[u8]) -> Result<Driver> {
        let connection = TcpStream::connect(&self.address)?;
        connection.set_nodelay(true)?;
        let (host, length) = (&self.address, auction.len());
        let head =
            format!("POST /solve HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
        Ok(Driver {
            connection: BufReader::new(connection),
            request: [head.as_bytes(), auction].concat(),
        })
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
    /// Sends the auction and reads the answer to its end. Returns when that began.
    fn solve(&mut self) -> Result<u64> {
        let began_at_ns = monotonic_nanoseconds();
        self.connection.get_mut().write_all(&self.request)?;
        let mut length = 0;
        for number in 0.. {
            let mut line = String::new();
            self.connection.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            ensure!(number > 0 || line.contains(" 200 "), "answered {line:?}");
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer)?;
        let _answer: serde_json::Value = serde_json::from_slice(&answer)?;
        Ok(began_at_ns)
    }
}
