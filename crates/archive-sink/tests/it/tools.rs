//! Stored objects are read by the tools that their readers use, where those are installed.

use std::{
    io::ErrorKind,
    path::Path as FilePath,
    process::{Command, Stdio},
};

use archive_sink::CodecKind;

use crate::support::{Target, codecs, document, store};

/// Runs a tool on a file; `None` when it is not installed.
fn output_of(program: &str, arguments: &[&str], file: &FilePath) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).stdin(Stdio::null());
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {output:?}");
            Some(output.stdout)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{program}: {error}"),
    }
}

#[tokio::test]
async fn other_tools_read_what_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::local(directory.path());
    let document = document(300_000);
    for codec in codecs() {
        let archive = target.builder().codec(codec).build().unwrap();
        let receipt = store(&archive, "a.json", &document).await;
        let file = directory.path().join(receipt.location.as_ref());
        let python = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
        let tools: &[(&str, &[&str])] = match codec.kind() {
            CodecKind::Gzip => &[("gzip", &["-dc"]), ("python3", &["-c", python])],
            CodecKind::Zstd => &[("zstd", &["-dcq"])],
            CodecKind::Brotli => &[("brotli", &["-dc"])],
            _ => &[("cat", &[])],
        };
        for (program, arguments) in tools {
            if let Some(output) = output_of(program, arguments, &file) {
                assert!(output == document, "{program} reads something else");
            }
            if matches!(*program, "gzip" | "zstd" | "brotli") {
                output_of(program, &["-t"], &file);
            }
        }
    }
}
