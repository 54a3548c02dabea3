//! gRPC channels over mutual TLS by a connector of our own, with explicit HTTP/2 windows.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::plan::{LoadError, Plan, TlsPaths};
use crate::wire::v1::exchange_client::ExchangeClient;

pub(crate) type Client = ExchangeClient<Channel>;

/// Connects to some addresses in turn, always as the same member.
#[derive(Debug)]
pub(crate) struct Connector<'plan> {
    addresses: &'plan [String],
    server_name: &'plan str,
    tls: Arc<ClientConfig>,
    opened: usize,
}

impl<'plan> Connector<'plan> {
    pub(crate) fn of_sender(plan: &'plan Plan) -> Result<Self, LoadError> {
        Self::new(&plan.addresses, &plan.server_name, &plan.sender_tls)
    }

    pub(crate) fn of_receiver(plan: &'plan Plan) -> Result<Self, LoadError> {
        let own = Some(&*plan.receiver_addresses).filter(|own| !own.is_empty());
        Self::new(own.unwrap_or(&plan.addresses), &plan.server_name, &plan.receiver_tls)
    }

    fn new(
        addresses: &'plan [String],
        server_name: &'plan str,
        member: &TlsPaths,
    ) -> Result<Self, LoadError> {
        Ok(Self { addresses, server_name, tls: client_config(member)?, opened: 0 })
    }

    pub(crate) async fn open(&mut self) -> Result<Client, LoadError> {
        let turn = self.opened % self.addresses.len().max(1);
        let address = self.addresses.get(turn).ok_or(LoadError::Plan("no address"))?.clone();
        self.opened += 1;

        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = if self.server_name.is_empty() { host } else { self.server_name };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|source| LoadError::ServerName { name: name.to_owned(), source })?;

        let (connector, target) = (TlsConnector::from(Arc::clone(&self.tls)), address.clone());
        let dial = tower::service_fn(move |_| {
            let (connector, target, name) = (connector.clone(), target.clone(), name.clone());
            async move {
                let socket = TcpStream::connect(target).await?;
                socket.set_nodelay(true)?;
                connector.connect(name, socket).await.map(TokioIo::new)
            }
        });
        // The scheme is http because the connector has done the TLS that tonic would look for.
        let failed = |source| LoadError::Connect { address: address.clone(), source };
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .map_err(failed)?
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .connect_with_connector(dial)
            .await
            .map_err(failed)?;
        Ok(ExchangeClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX))
    }
}

fn client_config(member: &TlsPaths) -> Result<Arc<ClientConfig>, LoadError> {
    let (roots, chain, key) = read(member)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// For the peers: a client certificate of the same authority is required.
pub(crate) fn server_config(server: &TlsPaths) -> Result<Arc<ServerConfig>, LoadError> {
    let (roots, chain, key) = read(server)?;
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

type Material = (RootCertStore, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(paths: &TlsPaths) -> Result<Material, LoadError> {
    let certificates = |path: &std::path::PathBuf| {
        let failed = |source| LoadError::File { path: path.clone(), source };
        CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed)
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&paths.ca)? {
        roots.add(certificate)?;
    }
    let key = PrivateKeyDer::from_pem_file(&paths.key)
        .map_err(|source| LoadError::File { path: paths.key.clone(), source })?;
    Ok((roots, certificates(&paths.cert)?, key))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) const STREAM_WINDOW_BYTES: u32 = 8 << 20;
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const MESSAGE_BYTES_MAX: usize = 64 << 20;
