use std::path::{Path, PathBuf};
use std::process::Command;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::runtime;

/// An S3 server in this process, over a folder of its own.
pub(crate) struct ObjectServer {
    folder: TempDir,
    endpoint: String,
    task: JoinHandle<()>,
}

impl ObjectServer {
    /// The one bucket.
    pub(crate) const BUCKET: &str = "auctions";

    const KEY: &str = "test-key";
    const SECRET: &str = "test-secret";

    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir(folder.path().join(Self::BUCKET)).expect("a bucket can be made");
        let files = FileSystem::new(folder.path()).expect("the server takes the folder");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(Self::KEY, Self::SECRET));
        let service = builder.build();
        let listener = runtime()
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a port is free");
        let endpoint = format!(
            "http://{}",
            listener.local_addr().expect("it has an address")
        );
        let task = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // A connection's error is its client's to report.
                    let _served = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self {
            folder,
            endpoint,
            task,
        }
    }

    /// Points a command at this server, by the environment that every S3 tool knows.
    pub(crate) fn point<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", Self::KEY)
            .env("AWS_SECRET_ACCESS_KEY", Self::SECRET)
            .env("AWS_REGION", "us-east-1")
    }

    /// Where it listens, as a URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Every file under the bucket, the server's own and leaked parts included.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(self.folder.path(), &mut found);
        found.sort();
        found
    }

    /// The stored bytes of an object.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(Self::BUCKET).join(key)).expect("the object is there")
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
