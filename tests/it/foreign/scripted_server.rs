use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for what must come: only a broken test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a process of its own, in another language: the scripts beside this file. It ends with this value.
///
/// It says in lines of JSON on its standard output where it listens and what it was sent.
pub(super) struct ScriptedServer {
    process: Child,
    lines: Receiver<Value>,
    url: String,
}

impl ScriptedServer {
    /// `None` when there is no such interpreter, or what the script needs is not installed.
    #[expect(
        clippy::print_stdout,
        reason = "without the server the test is empty, and its output says so"
    )]
    pub(super) fn start(interpreter: &str, script: &str, arguments: &[&str]) -> Option<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/foreign");
        let mut command = Command::new(interpreter);
        command
            .arg(scripts.join(script))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("{interpreter} is not installed, nothing was tested");
                return None;
            }
            Err(error) => panic!("{interpreter} does not start: {error}"),
        };
        let output = process.stdout.take().expect("its output is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let what = serde_json::from_str(&line).expect("the script writes JSON");
                if sender.send(what).is_err() {
                    break;
                }
            }
        });
        // From here on the process is ended whatever happens.
        let mut server = Self {
            process,
            lines,
            url: String::new(),
        };
        let first = server.report();
        if let Some(absent) = first["absent"].as_str() {
            println!("{absent}: not installed, nothing was tested");
            return None;
        }
        println!("tested with {}", first["version"]);
        server.url = format!("http://127.0.0.1:{}", first["port"]);
        Some(server)
    }

    /// Where requests are treated in this way.
    pub(super) fn endpoint(&self, how: &str) -> String {
        format!("{}/{how}", self.url)
    }

    /// What the server says of the next request that it took. What failed in between, such as answering one who has gone,
    /// is passed over.
    pub(super) fn report(&self) -> Value {
        loop {
            let said = self.next();
            if said["error"].is_null() {
                return said;
            }
        }
    }

    /// What failed in the server, next.
    pub(super) fn failure(&self) -> String {
        let said = self.next();
        match said["error"].as_str() {
            Some(error) => error.to_owned(),
            None => panic!("nothing failed: {said}"),
        }
    }

    fn next(&self) -> Value {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("the server says something")
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _waited_for = self.process.wait();
    }
}
