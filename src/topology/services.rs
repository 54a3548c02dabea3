//! `[[service]]` and `[[group]]`: what is offered on the call plane, by whom, and to whom.

use super::Platform;
use super::mistake::{Code, Mistake};
use super::platforms::{Draft, not_active, unknown_platform};
use super::reader::{Log, Table};
use crate::domain::directory::{Members, Secret};
use crate::domain::member_id::MemberId;
use crate::domain::routing::PlatformIx;
use crate::domain::service::{
    Grantee, Groups, PathPattern, Right, ServiceId, ServiceState, Target, Way,
};
use std::collections::BTreeMap;
use toml::Spanned;

/// A service as the file has it. Its titles and description come with its provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceEntry {
    pub id: ServiceId,
    /// The simulated system behind it.
    pub provider: String,
    pub platform: PlatformIx,
    pub way: Way,
    pub state: ServiceState,
    /// A real system, from the start.
    pub target: Option<Target>,
    pub rights: Vec<Right>,
    pub timeout_ms: Option<u32>,
    pub calls_max: Option<u32>,
    pub body_bytes_max: Option<u64>,
}

/// An application that calls a gateway with a token (domain.md 4.1 a).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationEntry {
    pub name: String,
    /// The member whose calls they are.
    pub member: String,
    pub key: String,
    pub secret: Secret,
    /// A SANDBOX key, not a PRODUCTION one.
    pub is_sandbox: bool,
    pub calls_per_minute: Option<u32>,
}

/// The tap of data sharing (NĐ 278/2025).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NdopEntry {
    /// Takes the reports.
    pub service: ServiceId,
    /// How long records are gathered before they are reported.
    pub every_ms: u64,
    /// Observations in one report.
    pub batch_max: usize,
}

/// What services are checked against.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) log: &'a Log,
    pub(super) instance: &'a str,
    pub(super) drafts: &'a [Draft<'a>],
    pub(super) platforms: &'a [Platform],
    pub(super) systems: &'static [&'static str],
}

pub(super) fn applications(
    tables: Vec<Table<'_>>,
    members: &Members,
    log: &Log,
) -> Vec<ApplicationEntry> {
    let read = |mut table: Table<'_>| {
        let name = table.required_string("name");
        let member = table.required_string("member");
        let key = table.required_string("key");
        let secret = table.required_string("secret");
        if let Some(secret) = &secret {
            log.mask(secret.span());
        }
        let kinds = [("production", false), ("sandbox", true)];
        let is_sandbox = table.choice("kind", &kinds).is_some_and(Spanned::into_inner);
        let calls = table.integer("calls_per_minute", 1..=1_000_000_000);
        table.finish();
        let member = member?;
        let id = MemberId::parse(member.get_ref()).ok().map(|id| id.to_string());
        let id = id.filter(|id| members.by_id(id).is_some());
        if id.is_none() {
            log.push(Mistake::new(
                Code::BadMemberId,
                member.span(),
                format!("không có thành viên `{}`", member.get_ref()),
                format!("there is no member `{}`", member.get_ref()),
            ));
        }
        Some(ApplicationEntry {
            name: (*name?.get_ref()).to_owned(),
            member: id?,
            key: (*key?.get_ref()).to_owned(),
            secret: Secret::new(secret?.get_ref().as_bytes()),
            is_sandbox,
            calls_per_minute: calls.and_then(|calls| u32::try_from(calls).ok()),
        })
    };
    tables.into_iter().filter_map(read).collect()
}

pub(super) fn read(file: &mut Table<'_>, around: &Around<'_>) -> (Groups, Vec<ServiceEntry>) {
    let groups = groups(file.tables("group", "[[group]]"), around);
    let services = services(file.tables("service", "[[service]]"), &groups, around);
    (groups, services)
}

const EVERY_MS: u64 = 1_000;
const BATCH: usize = 500;

