//! Bad certificates on either side, over real sockets: both ends name the cause and whose it is.
//!
//! Set-up: one chain in a folder, a platform and a member, each row with one thing wrong. Revocation is
//! checked in a full handshake, in a resumed one, and on a connection that is already open.

use lienthong::clock::{Clock, SystemClock, Timestamp};
use lienthong::pki::{Holder, MemberId, Pki, Platform, PlatformName, Reason, Request, Which};
use lienthong::tls::{
    Accepted, Alpn, Cause, Connected, CrlState, KeyFiles, ListenerKind, PeerId, Role, StaleCrl,
    Tls, TlsClient, TlsFault, TlsLoadError, TlsOptions, TlsServer, TlsVersions, Trust, TrustFiles,
    Witness,
};
use rustls_pki_types::ServerName;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The machine's clock, which a test may push forward.
struct PushedClock {
    machine: SystemClock,
    pushed_ns: AtomicU64,
}

impl PushedClock {
    fn push(&self, by: Duration) {
        self.pushed_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    fn pushed(&self) -> Duration {
        Duration::from_nanos(self.pushed_ns.load(Ordering::Relaxed))
    }
}

impl Clock for PushedClock {
    fn now(&self) -> Timestamp {
        self.machine.now().plus(self.pushed())
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.machine.sleep_until(at.minus(self.pushed())).await;
    }
}

/// A chain with one platform and one member, and what is needed to connect them.
struct Yard {
    _folder: tempfile::TempDir,
    pki: Pki,
    clock: Arc<PushedClock>,
    platform: Platform,
    member: MemberId,
}

type Ends = (Result<Accepted<TcpStream>, TlsFault>, Result<Connected<TcpStream>, TlsFault>);

impl Yard {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock =
            Arc::new(PushedClock { machine: SystemClock::new(), pushed_ns: AtomicU64::new(0) });
        let platform = Platform { name: name("lgsp-h53"), addresses: Vec::new() };
        let member = MemberId::parse("VN:GOV:000.00.13.H53:qlvb").unwrap();
        let pki = Pki::at(folder.path().join("pki"));
        let platforms = std::slice::from_ref(&platform);
        pki.init(platforms, std::slice::from_ref(&member), clock.now()).unwrap();
        Self { _folder: folder, pki, clock, platform, member }
    }

    fn trust(&self, options: TlsOptions) -> Arc<Trust> {
        lienthong::tls::trust_of(&self.pki, options, &self.clock).unwrap()
    }

    fn keys(&self, trust: &Arc<Trust>, holder: &Holder) -> Arc<Tls> {
        Tls::load(trust, self.pki.bundle(holder).into()).unwrap()
    }

    fn server(&self, kind: ListenerKind, options: TlsOptions) -> TlsServer {
        let keys = self.keys(&self.trust(options), &self.of_platform());
        keys.server(kind, Alpn::Both).unwrap()
    }

    fn client(&self, options: TlsOptions) -> TlsClient {
        let keys = self.keys(&self.trust(options), &self.of_member());
        keys.client(Some(self.platform.name.clone()), Alpn::Http1).unwrap()
    }

    fn of_platform(&self) -> Holder {
        Holder::Platform(self.platform.name.clone())
    }

    fn of_member(&self) -> Holder {
        Holder::Member(self.member.clone())
    }

    fn soon(&self) -> Timestamp {
        self.clock.now().plus(Duration::from_secs(5))
    }

    /// One connection: a handshake, then the client sends four bytes and the server sends them back.
    async fn meet(&self, server: &TlsServer, client: &TlsClient) -> Ends {
        self.meet_as("localhost", server, client).await
    }

    async fn meet_as(&self, host: &str, server: &TlsServer, client: &TlsClient) -> Ends {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = self.clock.as_ref();
        let serve = async {
            let (io, _) = listener.accept().await.unwrap();
            let mut accepted = server.accept(clock, io, self.soon()).await?;
            let mut word = [0_u8; 4];
            let stream = &mut accepted.stream;
            let echo = async {
                stream.read_exact(&mut word).await?;
                stream.write_all(&word).await?;
                stream.flush().await
            };
            match echo.await {
                Ok(()) => Ok(accepted),
                Err(error) => Err(server.explain(&error, clock.now()).unwrap()),
            }
        };
        let call = async {
            let host = ServerName::try_from(host.to_owned()).unwrap();
            let mut connected = client.connect(clock, address, host, self.soon()).await?;
            let mut word = [0_u8; 4];
            let stream = &mut connected.stream;
            let ask = async {
                stream.write_all(b"ping").await?;
                stream.flush().await?;
                stream.read_exact(&mut word).await.map(|_| assert_eq!(&word, b"ping"))
            };
            match ask.await {
                Ok(()) => Ok(connected),
                Err(error) => Err(client.explain(&error, clock.now()).unwrap()),
            }
        };
        tokio::join!(serve, call)
    }
}

