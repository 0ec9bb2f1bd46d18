use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures_util::future::OptionFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
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
        Self::of_kind(true)
    }

    /// One that replaces what is there, whatever the condition.
    pub(crate) fn ignoring_conditions() -> Self {
        Self::of_kind(false)
    }

    fn of_kind(keeps_conditions: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (endpoint, task) =
            Self::serve(folder.path(), address, Arc::default(), keeps_conditions);
        Self {
            folder,
            endpoint,
            task,
        }
    }

    /// Serves a folder at an address for as long as this process is not killed. What is stored is there whole or not at all,
    /// as in S3: this server writes an object first and what is known of it after that.
    pub(crate) fn serve_for_ever(folder: &Path, address: SocketAddr) {
        let bucket = folder.join(Self::BUCKET);
        let mut found = Vec::new();
        std::fs::create_dir_all(&bucket).expect("a bucket can be made");
        collect(&bucket, &mut found);
        for object in found {
            let key = object.strip_prefix(&bucket).expect("it is in the bucket");
            let name = [Self::BUCKET.as_bytes(), key.as_os_str().as_encoded_bytes()].map(base64);
            let [bucket, key] = name;
            let known = format!(".bucket-{bucket}.object-{key}.metadata.json");
            if !folder.join(known).exists() {
                // It was killed before it could have answered.
                std::fs::remove_file(object).expect("it can be removed");
            }
        }
        let one_at_a_time = Arc::new(Some(Mutex::new(())));
        let (_, task) = Self::serve(folder, address, one_at_a_time, true);
        let _ended = runtime().block_on(task);
    }

    fn serve(
        folder: &Path,
        address: SocketAddr,
        turn: Arc<Option<Mutex<()>>>,
        keeps_conditions: bool,
    ) -> (String, JoinHandle<()>) {
        std::fs::create_dir_all(folder.join(Self::BUCKET)).expect("a bucket can be made");
        let files = FileSystem::new(folder).expect("the server takes the folder");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(Self::KEY, Self::SECRET));
        let service = builder.build();
        let listener = runtime()
            .block_on(TcpListener::bind(address))
            .expect("the port is free");
        let endpoint = format!(
            "http://{}",
            listener.local_addr().expect("it has an address")
        );
        let folder = folder.to_owned();
        let task = runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, turn) = (service.clone(), Arc::clone(&turn));
                let folder = folder.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    if !keeps_conditions && request.headers().contains_key("if-none-match") {
                        // Its condition is part of what is signed.
                        let object = folder.join(request.uri().path().trim_start_matches('/'));
                        let _replaced = std::fs::remove_file(object);
                    }
                    let (service, turn) = (service.clone(), Arc::clone(&turn));
                    // Carried out also when the client is gone.
                    let carried_out = tokio::spawn(async move {
                        let lock = turn.as_ref().as_ref().map(Mutex::lock);
                        let _turn = OptionFuture::from(lock).await;
                        let answer = service.call(request.map(s3s::Body::from)).await;
                        answer.map_err(std::io::Error::other)
                    });
                    async move { carried_out.await.map_err(std::io::Error::other)? }
                });
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // A connection's error is its client's to report.
                    let _served = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        (endpoint, task)
    }

    /// Points a command at this server, by the environment that every S3 tool knows.
    pub(crate) fn point<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        Self::point_at(&self.endpoint, command)
    }

    /// Points a command at such a server.
    pub(crate) fn point_at<'c>(endpoint: &str, command: &'c mut Command) -> &'c mut Command {
        command
            .env("AWS_ENDPOINT_URL", endpoint)
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

/// RFC 4648, section 5, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for block in bytes.chunks(3) {
        let bits = block
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - block.len()));
        let digits = (0..=block.len()).map(|digit| bits >> (18 - 6 * digit) & 63);
        text.extend(digits.map(|digit| char::from(DIGITS[digit as usize])));
    }
    text
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
