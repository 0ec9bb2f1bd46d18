use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::connection::Stream;
use crate::error::{Because, BoxError, Failure, RequestError};
use crate::target::{Server, without_brackets};

const NO_AUTHORITIES: &str = "no certificate authorities were found: not in the file or folder that SSL_CERT_FILE or \
    SSL_CERT_DIR name, nor in the system's store (on Linux, the package ca-certificates); a file of them may be given \
    to the client";

/// Whose certificates are trusted. Nothing is read before the first `https`.
#[derive(Debug)]
pub(crate) struct Trust {
    general: Authorities,
    /// Of servers that have authorities of their own, by host and port.
    own: HashMap<(String, u16), Authorities>,
}

/// Those in a file, the system's, or both.
#[derive(Debug)]
struct Authorities {
    file: Option<PathBuf>,
    system: bool,
    tls: OnceCell<Tls>,
}

impl Trust {
    /// The system's authorities.
    pub(crate) fn system() -> Self {
        Self {
            general: Authorities::new(None, true),
            own: HashMap::new(),
        }
    }

    /// Trusts those in `file` as well.
    pub(crate) fn besides(&mut self, file: PathBuf) {
        self.general = Authorities::new(Some(file), true);
    }

    /// Trusts those in `file`, and no others, where `host` and `port` are concerned.
    pub(crate) fn only(&mut self, host: &str, port: u16, file: PathBuf) {
        let server = (without_brackets(host).to_ascii_lowercase(), port);
        self.own.insert(server, Authorities::new(Some(file), false));
    }

    /// TLS with `server`, or with whoever has no authorities of its own.
    pub(crate) async fn of(&self, server: Option<&Server>) -> Result<Tls, RequestError> {
        let own = server.and_then(|server| self.own.get(&(server.host.clone(), server.port)));
        let authorities = own.unwrap_or(&self.general);
        let read = || async {
            let (file, system) = (authorities.file.clone(), authorities.system);
            // Blocks, for milliseconds.
            let config = tokio::task::spawn_blocking(move || config(file.as_deref(), system));
            Ok::<_, BoxError>(Tls(TlsConnector::from(Arc::new(config.await??))))
        };
        let tls = authorities.tls.get_or_try_init(read).await;
        tls.cloned()
            .map_err(|error| RequestError::before(Failure::Tls, error))
    }
}

impl Authorities {
    fn new(file: Option<PathBuf>, system: bool) -> Self {
        let tls = OnceCell::new();
        Self { file, system, tls }
    }
}

fn config(file: Option<&Path>, system: bool) -> Result<ClientConfig, BoxError> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let trusted = match file {
        Some(path) => read_certificates(path)?,
        None => Vec::new(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = if system {
        let verifier = Verifier::new_with_extra_roots(trusted, provider)
            .map_err(|error| Because::new(NO_AUTHORITIES, error))?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        builder.with_root_certificates(roots)
    };
    Ok(builder.with_no_client_auth())
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let problem: BoxError = match read {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_none) => "there is no PEM certificate in it".into(),
        Err(error) => error.into(),
    };
    let what = format!("{}: no certificates can be read from it", path.display());
    Err(Because::new(what, problem).into())
}

/// How TLS is spoken.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// TLS on top of `stream`, and whether the server chose HTTP/2 of the protocols on offer.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
        offered: &[&[u8]],
    ) -> Result<(Box<dyn Stream>, bool), RequestError> {
        // Certificates know no dot at the end.
        let name = host.strip_suffix('.').unwrap_or(host).to_owned();
        let connecting = async {
            let protocols = offered.iter().map(|name| name.to_vec()).collect();
            let connector = self.0.with_alpn(protocols);
            Ok(connector
                .connect(ServerName::try_from(name)?, stream)
                .await?)
        };
        let stream = connecting.await.map_err(|error: BoxError| {
            // webpki's error for it, which rustls has no name for.
            let hint = if format!("{error:?}").contains("CaUsedAsEndEntity") {
                " (its certificate says that it is an authority's: make one with the extension basicConstraints=CA:FALSE, \
                 or one by an authority of your own)"
            } else {
                ""
            };
            RequestError::before(Failure::Connect, Because::new(format!("no TLS with {host}{hint}"), error))
        })?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), http2))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls")
    }
}