fn name(text: &str) -> PlatformName {
    PlatformName::new(text).unwrap()
}

fn faults((server, client): Ends) -> (TlsFault, TlsFault) {
    match (server, client) {
        (Err(server), Err(client)) => (server, client),
        (server, client) => {
            panic!("server: {:?}, client: {:?}", server.map(|s| s.peer), client.map(|c| c.peer))
        }
    }
}

fn peers((server, client): Ends) -> (Accepted<TcpStream>, Connected<TcpStream>) {
    match (server, client) {
        (Ok(server), Ok(client)) => (server, client),
        (server, client) => panic!("server: {:?}, client: {:?}", server.err(), client.err()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    ForeignCa,
    SelfSigned,
    Expired,
    NotYetValid,
    Revoked,
    Name,
    Platform,
    Purpose,
    Missing,
}

impl Yard {
    /// The holder's key and certificate with one thing wrong.
    fn spoilt(&self, holder: &Holder, wrong: Wrong) -> KeyFiles {
        let now = self.clock.now();
        let request = match holder {
            Holder::Member(id) => Request::member(id.clone(), now),
            Holder::Platform(_) => Request::platform(&self.platform, now),
        };
        let issue = |request| drop(self.pki.issue(&request, now).unwrap());
        match wrong {
            Wrong::ForeignCa => {
                let foreign = Pki::at(self.pki.dir().join("foreign"));
                foreign.init(&[], &[], now).unwrap();
                foreign.issue(&request, now).unwrap();
                return foreign.bundle(holder).into();
            }
            Wrong::SelfSigned => {
                let names = vec!["lgsp-h60".to_owned()];
                let mut parameters = rcgen::CertificateParams::new(names).unwrap();
                parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
                let key = rcgen::KeyPair::generate().unwrap();
                let files = KeyFiles::from(self.pki.bundle(holder));
                let certificate = parameters.self_signed(&key).unwrap();
                std::fs::write(&files.chain, certificate.pem()).unwrap();
                std::fs::write(&files.key, key.serialize_pem()).unwrap();
                return files;
            }
            Wrong::Expired => issue(request.valid(now.minus(2 * DAY), now.minus(DAY))),
            Wrong::NotYetValid => issue(request.valid(now.plus(DAY), now.plus(2 * DAY))),
            Wrong::Revoked => {
                let which = Which::Holder(holder.clone());
                drop(self.pki.revoke(&which, Reason::KeyCompromise, now).unwrap());
            }
            Wrong::Name => issue(request.named(vec![])),
            Wrong::Purpose => return self.pki.bundle(&self.of_member()).into(),
            Wrong::Platform | Wrong::Missing => {}
        }
        self.pki.bundle(holder).into()
    }
}

fn is_named(wrong: Wrong, cause: &Cause) -> bool {
    match wrong {
        Wrong::ForeignCa | Wrong::SelfSigned => {
            matches!(cause, Cause::UnknownCa { issuer: Some(_) })
        }
        Wrong::Expired => matches!(cause, Cause::Expired { not_after: Some(_) }),
        Wrong::NotYetValid => matches!(cause, Cause::NotYetValid { not_before: Some(_) }),
        Wrong::Revoked => matches!(cause, Cause::Revoked { serial: Some(_) }),
        Wrong::Name | Wrong::Platform => matches!(cause, Cause::WrongName { .. }),
        Wrong::Purpose => matches!(cause, Cause::WrongPurpose),
        Wrong::Missing => matches!(cause, Cause::NoClientCertificate),
    }
}

#[tokio::test]
async fn a_bad_client_certificate_is_named_on_both_sides() {
    for wrong in [
        Wrong::ForeignCa,
        Wrong::SelfSigned,
        Wrong::Expired,
        Wrong::NotYetValid,
        Wrong::Revoked,
        Wrong::Missing,
    ] {
        for kind in [ListenerKind::Mtls, ListenerKind::Tls] {
            let yard = Yard::new();
            let files = yard.spoilt(&yard.of_member(), wrong);
            let server = yard.server(kind, TlsOptions::default());
            let trust = yard.trust(TlsOptions::default());
            let keys = if wrong == Wrong::Missing {
                Tls::anonymous(&trust)
            } else {
                Tls::load(&trust, files).unwrap()
            };
            let client = keys.client(None, Alpn::Http1).unwrap();
            let ends = yard.meet(&server, &client).await;
            if wrong == Wrong::Missing && kind == ListenerKind::Tls {
                assert_eq!(peers(ends).0.peer.id, PeerId::Anonymous);
                continue;
            }
            let (at_server, at_client) = faults(ends);
            assert_eq!((at_server.side, at_server.seen_by), (Role::Client, Witness::Us));
            assert_eq!((at_client.side, at_client.seen_by), (Role::Client, Witness::Peer));
            assert!(is_named(wrong, &at_server.cause), "{wrong:?} {kind:?}: {at_server}");
            assert!(is_named(wrong, &at_client.cause), "{wrong:?} {kind:?}: {at_client}");
        }
    }
}

#[tokio::test]
async fn a_bad_server_certificate_is_named_on_both_sides() {
    for wrong in [
        Wrong::ForeignCa,
        Wrong::Expired,
        Wrong::NotYetValid,
        Wrong::Revoked,
        Wrong::Name,
        Wrong::Platform,
        Wrong::Purpose,
    ] {
        let yard = Yard::new();
        let files = yard.spoilt(&yard.of_platform(), wrong);
        let trust = yard.trust(TlsOptions::default());
        let keys = Tls::load(&trust, files).unwrap();
        let server = keys.server(ListenerKind::Mtls, Alpn::Both).unwrap();
        let expected = if wrong == Wrong::Platform { "lgsp-h41" } else { "lgsp-h53" };
        let client = yard.keys(&yard.trust(TlsOptions::default()), &yard.of_member());
        let client = client.client(Some(name(expected)), Alpn::Http1).unwrap();
        let (at_server, at_client) = faults(yard.meet(&server, &client).await);
        assert_eq!((at_server.side, at_server.seen_by), (Role::Server, Witness::Peer));
        assert_eq!((at_client.side, at_client.seen_by), (Role::Server, Witness::Us));
        assert!(is_named(wrong, &at_server.cause), "{wrong:?}: {at_server}");
        assert!(is_named(wrong, &at_client.cause), "{wrong:?}: {at_client}");
        if let (Wrong::Platform, Cause::WrongName { expected, got }) = (wrong, &at_client.cause) {
            assert_eq!(
                (expected.as_deref(), got.as_slice()),
                (Some("lgsp-h41"), &["lgsp-h53".to_owned()][..])
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_name_is_told_with_what_was_expected_and_what_was_there() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let (at_server, at_client) = faults(yard.meet_as("lgsp-h41", &server, &client).await);
    for fault in [at_server, at_client] {
        let Cause::WrongName { expected, got } = &fault.cause else { panic!("{fault}") };
        assert_eq!(expected.as_deref(), Some("lgsp-h41"));
        assert_eq!(got, &["localhost", "127.0.0.1", "::1", "lgsp-h53"]);
    }
    // An address is a name as well.
    peers(yard.meet_as("127.0.0.1", &server, &client).await);
}

#[tokio::test]
async fn both_peers_are_known_by_their_certificates() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let (accepted, connected) =
        peers(yard.meet(&server, &yard.client(TlsOptions::default())).await);
    assert_eq!(accepted.peer.id, PeerId::Member(yard.member.clone()));
    assert_eq!(connected.peer.id, PeerId::Platform(yard.platform.name.clone()));
    assert_eq!(accepted.peer.version, "TLS 1.3");
    assert!(!accepted.peer.resumed && !accepted.is_http2 && !connected.is_http2);
    let records = yard.pki.list().unwrap();
    assert_eq!(accepted.peer.keys[0].serial, records[1].serial);
    assert_eq!(accepted.peer.fingerprint, Some(records[1].fingerprint));
    assert_eq!(connected.peer.keys[0].serial, records[0].serial);
    assert_eq!(connected.peer.group, "X25519MLKEM768");

    let plain = TlsOptions { post_quantum: false, ..TlsOptions::default() };
    let (accepted, _) = peers(yard.meet(&server, &yard.client(plain)).await);
    assert_eq!(accepted.peer.group, "X25519");
}

#[tokio::test]
async fn a_client_of_tls_1_2_is_told_what_is_missing_unless_it_is_allowed() {
    let yard = Yard::new();
    let trust = yard.trust(TlsOptions { versions: TlsVersions::Only12, ..TlsOptions::default() });
    let keys = yard.keys(&trust, &yard.of_member());
    let client = keys.client(None, Alpn::Http1).unwrap();

    let strict = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let (at_server, at_client) = faults(yard.meet(&strict, &client).await);
    assert!(matches!(at_server.cause, Cause::Incompatible(_)), "{at_server}");
    assert_eq!((at_server.side, at_server.seen_by), (Role::Client, Witness::Us));
    assert!(matches!(at_client.cause, Cause::Incompatible(_)), "{at_client}");
    assert_eq!(at_client.seen_by, Witness::Peer);

    let lenient = TlsOptions { versions: TlsVersions::Both, ..TlsOptions::default() };
    let lenient = yard.server(ListenerKind::Mtls, lenient);
    for resumed in [false, true] {
        let (accepted, _) = peers(yard.meet(&lenient, &client).await);
        assert_eq!((accepted.peer.version, accepted.peer.resumed), ("TLS 1.2", resumed));
        assert_eq!(accepted.peer.id, PeerId::Member(yard.member.clone()));
    }
}

#[tokio::test]
async fn revocation_reaches_full_resumed_and_open_sessions() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let trust = Arc::clone(server.tls().trust());
    let (open, _) = peers(yard.meet(&server, &client).await);
    let (resumed, _) = peers(yard.meet(&server, &client).await);
    assert!(!open.peer.resumed && resumed.peer.resumed);
    assert_eq!(resumed.peer.id, PeerId::Member(yard.member.clone()));
    assert_eq!(resumed.peer.keys, open.peer.keys);

    let now = yard.clock.now();
    let before = trust.generation();
    let revoked = yard.pki.revoke(&Which::Holder(yard.of_member()), Reason::KeyCompromise, now);
    assert_eq!(open.peer.recheck(&trust, now), Ok(()));
    assert!(trust.reload_if_touched(now).unwrap() && !trust.reload_if_touched(now).unwrap());
    assert_eq!(trust.generation(), before + 1);
    for peer in [&open.peer, &resumed.peer] {
        let fault = peer.recheck(&trust, now).unwrap_err();
        let serial = Some(revoked.as_ref().unwrap().serial.clone());
        assert_eq!(fault.cause, Cause::Revoked { serial });
        assert_eq!(fault.about, "VN:GOV:000.00.13.H53:qlvb");
    }
    // The client still holds a ticket; it is void, so the verifier runs again.
    let (at_server, at_client) = faults(yard.meet(&server, &client).await);
    assert_eq!(at_server.code(), "LT-T004");
    assert_eq!(at_client.code(), "LT-T004");
    assert!(at_client.en().starts_with("the server rejected our certificate"), "{at_client}");
    assert!(at_client.vi().contains("đã bị thu hồi"), "{}", at_client.vi());
}

#[tokio::test]
async fn a_platform_revoked_meanwhile_is_dropped_by_its_clients() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let trust = Arc::clone(client.tls().trust());
    let (_, open) = peers(yard.meet(&server, &client).await);
    let (_, resumed) = peers(yard.meet(&server, &client).await);
    assert!(resumed.peer.resumed);
    let now = yard.clock.now();
    yard.pki.revoke(&Which::Holder(yard.of_platform()), Reason::KeyCompromise, now).unwrap();
    trust.reload(now).unwrap();
    assert_eq!(open.peer.recheck(&trust, now).unwrap_err().code(), "LT-T004");
    let (_, at_client) = faults(yard.meet(&server, &client).await);
    assert_eq!((at_client.code(), at_client.side), ("LT-T004", Role::Server));
}

#[tokio::test]
async fn a_session_resumed_after_the_certificate_ended_is_refused() {
    let yard = Yard::new();
    let now = yard.clock.now();
    let short = Request::member(yard.member.clone(), now).valid(now.minus(HOUR), now.plus(HOUR));
    yard.pki.issue(&short, now).unwrap();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let (open, _) = peers(yard.meet(&server, &client).await);
    yard.clock.push(2 * HOUR);
    // The ticket is good for twelve hours, so rustls resumes and runs no verifier.
    let (at_server, at_client) = faults(yard.meet(&server, &client).await);
    assert_eq!((at_server.code(), at_server.side), ("LT-T002", Role::Client));
    assert_eq!((at_client.code(), at_client.seen_by), ("LT-T002", Witness::Peer));
    let fault = open.peer.recheck(server.tls().trust(), yard.clock.now()).unwrap_err();
    assert_eq!(fault.code(), "LT-T002");
}

#[tokio::test]
async fn a_ticket_of_the_open_door_does_not_open_the_other() {
    let yard = Yard::new();
    let keys = yard.keys(&yard.trust(TlsOptions::default()), &yard.of_platform());
    let optional = keys.server(ListenerKind::Tls, Alpn::Both).unwrap();
    let required = keys.server(ListenerKind::Mtls, Alpn::Both).unwrap();
    let client = Tls::anonymous(&yard.trust(TlsOptions::default()));
    let client = client.client(None, Alpn::Http1).unwrap();
    peers(yard.meet(&optional, &client).await);
    assert!(peers(yard.meet(&optional, &client).await).0.peer.resumed);
    let (at_server, _) = faults(yard.meet(&required, &client).await);
    assert_eq!(at_server.cause, Cause::NoClientCertificate);
}

#[tokio::test]
async fn a_reload_that_fails_leaves_the_old_state_in_force() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let trust = Arc::clone(server.tls().trust());
    let (before, now) = (trust.generation(), yard.clock.now());
    let bundle = yard.pki.bundle(&yard.of_platform());

    let foreign = Pki::at(yard.pki.dir().join("foreign"));
    foreign.init(&[], &[], now).unwrap();
    std::fs::copy(foreign.dir().join("crl.pem"), &bundle.crl).unwrap();
    assert!(matches!(trust.reload_if_touched(now), Err(TlsLoadError::ForeignCrl { .. })));
    std::fs::write(&bundle.ca, "nothing").unwrap();
    assert!(matches!(
        trust.reload(now),
        Err(TlsLoadError::ForeignCrl { .. } | TlsLoadError::NoAuthority)
    ));
    std::fs::copy(yard.pki.bundle(&yard.of_member()).key, &bundle.key).unwrap();
    assert!(matches!(server.tls().reload_if_touched(), Err(TlsLoadError::Key(_))));

    assert_eq!(trust.generation(), before);
    peers(yard.meet(&server, &client).await);
}

#[tokio::test]
async fn a_renewed_key_is_used_at_once_and_voids_tickets() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let (_, first) = peers(yard.meet(&server, &client).await);
    let renewed = yard.pki.renew(&yard.of_platform(), yard.clock.now()).unwrap();
    assert!(server.tls().reload().unwrap() && !server.tls().reload().unwrap());
    let (accepted, second) = peers(yard.meet(&server, &client).await);
    assert!(!accepted.peer.resumed);
    assert_ne!(first.peer.fingerprint, second.peer.fingerprint);
    assert_eq!(second.peer.fingerprint, Some(renewed.fingerprint));
}

