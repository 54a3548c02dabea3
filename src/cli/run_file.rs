//! `DATA/run.json`: what runs where, written when a process is ready and removed when it stops, so that other
//! commands find addresses and certificates.

use super::answer::{Exit, Failure};
use crate::domain::directory::MemberKind;
use crate::gateway::Gateway;
use crate::pki::{Holder, MemberId};
use crate::topology::{PlatformKind, Topology};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The line that `up -o json` prints when it is ready.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ready {
    pub version: u32,
    pub ready: bool,
    pub data: PathBuf,
    pub ca: PathBuf,
    /// Of the operator's API.
    pub operator: String,
    /// The public door: citizens' browsers and agencies' portals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    pub platforms: Vec<PlatformEntry>,
    pub members: Vec<MemberEntry>,
    pub config: String,
    pub pid: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlatformEntry {
    pub name: String,
    pub kind: String,
    /// Of a security server: where it relays to.
    pub mtls: Option<SocketAddr>,
    /// Of a security server: where other platforms reach it with service calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberEntry {
    pub id: String,
    pub agencies: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemid: Option<String>,
    pub cert: PathBuf,
    pub key: PathBuf,
    /// The security server it goes through, else the platform it is a member of.
    pub platform: String,
    /// `external` or `virtual`.
    pub kind: String,
}

impl Ready {
    pub fn of(gateway: &Gateway, data: &Path, config: &str) -> Self {
        let topology = &gateway.topology;
        Self {
            version: 1,
            ready: true,
            data: data.to_owned(),
            ca: gateway.pki.dir().join("ca.pem"),
            operator: format!("http://{}", gateway.operator),
            public: gateway.public.map(|address| format!("http://{address}")),
            platforms: platforms(gateway),
            members: members(gateway, topology),
            config: config.to_owned(),
            pid: std::process::id(),
        }
    }

    pub fn platform(&self, name: &str) -> Option<&PlatformEntry> {
        self.platforms.iter().find(|platform| platform.name == name)
    }
}

fn platforms(gateway: &Gateway) -> Vec<PlatformEntry> {
    let topology = &gateway.topology;
    let mtls_of = |ix| {
        let here = gateway.listening.iter().find(|l| l.platform == ix)?;
        here.mtls
    };
    let entry = |listening: &crate::gateway::Listening| {
        let platform = topology.platform(listening.platform)?;
        let relays_to = platform.parent.filter(|_| platform.kind == PlatformKind::Ss);
        let parent = platform.parent.and_then(|parent| topology.platform(parent));
        Some(PlatformEntry {
            name: platform.name.to_string(),
            kind: platform.kind.as_str().to_owned(),
            mtls: relays_to.map_or(listening.mtls, mtls_of),
            calls: relays_to.and(listening.mtls),
            tls: listening.tls,
            local: listening.local,
            health: listening.health,
            parent: parent.map(|parent| parent.name.to_string()),
        })
    };
    gateway.listening.iter().filter_map(entry).collect()
}

fn members(gateway: &Gateway, topology: &Topology) -> Vec<MemberEntry> {
    let runs_here = |ix| gateway.listening.iter().any(|listening| listening.platform == ix);
    let entry = |member: &std::sync::Arc<crate::domain::directory::Member>| {
        let at = member.security_server.unwrap_or(member.platform);
        if !runs_here(at) && !runs_here(member.platform) {
            return None;
        }
        let files = gateway.pki.bundle(&Holder::Member(MemberId::parse(&member.id).ok()?));
        Some(MemberEntry {
            id: member.id.to_string(),
            agencies: member.codes.iter().map(|code| code.as_str().to_owned()).collect(),
            systemid: member.systemid().map(ToString::to_string),
            cert: files.chain,
            key: files.key,
            platform: topology.platform(at)?.name.to_string(),
            kind: match member.kind {
                MemberKind::Virtual => "virtual",
                MemberKind::External => "external",
            }
            .to_owned(),
        })
    };
    topology.members.iter().filter_map(entry).collect()
}

/// The file while its process runs; dropping it removes it.
#[derive(Debug)]
pub struct RunFile {
    path: PathBuf,
}

impl RunFile {
    /// `run.json`, or one per process when only some platforms run in it.
    pub fn write(ready: &Ready, only: &[String]) -> Result<Self, Failure> {
        let name = if only.is_empty() {
            "run.json".to_owned()
        } else {
            format!("run-{}.json", only.join("+"))
        };
        let path = ready.data.join(&name);
        let draft = ready.data.join(format!(".{name}.{}", std::process::id()));
        let text = serde_json::to_string(ready).unwrap_or_default();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&draft)
            .and_then(|mut file| writeln!(file, "{text}"))
            .and_then(|()| std::fs::rename(&draft, &path))
            .map_err(|error| Failure { exit: Exit::Failed, ..Failure::file(&path, &error) })?;
        Ok(Self { path })
    }
}

impl Drop for RunFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

/// Everything that runs on a data folder, taken together. A process that died without removing its file
/// counts only when no other is alive.
pub fn running(data: &Path) -> Result<Vec<Ready>, Failure> {
    let mut found: Vec<Ready> = Vec::new();
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name != "run.json" && !(name.starts_with("run-") && name.ends_with(".json")) {
            continue;
        }
        let read = std::fs::read(entry.path()).ok();
        found.extend(read.and_then(|text| serde_json::from_slice::<Ready>(&text).ok()));
    }
    found.sort_by(|a, b| a.operator.cmp(&b.operator));
    let alive: Vec<Ready> = found.iter().filter(|ready| is_alive(ready.pid)).cloned().collect();
    let found = if alive.is_empty() { found } else { alive };
    if found.is_empty() {
        let data = data.display();
        return Err(Failure::new(
            Exit::Unreachable,
            format!("không có tiến trình nào chạy trên `{data}`"),
            format!("nothing runs on `{data}`"),
        )
        .help(
            "chạy `lienthong up` trước, hoặc chỉ đúng thư mục bằng `--data`",
            "run `lienthong up` first, or name its folder with `--data`",
        ));
    }
    Ok(found)
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| {
        !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
    })
}
