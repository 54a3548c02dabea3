//! Claim: whatever is killed and whenever, nothing acknowledged is lost and nothing is in an inbox twice.
//! Method: LGSP, axis and LGSP in three processes; documents go in all the time, a recipient lists and
//! confirms; one process after the other is killed with SIGKILL at an arbitrary moment and started again.
//! `LIENTHONG_KILLS` sets how often (six in the test, fifty and more for a soak).

use crate::world::{client_config, fields};
use futures_util::future::join_all;
use lienthong::clock::{Clock, SystemClock};
use lienthong::pki::{Bundle, Holder, MemberId, Pki};
use lienthong::wire::v1;
use lienthong::wire::v1::exchange_client::ExchangeClient;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

const SENDERS: usize = 4;
const PLATFORMS: [&str; 3] = ["lgsp-h60", "axis", "lgsp-g12"];
const H60: &str = "VN:GOV:000.00.00.H60:qlvb";
const G12: &str = "VN:GOV:000.00.00.G12:qlvb";

struct Country {
    folder: PathBuf,
    config: PathBuf,
    base: u16,
}

impl Country {
    fn new(folder: &Path) -> Self {
        let config = folder.join("country.toml");
        let text = crate::world::COUNTRY
            .replace("directory/agencies.csv", "builtin:directory/agencies.csv");
        std::fs::write(&config, text).unwrap();
        Self { folder: folder.to_owned(), config, base: free_ports() }
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
        command
            .args(["--lang", "en", "-o", "json"])
            .args(verb)
            .arg("--config")
            .arg(&self.config)
            .arg("--data")
            .arg(self.folder.join("data"));
        command
    }

    /// Starts one platform and waits until it is ready.
    fn start(&self, platform: &str) -> Child {
        let base = self.base.to_string();
        let mut command = self.command(&["up", "--port-base", &base, "--platform", platform]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if !line.contains("\"ready\":true") {
            let ended = child.wait_with_output().unwrap();
            panic!("{platform} did not start: {line}{}", String::from_utf8_lossy(&ended.stderr));
        }
        // Nobody reads further: a full pipe must not hold the process up.
        let stderr = child.stderr.take().unwrap();
        drop(
            std::thread::Builder::new()
                .spawn(move || BufReader::new(stderr).lines().for_each(drop)),
        );
        child
    }

    fn address(&self, place: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.base + 10 * place).into()
    }

    fn bundle(&self, member: &str) -> Bundle {
        Pki::at(self.folder.join("data").join("pki"))
            .bundle(&Holder::Member(MemberId::parse(member).unwrap()))
    }

    fn client(&self, place: u16, member: &str) -> ExchangeClient<Channel> {
        let (address, config) = (self.address(place), client_config(&self.bundle(member)));
        let connector = tower::service_fn(move |_: http::Uri| {
            let config = Arc::clone(&config);
            async move {
                let stream = tokio::net::TcpStream::connect(address).await?;
                let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
                let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await?;
                Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
            }
        });
        let endpoint = Endpoint::from_static("https://test").timeout(Duration::from_secs(5));
        ExchangeClient::new(endpoint.connect_with_connector_lazy(connector))
    }
}

/// A run of ports below the range that the system hands out by itself.
fn free_ports() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 900).unwrap() * 10;
    let is_free = |base: &u16| {
        (0..4).all(|place| {
            (0..2).all(|door| {
                std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, base + 10 * place + door)).is_ok()
            })
        })
    };
    (start..30_000).step_by(50).find(is_free).unwrap()
}

/// What the sender was told.
#[derive(Default)]
struct Told {
    /// DocumentId → the receiver's DocId of its receipt.
    accepted: BTreeMap<String, String>,
}