/// `[ndop]`: without it nothing is observed.
pub(super) fn ndop(
    file: &mut Table<'_>,
    services: &[ServiceEntry],
    around: &Around<'_>,
) -> Option<NdopEntry> {
    if !file.has("ndop") {
        return None;
    }
    let mut table = file.table("ndop", "[ndop]");
    let named = table.required_string("service");
    let every_ms = table.integer("every_ms", 10..=3_600_000).unwrap_or(EVERY_MS);
    let batch = table.integer("batch_max", 1..=1_000);
    let batch_max = batch.and_then(|batch| usize::try_from(batch).ok()).unwrap_or(BATCH);
    table.finish();
    let named = named?;
    let service = read_id(&named, around)?;
    if !services.iter().any(|entry| entry.id == service) {
        around.log.push(Mistake::new(
            Code::BadServiceId,
            named.span(),
            format!("không có dịch vụ `{service}` để nhận báo cáo"),
            format!("there is no service `{service}` to take the reports"),
        ));
        return None;
    }
    Some(NdopEntry { service, every_ms, batch_max })
}

fn groups(tables: Vec<Table<'_>>, around: &Around<'_>) -> Groups {
    let mut groups = Groups::default();
    for mut table in tables {
        let name = table.required_string("name");
        let members = table.strings("members").unwrap_or_default();
        table.finish();
        let of = members.iter().filter_map(|one| grantee(one, around)).collect();
        if let Some(name) = name {
            groups.add(name.get_ref(), of);
        }
    }
    groups
}

fn services(tables: Vec<Table<'_>>, groups: &Groups, around: &Around<'_>) -> Vec<ServiceEntry> {
    let mut found: BTreeMap<String, ServiceEntry> = BTreeMap::new();
    for table in tables {
        let span = table.span();
        let Some(entry) = service(table, groups, around) else { continue };
        if found.contains_key(&entry.id.to_string()) {
            around.log.push(Mistake::new(
                Code::ServiceTwice,
                span,
                format!("đã có dịch vụ `{}`", entry.id),
                format!("there is a service `{}` already", entry.id),
            ));
        }
        found.insert(entry.id.to_string(), entry);
    }
    found.into_values().collect()
}

const WAYS: [(&str, Way); 2] = [("central", Way::Central), ("distributed", Way::Distributed)];

fn service(mut table: Table<'_>, groups: &Groups, around: &Around<'_>) -> Option<ServiceEntry> {
    let named = table.required_string("id");
    let place = named.as_ref().map_or_else(|| table.span(), Spanned::span);
    let id = named.and_then(|id| read_id(&id, around));
    let provider = table.string("provider");
    let platform = table.required_string("platform").and_then(|name| home(&name, around));
    let way = table.choice("way", &WAYS).map_or(Way::Central, Spanned::into_inner);
    let state = table.choice("state", ServiceState::ALL);
    let state = state.map_or(ServiceState::Published, Spanned::into_inner);
    let url = table.string("url");
    let is_real = url.is_some();
    let url = url.and_then(|url| address(&url, around));
    let rights = table.strings("rights").unwrap_or_default();
    let rights = rights.iter().filter_map(|text| right(text, groups, around)).collect();
    let small = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
    let timeout_ms = small(table.integer("timeout_ms", 1..=600_000));
    let calls_max = small(table.integer("calls_max", 1..=1_000_000));
    let body_bytes_max = table.integer("body_bytes_max", 1..=1 << 50);
    table.finish();
    let id = id?;
    // A service is answered by the system of its own code, unless it says by which.
    let is_implied = provider.is_none();
    let provider = provider.unwrap_or_else(|| Spanned::new(place, id.code()));
    if !is_real && !around.systems.contains(provider.get_ref()) {
        let mistake = unknown_system(&provider, around.systems);
        around.log.push(if is_implied && mistake.help.is_none() {
            mistake.help("ghi `provider` hoặc `url`", "give a `provider` or a `url`")
        } else {
            mistake
        });
    }
    Some(ServiceEntry {
        provider: (*provider.get_ref()).to_owned(),
        platform: platform?,
        way,
        state,
        target: url.map(Target::Real),
        rights,
        timeout_ms,
        calls_max,
        body_bytes_max,
        id,
    })
}

