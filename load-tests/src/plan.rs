//! What to run: where, as whom, how hard, how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// One run of the generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    /// `host:port`, used in turn by the connections.
    pub addresses: Vec<String>,
    /// Where the receiver connects; empty: where the sender does.
    pub receiver_addresses: Vec<String>,
    /// The name on the server's certificate; empty: the host of the address.
    pub server_name: String,
    pub sender_tls: TlsPaths,
    pub receiver_tls: TlsPaths,
    pub sender: String,
    /// Who is sent to, drawn evenly for each document.
    pub receivers: Vec<String>,
    pub mode: Mode,
    /// How many streams the receiving agencies are spread over. 0: nobody receives, and an exchange
    /// ends with its receipt (for the bare peers).
    pub receive_streams: usize,
    /// Deliveries a receive stream may have unacknowledged.
    pub receive_window: u32,
    pub payload_bytes: usize,
    pub warm_up: Duration,
    /// What is measured, after the warm-up.
    pub duration: Duration,
    /// Open loop: documents per second, sent whether or not earlier ones are answered.
    pub rate: Option<f64>,
    /// Whose CPU to state.
    pub server_pid: Option<u32>,
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `window` documents unanswered per connection, at most `batch` per gRPC message.
    Streamed {
        connections: usize,
        window: usize,
        batch: usize,
    },
    Unary {
        connections: usize,
        in_flight: usize,
    },
    /// One document at a time.
    Single,
}

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPaths {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the plan cannot be run: {0}")]
    Plan(&'static str),
    #[error("{path} cannot be used")]
    File { path: PathBuf, source: rustls_pki_types::pem::Error },
    #[error("the TLS configuration does not hold")]
    Tls(#[from] rustls::Error),
    #[error("the authority cannot vouch for clients")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("`{name}` is not a server name")]
    ServerName { name: String, source: rustls_pki_types::InvalidDnsNameError },
    #[error("no connection to {address}")]
    Connect { address: String, source: tonic::transport::Error },
    #[error("the receive stream was refused")]
    Receive(#[source] Box<tonic::Status>),
    #[error("the pacing thread could not be started")]
    Pacer(#[source] std::io::Error),
    #[error("the peer could not be served")]
    Peer(#[source] tonic::transport::Error),
}

impl Plan {
    /// The canonical workload (P1): streamed, 4 connections × window 256, 1 KiB, batches of at most 64.
    pub fn canonical(address: String, sender_tls: TlsPaths, receiver_tls: TlsPaths) -> Self {
        Self {
            name: "canonical".to_owned(),
            addresses: vec![address],
            receiver_addresses: Vec::new(),
            server_name: String::new(),
            sender_tls,
            receiver_tls,
            sender: String::new(),
            receivers: Vec::new(),
            mode: Mode::Streamed { connections: 4, window: 256, batch: 64 },
            receive_streams: 4,
            receive_window: 1024,
            payload_bytes: 1024,
            warm_up: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            rate: None,
            server_pid: None,
            seed: 1,
        }
    }

    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let sized = match self.mode {
            Mode::Streamed { connections, window, batch } => {
                connections > 0 && window > 0 && batch > 0
            }
            Mode::Unary { connections, in_flight } => connections > 0 && in_flight >= connections,
            Mode::Single => true,
        };
        let faults = [
            (self.addresses.is_empty(), "no address"),
            (self.sender.is_empty(), "no sending agency"),
            (self.receivers.is_empty(), "no receiving agency"),
            (!sized, "a mode with nothing in flight"),
            (self.duration.is_zero(), "nothing to measure"),
            (self.rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1e8)), "an impossible rate"),
        ];
        match faults.iter().find(|(is_fault, _)| *is_fault) {
            Some(&(_, fault)) => Err(LoadError::Plan(fault)),
            None => Ok(()),
        }
    }
}

impl TlsPaths {
    /// `ca.pem`, `NAME.pem` and `NAME.key` of one folder.
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            cert: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        }
    }
}