#[tokio::test]
async fn new_authorities_end_open_connections_of_the_old() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let (open, _) = peers(yard.meet(&server, &yard.client(TlsOptions::default())).await);
    let (trust, now) = (server.tls().trust(), yard.clock.now());
    let foreign = Pki::at(yard.pki.dir().join("foreign"));
    foreign.init(&[], &[], now).unwrap();
    let old = std::fs::read(yard.pki.dir().join("ca.pem")).unwrap();
    let new = std::fs::read(foreign.dir().join("ca.pem")).unwrap();
    std::fs::write(yard.pki.dir().join("ca.pem"), [old.as_slice(), &new].concat()).unwrap();
    assert!(trust.reload(now).unwrap());
    assert_eq!(open.peer.recheck(trust, now), Ok(()), "added authorities disturb nobody");
    std::fs::copy(foreign.dir().join("ca.pem"), yard.pki.dir().join("ca.pem")).unwrap();
    std::fs::copy(foreign.dir().join("crl.pem"), yard.pki.dir().join("crl.pem")).unwrap();
    assert!(trust.reload(now).unwrap());
    assert_eq!(open.peer.recheck(trust, now).unwrap_err().code(), "LT-T001");
}

#[tokio::test]
async fn a_stale_revocation_list_warns_or_refuses_as_chosen() {
    let yard = Yard::new();
    let refusing = TlsOptions { stale_crl: StaleCrl::Refuse, ..TlsOptions::default() };
    let warn = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let refuse = yard.server(ListenerKind::Mtls, refusing);
    let client = yard.client(TlsOptions::default());
    let (open, _) = peers(yard.meet(&refuse, &client).await);

    yard.clock.push(31 * DAY);
    let now = yard.clock.now();
    assert!(matches!(warn.tls().trust().crl_state(now), CrlState::Stale { .. }));
    peers(yard.meet(&warn, &yard.client(TlsOptions::default())).await);
    assert_eq!(open.peer.recheck(refuse.tls().trust(), now).unwrap_err().code(), "LT-T011");
    let (at_server, _) = faults(yard.meet(&refuse, &yard.client(TlsOptions::default())).await);
    assert!(matches!(at_server.cause, Cause::CrlExpired { next_update: Some(_) }), "{at_server}");

    yard.pki.renew_crl(now).unwrap();
    refuse.tls().trust().reload(now).unwrap();
    assert_eq!(open.peer.recheck(refuse.tls().trust(), now), Ok(()));
}