/// For a name that none of the simulated systems has.
pub(super) fn unknown_system(name: &Spanned<&str>, systems: &[&str]) -> Mistake {
    let given = name.get_ref();
    let mistake = Mistake::new(
        Code::UnknownSystem,
        name.span(),
        format!("không có hệ thống mô phỏng nào tên `{given}`"),
        format!("there is no simulated system `{given}`"),
    );
    mistake.suggest(given, systems.iter().copied())
}

fn read_id(id: &Spanned<&str>, around: &Around<'_>) -> Option<ServiceId> {
    let read = ServiceId::parse(id.get_ref()).ok();
    let found = read.filter(|found| found.owner().instance() == around.instance);
    if found.is_none() {
        let instance = around.instance;
        around.log.push(
            Mistake::new(
                Code::BadServiceId,
                id.span(),
                format!("`{}` không phải mã dịch vụ của `{instance}`", id.get_ref()),
                format!("`{}` is no id of a service of `{instance}`", id.get_ref()),
            )
            .help(
                format!("dạng: `{instance}:GOV:G06:DMDC/dmdc`"),
                format!("its form is `{instance}:GOV:G06:DMDC/dmdc`"),
            ),
        );
    }
    found
}

fn home(name: &Spanned<&str>, around: &Around<'_>) -> Option<PlatformIx> {
    let Some(platform) = around.platforms.iter().find(|p| *p.name == **name.get_ref()) else {
        around.log.push(unknown_platform(name, around.drafts));
        return None;
    };
    if !platform.active {
        around.log.push(not_active(name.get_ref(), name.span()));
        return None;
    }
    Some(platform.ix)
}

/// `who`, `who METHOD` or `who METHOD path`; `*` is every method.
fn right(text: &Spanned<&str>, groups: &Groups, around: &Around<'_>) -> Option<Right> {
    let mut words = text.get_ref().split_whitespace();
    let who = words.next().unwrap_or_default();
    let to = grantee(&Spanned::new(text.span(), who), around)?;
    if let Grantee::Group(name) = &to
        && !groups.has(name)
    {
        around.log.push(Mistake::new(
            Code::BadRight,
            text.span(),
            format!("không có nhóm `{name}`"),
            format!("there is no group `{name}`"),
        ));
        return None;
    }
    let method = words.next().filter(|method| *method != "*").map(str::to_ascii_uppercase);
    let path = words.next().map_or_else(|| Ok(PathPattern::everything()), str::parse);
    match path {
        Ok(path) if words.next().is_none() => Some(Right { to, method, path }),
        Ok(_) | Err(_) => {
            around.log.push(Mistake::new(
                Code::BadRight,
                text.span(),
                "quyền có dạng `ai [phương thức [đường dẫn]]`",
                "a right is `who [METHOD [path]]`",
            ));
            None
        }
    }
}

fn grantee(text: &Spanned<&str>, around: &Around<'_>) -> Option<Grantee> {
    let found = text.get_ref().parse().ok();
    if found.is_none() {
        around.log.push(Mistake::new(
            Code::BadRight,
            text.span(),
            format!(
                "`{}` không phải `everyone`, `platforms`, `public`, mã thành viên, mã định danh hay `group:tên`",
                text.get_ref()
            ),
            format!(
                "`{}` is neither `everyone`, `platforms`, `public`, a member id, an agency code nor `group:name`",
                text.get_ref()
            ),
        ));
    }
    found
}

fn address(url: &Spanned<&str>, around: &Around<'_>) -> Option<String> {
    let is_http = url.get_ref().starts_with("http://") || url.get_ref().starts_with("https://");
    if is_http && url.get_ref().parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some()) {
        return Some((*url.get_ref()).to_owned());
    }
    around.log.push(Mistake::new(
        Code::BadAddress,
        url.span(),
        "`url` phải là một địa chỉ http:// hoặc https://",
        "`url` must be an address with http:// or https://",
    ));
    None
}
