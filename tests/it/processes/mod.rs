//! One topology in several processes: what is typed once holds everywhere, and whoever is asked says the same.

mod commands;
mod services;
mod tokens;

use crate::calls::{Answer, CLIENT, COUNTRY, ask};
use crate::world::{start_only, topology};
use lienthong::clock::{Clock, SystemClock};
use lienthong::gateway::Gateway;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Between them lies every hop of a call from H60.06: ss-h60, lgsp-h60, ndxp, lgsp-g06.
const HERE: [&str; 3] = ["axis", "ndxp", "ss-h60"];
const THERE: [&str; 3] = ["lgsp-h60", "lgsp-g06", "ss-db"];

/// An address for each platform that others know before it runs; connections are led to where it listens.
struct Doors {
    doors: BTreeMap<&'static str, (u16, watch::Sender<Option<SocketAddr>>)>,
}

impl Doors {
    async fn open() -> Self {
        let mut taken: Vec<TcpListener> = Vec::new();
        let mut doors = BTreeMap::new();
        for name in HERE.into_iter().chain(THERE) {
            let listener = loop {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let port = listener.local_addr().unwrap().port();
                // In a topology a platform has some ports in a row.
                let is_near = |other: u16| other.abs_diff(port) < 8;
                let others = doors.values().map(|(port, _): &(u16, _)| *port);
                if !others.into_iter().any(is_near) && (1024..65_000).contains(&port) {
                    break listener;
                }
                taken.push(listener);
            };
            let (sender, receiver) = watch::channel(None);
            doors.insert(name, (listener.local_addr().unwrap().port(), sender));
            TaskTracker::new().spawn(lead(listener, receiver));
        }
        Self { doors }
    }

    /// The topology with these addresses.
    fn country(&self) -> String {
        let mut text = COUNTRY.replace("\"directory/", "\"builtin:directory/").replace(
            "call_timeout_ms = 5_000",
            "call_timeout_ms = 5_000\ncatalogue_retry_ms = 10\ntoken_recheck_ms = 0",
        );
        for (name, (port, _)) in &self.doors {
            // A security server's calls come in beside its plain port.
            let port = if name.starts_with("ss-") { port - 1 } else { *port };
            let named = format!("name = \"{name}\"");
            text = text.replace(&named, &format!("{named}\nport = {port}"));
        }
        text
    }

    /// `None` while it does not run.
    fn lead_to(&self, platform: &str, address: Option<SocketAddr>) {
        self.doors[platform].1.send_replace(address);
    }

    async fn start(&self, text: &str, data: &Path, platforms: &[&str]) -> Gateway {
        let gateway = start_only(&topology(text), data, platforms, true).await;
        for name in platforms {
            self.lead_to(name, Some(crate::world::address(&gateway, name)));
        }
        gateway
    }

    fn close(&self, platforms: &[&str]) {
        platforms.iter().for_each(|name| self.lead_to(name, None));
    }
}

/// Who comes while nobody listens is sent away.
async fn lead(listener: TcpListener, to: watch::Receiver<Option<SocketAddr>>) {
    let tasks = TaskTracker::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let Some(address) = *to.borrow() else { continue };
        tasks.spawn(async move {
            let Ok(mut there) = TcpStream::connect(address).await else { return };
            tokio::io::copy_bidirectional(&mut from, &mut there).await.ok();
        });
    }
}

/// Two processes with a journal each, in folders of their own that share nothing but certificates.
struct Two {
    doors: Doors,
    text: String,
    here: Gateway,
    there: Gateway,
    _here: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Two {
    async fn start(more: &str) -> Self {
        let doors = Doors::open().await;
        let text = format!("{}{more}", doors.country());
        let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let here = doors.start(&text, folders.0.path(), &HERE).await;
        copy(&folders.0.path().join("pki"), &folders.1.path().join("pki"));
        let there = doors.start(&text, folders.1.path(), &THERE).await;
        Self { doors, text, here, there, _here: folders.0, folder: folders.1 }
    }

    /// The second process ends and starts again on its folder.
    async fn restart(self) -> Self {
        self.doors.close(&THERE);
        self.there.stop().await;
        let there = self.doors.start(&self.text, self.folder.path(), &THERE).await;
        Self { there, ..self }
    }

    async fn stop(self) {
        self.here.stop().await;
        self.there.stop().await;
    }

    /// As H60.06, at its security server.
    async fn call(&self, target: &str) -> Answer {
        self.call_with(target, &[("X-Road-Client", CLIENT)]).await
    }

    async fn call_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let stream = TcpStream::connect(local(&self.here, "ss-h60")).await.unwrap();
        ask(stream, "GET", target, headers, b"").await
    }
}

fn local(gateway: &Gateway, server: &str) -> SocketAddr {
    let ix = gateway.topology.platform_named(server).unwrap().ix;
    gateway.listening.iter().find(|l| l.platform == ix).unwrap().local.unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Looks until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let clock = SystemClock::new();
    let end = clock.now().plus(Duration::from_secs(30));
    while !is_so() {
        assert!(clock.now() < end, "never: {what}");
        tokio::task::yield_now().await;
    }
}
