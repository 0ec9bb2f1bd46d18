//! Stored objects are read by the tools that their readers use, where those are installed.

use std::{
    io::ErrorKind,
    path::Path as FilePath,
    process::{Command, Stdio},
};

use archive_sink::{Codec, CodecKind};

use crate::support::{Target, codecs, document, store, stored};

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
async fn sha256sum_reads_the_digest_beside_an_object() {
    let directory = tempfile::tempdir().unwrap();
    let document = document(50_000);
    std::fs::write(directory.path().join("document"), &document).unwrap();
    // With metadata, and so with a comment, and without.
    for target in [Target::memory(), Target::local(directory.path())] {
        let archive = target.builder().codec(Codec::Identity).build().unwrap();
        store(&archive, "a", &document).await;
        let text = stored(&*target.store, &"a.sha256".into()).await.unwrap();
        let file = directory.path().join("digest");
        std::fs::write(&file, text).unwrap();
        let mut sha256sum = Command::new("sha256sum");
        sha256sum.args(["--check", "--strict"]).arg(&file);
        sha256sum.stdin(std::fs::File::open(directory.path().join("document")).unwrap());
        match sha256sum.output() {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
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