#[tokio::test]
async fn strangers_at_the_port_are_named_too() {
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accept = async |within: Duration| {
        let (io, _) = listener.accept().await.unwrap();
        let deadline = yard.clock.now().plus(within);
        server.accept(yard.clock.as_ref(), io, deadline).await.unwrap_err().cause
    };

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"POST /sendEdoc HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(accept(Duration::from_secs(5)).await, Cause::NotTls);
    drop(plain);
    let silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(accept(Duration::from_millis(20)).await, Cause::Timeout);
    drop(silent);
    drop(TcpStream::connect(address).await.unwrap());
    assert_eq!(accept(Duration::from_secs(5)).await, Cause::Closed);

    drop(listener);
    let client = yard.client(TlsOptions::default());
    let host = ServerName::try_from("localhost").unwrap();
    let refused = client.connect(yard.clock.as_ref(), address, host, yard.soon()).await;
    assert!(matches!(refused.unwrap_err().cause, Cause::Unreachable(_)));
}

#[test]
fn an_alert_is_found_however_deep_it_lies() {
    #[derive(Debug, thiserror::Error)]
    #[error("sending the request failed")]
    struct Outer(#[source] std::io::Error);

    let yard = Yard::new();
    let client = yard.client(TlsOptions::default());
    let now = yard.clock.now();
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRevoked);
    let deep = Outer(std::io::Error::new(std::io::ErrorKind::InvalidData, alert.clone()));
    let printed = Outer(std::io::Error::other(format!("connection error: {alert}")));
    for error in [deep, printed] {
        let fault = client.explain(&error, now).unwrap();
        assert!(matches!(fault.cause, Cause::Revoked { serial: Some(_) }), "{fault}");
    }
    assert_eq!(client.explain(&std::io::Error::other("disk full"), now), None);
}

#[test]
fn missing_files_are_named() {
    let yard = Yard::new();
    let files = TrustFiles { ca: PathBuf::from("/nowhere/ca.pem"), crl: None };
    let error = Trust::load(files, TlsOptions::default(), &yard.clock).unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"));
}

#[test]
fn handshakes_may_run_on_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    let yard = Yard::new();
    let server = yard.server(ListenerKind::Mtls, TlsOptions::default());
    let client = yard.client(TlsOptions::default());
    let (one, other) = tokio::io::duplex(1);
    let host = ServerName::try_from("localhost").unwrap();
    is_send(&server.accept(yard.clock.as_ref(), one, yard.soon()));
    is_send(&client.wrap(yard.clock.as_ref(), other, host, yard.soon()));
}