async fn send(
    mut client: ExchangeClient<Channel>,
    who: usize,
    stop: Arc<AtomicBool>,
    receipts: Arc<AtomicUsize>,
) -> Told {
    let mut told = Told::default();
    let mut number = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let document_id = format!("D{who}-{number}");
        // The same bytes until there is a receipt, as a sender that does not know would do.
        loop {
            match client
                .submit(fields("H60", &["G12"], &document_id, b"content of a document"))
                .await
            {
                Ok(receipt) => match receipt.into_inner().result {
                    Some(v1::receipt::Result::Accepted(accepted)) => {
                        told.accepted
                            .insert(document_id.clone(), accepted.receivers[0].doc_id.clone());
                        receipts.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Some(v1::receipt::Result::Refusal(refusal)) => assert!(
                        refusal.retry_after_ms > 0 || refusal.code == "LT-D505",
                        "refused for good: {refusal:?}"
                    ),
                    None => panic!("an empty receipt"),
                },
                Err(_unreachable) => tokio::task::yield_now().await,
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    told
}

/// What the recipient saw.
#[derive(Default)]
struct Seen {
    /// DocumentId → DocIds it appeared under.
    documents: BTreeMap<String, BTreeSet<String>>,
    confirmed: BTreeSet<String>,
    again: Vec<String>,
}

impl Seen {
    /// Lists, and confirms what is there. Returns false when the platform is away.
    async fn look(&mut self, client: &mut ExchangeClient<Channel>) -> bool {
        let request =
            v1::ListRequest { agency: "G12".into(), limit: 200, ..v1::ListRequest::default() };
        let Ok(list) = client.list(request).await else { return false };
        let items = list.into_inner().items;
        for item in &items {
            self.documents.entry(item.document_id.clone()).or_default().insert(item.doc_id.clone());
            if self.confirmed.contains(&item.doc_id) {
                self.again.push(item.doc_id.clone());
            }
        }
        let confirmed = items.into_iter().map(|item| {
            let mut client = client.clone();
            async move {
                let request = v1::ConfirmRequest {
                    doc_id: item.doc_id.clone(),
                    state: v1::DeliveryState::Done as i32,
                    ..v1::ConfirmRequest::default()
                };
                let reply = client.confirm(request).await.ok()?;
                reply.get_ref().refusal.is_none().then_some(item.doc_id)
            }
        });
        self.confirmed.extend(join_all(confirmed).await.into_iter().flatten());
        true
    }
}

/// Until all that is wanted has come, or nothing did for as long as a link may back off.
async fn receive(mut client: ExchangeClient<Channel>, wanted: Arc<AtomicUsize>) -> Seen {
    let clock = SystemClock::new();
    let mut seen = Seen::default();
    let (mut known, mut since) = (0, clock.now());
    loop {
        seen.look(&mut client).await;
        if seen.documents.len() > known {
            (known, since) = (seen.documents.len(), clock.now());
        }
        let is_over = clock.now().since(since) > PATIENCE;
        if known >= wanted.load(Ordering::Relaxed) || is_over {
            seen.look(&mut client).await;
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_however_often_a_process_is_killed() {
    let kills: usize =
        std::env::var_os("LIENTHONG_KILLS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(6);
    let folder = tempfile::tempdir().unwrap();
    let country = Country::new(folder.path());
    let mut processes: Vec<Child> =
        PLATFORMS.iter().map(|platform| country.start(platform)).collect();
    // By their places in the file: axis 0, lgsp-h60 1, lgsp-g12 2.
    let stop_sending = Arc::new(AtomicBool::new(false));
    let wanted = Arc::new(AtomicUsize::new(usize::MAX));
    let receipts = Arc::new(AtomicUsize::new(0));
    let tasks = tokio_util::task::TaskTracker::new();
    let senders: Vec<_> = (0..SENDERS)
        .map(|who| {
            tasks.spawn(send(
                country.client(1, H60),
                who,
                Arc::clone(&stop_sending),
                Arc::clone(&receipts),
            ))
        })
        .collect();
    let receiver = tasks.spawn(receive(country.client(2, G12), Arc::clone(&wanted)));
    let mut dice = SystemClock::new().now().0;
    println!("seed {dice}");
    for kill in 0..kills {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Under load: the moment is an arbitrary number of receipts away.
        let due = receipts.load(Ordering::Relaxed) + usize::try_from((dice >> 33) % 60).unwrap();
        while receipts.load(Ordering::Relaxed) < due {
            tokio::task::yield_now().await;
        }
        let victim = if kill < 3 { kill } else { usize::try_from((dice >> 40) % 3).unwrap() };
        processes[victim].kill().unwrap();
        processes[victim].wait().unwrap();
        processes[victim] = country.start(PLATFORMS[victim]);
    }
    stop_sending.store(true, Ordering::Relaxed);
    let mut told = Told::default();
    for sender in senders {
        told.accepted.extend(sender.await.unwrap().accepted);
    }
    wanted.store(told.accepted.len(), Ordering::Relaxed);
    let seen = receiver.await.unwrap();
    let lost: Vec<_> =
        told.accepted.iter().filter(|(id, _)| !seen.documents.contains_key(*id)).collect();
    if !lost.is_empty() {
        let mut client = country.client(1, H60);
        for (document, receiver) in lost.iter().take(5) {
            let request = v1::SentRequest { agency: "H60".into(), ..v1::SentRequest::default() };
            let sent = client.sent(request).await.unwrap().into_inner();
            let row = sent.items.iter().find(|item| item.document_id == **document);
            println!("{document} for {receiver} did not arrive: its sender sees {row:?}");
        }
    }
    for process in &mut processes {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    println!("{} accepted, {} seen, {kills} kills", told.accepted.len(), seen.documents.len());
    assert!(told.accepted.len() > kills * 5, "there was load");
    assert!(lost.is_empty(), "{} acknowledged and lost, such as {:?}", lost.len(), lost.first());
    for (document, receiver) in &told.accepted {
        let ids = &seen.documents[document];
        assert_eq!(ids.iter().collect::<Vec<_>>(), [receiver], "{document} came under other ids");
    }
    assert!(seen.documents.values().all(|ids| ids.len() == 1), "a document is in the inbox twice");
    assert!(seen.again.is_empty(), "confirmed documents came again: {:?}", seen.again);
}
