use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;

/// The other program, which has production's backend of gzip. Ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Production {
    process: Child,
    /// `None` once it is closed, which ends the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Production {
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("cannot start the program comparison-production-archive, which is built apart: {error}")
            })?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or("a program without output")?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    /// Nanoseconds of processor time that archiving takes there, and the checksum and length of what was archived.
    pub(crate) fn archive(&mut self, way: &str, times: usize) -> Result<(f64, [u32; 2])> {
        let input = self.input.as_mut().ok_or("a program without input")?;
        writeln!(input, "{way} {times}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Vec<&str> = line.split_whitespace().collect();
        let [took, checksum, length] = numbers[..] else {
            return Err("the program of production's archive failed".into());
        };
        Ok((took.parse()?, [checksum.parse()?, length.parse()?]))
    }
}

impl Drop for Production {
    fn drop(&mut self) {
        drop(self.input.take());
        // Whether it failed was seen by what it did not answer.
        let _status = self.process.wait();
    }
}
