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

const AN_AUTHORITYS: &str = " (its certificate says that it is an authority's: make one with the extension \
    basicConstraints=CA:FALSE, or one by an authority of your own)";

/// Whose certificates are trusted: those of the system's authorities by default. Reads no file before the first `https`.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    general: Authorities,
    /// For servers with authorities of their own, by host and port.
    own: HashMap<(String, u16), Authorities>,
}

/// The authorities in files, with the system's or alone.
#[derive(Debug, Default)]
struct Authorities {
    files: Vec<PathBuf>,
    alone: bool,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    /// Also trusts the certificates in `file`.
    pub(crate) fn besides(&mut self, file: PathBuf) {
        self.general.files.push(file);
    }

    /// For `host` and `port`, trusts the certificates in `file` and no others.
    pub(crate) fn only(&mut self, host: &str, port: u16, file: PathBuf) {
        let server = (without_brackets(host).to_ascii_lowercase(), port);
        let own = self.own.entry(server).or_default();
        own.alone = true;
        own.files.push(file);
    }

    /// The TLS configuration for `server`, or for a peer without authorities of its own.
    pub(crate) async fn of(
        &self,
        server: Option<&Server>,
    ) -> Result<Arc<ClientConfig>, RequestError> {
        let own = server.and_then(|server| self.own.get(&(server.host.clone(), server.port)));
        let authorities = own.unwrap_or(&self.general);
        let read = || async {
            let (files, alone) = (authorities.files.clone(), authorities.alone);
            // It blocks for milliseconds.
            let config = tokio::task::spawn_blocking(move || config(&files, alone));
            Ok::<_, BoxError>(Arc::new(config.await??))
        };
        let config = authorities.config.get_or_try_init(read).await;
        config
            .cloned()
            .map_err(|error| RequestError::before(Failure::Tls, error))
    }
}

fn config(files: &[PathBuf], alone: bool) -> Result<ClientConfig, BoxError> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let mut trusted = Vec::new();
    for file in files {
        trusted.extend(read_certificates(file)?);
    }
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = if alone {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        builder.with_root_certificates(roots)
    } else {
        let verifier = Verifier::new_with_extra_roots(trusted, provider)
            .map_err(|error| Because::new(NO_AUTHORITIES, error))?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
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

/// Starts TLS with `host` on `stream`. Also returns whether the server chose HTTP/2 from the offered protocols.
pub(crate) async fn secure(
    config: Arc<ClientConfig>,
    host: &str,
    stream: Box<dyn Stream>,
    offered: &[&[u8]],
) -> Result<(Box<dyn Stream>, bool), RequestError> {
    let connecting = async {
        // Certificates have no dot at the end.
        let name = host.strip_suffix('.').unwrap_or(host).to_owned();
        let name = ServerName::try_from(name)?;
        let protocols = offered.iter().map(|name| name.to_vec()).collect();
        let connector = TlsConnector::from(config);
        let connecting = connector.with_alpn(protocols).connect(name, stream);
        Ok(connecting.await?)
    };
    let stream = connecting.await.map_err(|error: BoxError| {
        // webpki's error for it, which rustls has no name for.
        let hint = if format!("{error:?}").contains("CaUsedAsEndEntity") {
            AN_AUTHORITYS
        } else {
            ""
        };
        let what = format!("no TLS with {host}{hint}");
        RequestError::before(Failure::Connect, Because::new(what, error))
    })?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Box::new(stream), http2))
}
