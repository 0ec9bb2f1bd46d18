use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::program::{Finished, program};
use super::{run, until};

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program as a service. It ends with this value.
pub(crate) struct Service {
    child: Option<Child>,
    /// `host:port`.
    address: String,
    home: TempDir,
}

impl Service {
    /// Starts it on a free port, with a configuration file of this text in a folder of its own, which the path is relative to.
    pub(crate) fn start(config: &str, arguments: &[&str]) -> Self {
        Self::start_with(config, arguments, |_command| {})
    }

    /// The same, of a command that is prepared before.
    pub(crate) fn start_with(
        config: &str,
        arguments: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        fs::write(home.path().join("driver.toml"), config).expect("it can be written");
        let fixed = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            "driver.toml",
        ];
        let mut command = program(&[&fixed, arguments].concat());
        let errors = File::create(home.path().join("log")).expect("it can be made");
        command
            .current_dir(home.path())
            .stdout(Stdio::piped())
            .stderr(errors);
        prepare(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it prints");
        let address = line.trim_end().strip_prefix("http://");
        let Some(address) = address.map(ToOwned::to_owned) else {
            let log = fs::read_to_string(home.path().join("log"));
            panic!("{line}: {log:?}");
        };
        Self {
            child: Some(child),
            address,
            home,
        }
    }

    /// The folder that the configuration is in.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The names in a folder below that, sorted; none if there is no folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.home().join(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.expect("it is there").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.into_string().expect("it is text"))
            .collect();
        names.sort();
        names
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home().join("log")).expect("it is text")
    }

    /// Waits until it has logged this.
    pub(crate) fn wait_for(&self, part: &str) {
        run(until(|| self.log().contains(part)));
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.id().to_string()])
            .status()
            .expect("there is kill");
        assert!(sent.success());
    }

    /// Waits until it has ended: its exit code, and what it logged.
    pub(crate) fn ended(mut self) -> Finished {
        let child = self.child.take().expect("it runs");
        let mut finished = Finished::of(child);
        finished.errors = self.log();
        finished
    }

    /// A connection of a driver.
    pub(crate) fn connect(&self) -> Driver {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it can be set");
        Driver(stream)
    }

    /// Whether somebody would take another connection.
    pub(crate) fn is_listening(&self) -> bool {
        TcpStream::connect(&self.address).is_ok()
    }

    /// Sends an auction in one piece.
    pub(crate) fn solve(&self, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post("/solve", headers, body)
    }

    pub(crate) fn post(&self, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut driver = self.connect();
        let length = body.as_ref().len();
        driver.head(path, &format!("{headers}content-length: {length}\r\n"));
        driver.write(body.as_ref());
        driver.answer()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut driver = self.connect();
        driver.write(
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        );
        driver.answer()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }
}

/// A driver's connection, written by hand.
pub(crate) struct Driver(TcpStream);

impl Driver {
    /// Begins a request that is answered on a connection of its own.
    pub(crate) fn head(&mut self, path: &str, headers: &str) {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        self.write(head.as_bytes());
    }

    /// Writes this. A peer that has answered already may have gone.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _heard = self.is_heard(bytes);
    }

    /// The same, and says whether all could be written.
    pub(crate) fn is_heard(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Writes a chunk of a chunked body; an empty one ends it.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) {
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.write(&chunk);
    }

    /// Sends no more, and can still read.
    pub(crate) fn finish(&self) {
        let _gone = self.0.shutdown(Shutdown::Write);
    }

    pub(crate) fn answer(mut self) -> Answer {
        let mut bytes = Vec::new();
        // What came before a reset counts.
        let _end = self.0.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|found| found == b"\r\n\r\n");
        let Some(end) = end else {
            panic!("no answer: {:?}", String::from_utf8_lossy(&bytes));
        };
        let body = bytes.split_off(end + 4);
        Answer {
            head: String::from_utf8(bytes).expect("a head is text"),
            body: String::from_utf8(body).expect("answers are text"),
        }
    }
}

/// What the service answers.
#[derive(Debug)]
pub(crate) struct Answer {
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).expect("there is a status");
        status.parse().expect("it is a number")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the answer is JSON")
    }
}
