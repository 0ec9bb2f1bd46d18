use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::Engine;

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often another port is tried, if one that was free is taken before it is bound again.
const TRIES: usize = 5;

/// nginx before one engine, with `nginx.conf` beside this file. It ends with this value.
pub(super) struct Proxy {
    process: Child,
    url: String,
    /// Ends after the process.
    _home: TempDir,
}

impl Proxy {
    /// `None` when nginx is not installed.
    #[expect(
        clippy::print_stdout,
        reason = "without nginx the test is empty, and its output says so"
    )]
    pub(super) fn before(engine: &Engine) -> Option<Self> {
        let engine = engine.argument("");
        let engine_url = engine.trim_start_matches('=');
        let mut complaints = String::new();
        for _ in 0..TRIES {
            let home = tempfile::tempdir().unwrap();
            let url = Engine::unreachable_url();
            let (_, port) = url.rsplit_once(':').expect("it has a port");
            let configuration = include_str!("nginx.conf")
                .replace("{port}", port)
                .replace("{engine}", engine_url);
            fs::write(home.path().join("nginx.conf"), configuration).unwrap();
            let Some(mut process) = spawn(&home) else {
                println!("nginx is not installed, nothing was tested");
                return None;
            };
            let lines = lines_of(&mut process);
            let proxy = Self {
                process,
                url,
                _home: home,
            };
            loop {
                match lines.recv_timeout(PATIENCE) {
                    // It says its version when it listens.
                    Ok(line) if line.contains(": nginx/") => {
                        println!("tested with {line}");
                        return Some(proxy);
                    }
                    Ok(line) => complaints += &format!("{line}\n"),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => panic!("it does not start: {complaints}"),
                }
            }
        }
        panic!("nginx does not start: {complaints}");
    }

    /// A location of `nginx.conf`.
    pub(super) fn endpoint(&self, location: &str) -> String {
        format!("{}/{location}", self.url)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _waited_for = self.process.wait();
    }
}

fn spawn(home: &TempDir) -> Option<Child> {
    // The second is where it is, and where only an administrator's shell looks.
    for name in ["nginx", "/usr/sbin/nginx"] {
        let spawned = Command::new(name)
            .arg("-p")
            .arg(home.path())
            .args(["-c", "nginx.conf"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        match spawned {
            Ok(process) => return Some(process),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{name} does not start: {error}"),
        }
    }
    None
}

fn lines_of(process: &mut Child) -> Receiver<String> {
    let output = process.stderr.take().expect("its errors are piped");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // To be read to the end, whoever listens: a full pipe would stop the process.
            let _heard = sender.send(line);
        }
    });
    lines
}
