use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::connection::Stream;
use crate::error::{ConnectError, TlsError};
use crate::target::Server;

/// Whose certificates are trusted. Nothing is read before the first `https`.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    general: Authorities,
    /// Those of servers that have authorities of their own, by host and port.
    own: HashMap<(String, u16), Authorities>,
}

#[derive(Debug, Default)]
struct Authorities {
    file: Option<PathBuf>,
    /// The system's as well.
    system: bool,
    config: OnceCell<Config>,
}

impl Trust {
    /// Trusts the system's authorities and those in `file`, but for servers that have some of their own.
    pub(crate) fn new(file: Option<PathBuf>, own: HashMap<(String, u16), PathBuf>) -> Self {
        let authorities = |file, system| Authorities {
            file,
            system,
            config: OnceCell::new(),
        };
        Self {
            general: authorities(file, true),
            own: own
                .into_iter()
                .map(|(server, file)| (server, authorities(Some(file), false)))
                .collect(),
        }
    }

    pub(crate) async fn config(&self, server: &Server) -> Result<Config, TlsError> {
        let own = self.own.get(&(server.host.clone(), server.port));
        own.unwrap_or(&self.general).config().await
    }

    /// What a proxy is spoken to by.
    pub(crate) async fn system(&self) -> Result<Config, TlsError> {
        self.general.config().await
    }
}

impl Authorities {
    async fn config(&self) -> Result<Config, TlsError> {
        let read = || async {
            let (file, system) = (self.file.clone(), self.system);
            let reading =
                tokio::task::spawn_blocking(move || Config::read(file.as_deref(), system));
            match reading.await {
                Ok(config) => config,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime ends, and this with it.
                    Err(_cancelled) => std::future::pending().await,
                },
            }
        };
        self.config.get_or_try_init(read).await.cloned()
    }
}

/// How TLS is spoken.
#[derive(Clone)]
pub(crate) struct Config(Arc<ClientConfig>);

impl Config {
    fn read(file: Option<&Path>, system: bool) -> Result<Self, TlsError> {
        let provider = CryptoProvider::get_default()
            .cloned()
            .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
        let trusted = match file {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        let inner: Arc<dyn ServerCertVerifier> = if system {
            let verifier = Verifier::new_with_extra_roots(trusted.clone(), Arc::clone(&provider));
            Arc::new(verifier.map_err(|source| TlsError::NoAuthorities { source })?)
        } else {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(trusted.clone());
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
            let verifier = verifier.build().map_err(|error| {
                let source = rustls::Error::General(error.to_string());
                TlsError::NoAuthorities { source }
            })?;
            verifier
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Provider { source })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(LeafByFile { inner, trusted }))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// TLS on top of `stream`, and whether the server chose HTTP/2 of the protocols on offer.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
        offered: &[&[u8]],
    ) -> Result<(Box<dyn Stream>, bool), ConnectError> {
        let failed = |source| ConnectError::Tls {
            host: host.to_owned(),
            source,
        };
        // Certificates know no dot at the end.
        let name = host.strip_suffix('.').unwrap_or(host);
        let name = ServerName::try_from(name)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?
            .to_owned();
        let protocols = offered.iter().map(|name| name.to_vec()).collect();
        let connector = TlsConnector::from(Arc::clone(&self.0));
        let stream = connector
            .with_alpn(protocols)
            .connect(name, stream)
            .await
            .map_err(failed)?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), http2))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Config")
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(error.into()))?;
    if certificates.is_empty() {
        return Err(unusable("there is no PEM certificate in it".into()));
    }
    Ok(certificates)
}

/// Trusts, besides what `inner` does, a server whose own certificate is in the file of trusted ones, as curl does: most
/// that are self-signed call themselves authorities, and no authority may be a server otherwise.
#[derive(Debug)]
struct LeafByFile {
    inner: Arc<dyn ServerCertVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for LeafByFile {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // By then it was found to be valid now.
            Err(error)
                if is_authority(&error) && self.trusted.iter().any(|leaf| leaf == end_entity) =>
            {
                let leaf = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&leaf, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether a certificate was refused for being an authority's: webpki's `CaUsedAsEndEntity`, which rustls has no name for.
fn is_authority(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(CertificateError::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity")
    )
}

impl From<TlsError> for crate::RequestError {
    fn from(source: TlsError) -> Self {
        Self::Tls { source }
    }
}
