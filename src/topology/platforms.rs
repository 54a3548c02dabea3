//! `[[platform]]`: who stands where, what it listens on and under what conditions.

use super::agencies::read_code;
use super::mistake::{Code, Mistake};
use super::reader::{Log, Table};
use super::{Listener, ListenerKind, Platform, PlatformKind};
use crate::domain::agency::AgencyCode;
use crate::domain::conditions::{LinkConditions, PlatformConditions};
use crate::domain::directory::Directory;
use crate::domain::fact::PlatformId;
use crate::domain::routing::PlatformIx;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// A platform as the file has it, before names are resolved.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    pub(super) name: Spanned<&'d str>,
    pub(super) kind: PlatformKind,
    /// The whole `[[platform]]`.
    span: Range<usize>,
    name_vi: Option<&'d str>,
    name_en: Option<&'d str>,
    parent: Option<Spanned<&'d str>>,
    pub(super) roots: Vec<(AgencyCode, Range<usize>)>,
    address: Option<Spanned<&'d str>>,
    port: Option<u16>,
    listeners: Option<Vec<Spanned<ListenerKind>>>,
    pub(super) active: bool,
    conditions: PlatformConditions,
    link: LinkConditions,
    is_beyond_loopback: bool,
    allow: Vec<Spanned<&'d str>>,
    health_port: Option<u16>,
}

const KINDS: [(&str, PlatformKind); 4] = [
    ("lgsp", PlatformKind::Lgsp),
    ("axis", PlatformKind::Axis),
    ("ndxp", PlatformKind::Ndxp),
    ("ss", PlatformKind::Ss),
];

const LISTENERS: [(&str, ListenerKind); 3] =
    [("mtls", ListenerKind::Mtls), ("tls", ListenerKind::Tls), ("local", ListenerKind::Local)];

/// Names are what certificates, folders and metrics carry.
const NAME_CHARS_MAX: usize = 40;
const PLATFORMS_MAX: usize = 1_000;

pub(super) fn read<'d>(tables: Vec<Table<'d>>, log: &Log) -> Vec<Draft<'d>> {
    if tables.is_empty() {
        log.push(none());
    }
    let mut drafts = Vec::new();
    for table in tables {
        drafts.extend(read_one(table, log));
    }
    let mut names: BTreeMap<&str, PlatformId> = BTreeMap::new();
    for draft in &drafts {
        let name = *draft.name.get_ref();
        let id = PlatformId::of(name);
        if names.contains_key(name) {
            log.push(Mistake::new(
                Code::NameTwice,
                draft.name.span(),
                format!("đã có nền tảng tên `{name}`"),
                format!("there is a platform `{name}` already"),
            ));
        } else if let Some((other, _)) = names.iter().find(|(_, known)| **known == id) {
            log.push(Mistake::new(
                Code::NameCollides,
                draft.name.span(),
                format!("tên `{name}` trùng số hiệu với `{other}`: đổi một trong hai tên"),
                format!("the name `{name}` has the same number as `{other}`: change one of them"),
            ));
        }
        names.insert(name, id);
    }
    drafts
}

fn read_one<'d>(mut table: Table<'d>, log: &Log) -> Option<Draft<'d>> {
    let name = table.required_string("name");
    let kind =
        if table.has("kind") { table.choice("kind", &KINDS) } else { table.missing_choice("kind") };
    let plain = |text: Option<Spanned<&'d str>>| text.map(Spanned::into_inner);
    let kind = kind.map(Spanned::into_inner);
    let roots = table.strings("agencies").unwrap_or_default();
    let roots = roots
        .into_iter()
        .filter_map(|code| Some((read_code(log, 0, code.get_ref(), code.span())?, code.span())))
        .collect();
    let draft = Draft {
        name: name.unwrap_or_else(|| Spanned::new(table.span(), "")),
        kind: kind.unwrap_or(PlatformKind::Lgsp),
        span: table.span(),
        name_vi: plain(table.string("name_vi")),
        name_en: plain(table.string("name_en")),
        parent: table.string("parent"),
        roots,
        address: table.string("address"),
        port: table.integer("port", 0..=65_535).and_then(|port| u16::try_from(port).ok()),
        listeners: table.choices("listeners", &LISTENERS),
        active: table.boolean("active").unwrap_or(true),
        conditions: read_conditions(table.table("conditions", "conditions")),
        link: read_link(table.table("link", "link")),
        is_beyond_loopback: table.boolean("beyond_loopback").unwrap_or(false),
        allow: table.strings("allow").unwrap_or_default(),
        health_port: table
            .integer("health_port", 0..=65_535)
            .and_then(|port| u16::try_from(port).ok()),
    };
    check_name(&draft.name, log);
    table.finish();
    (kind.is_some() && !draft.name.get_ref().is_empty()).then_some(draft)
}

fn check_name(name: &Spanned<&str>, log: &Log) {
    let text = *name.get_ref();
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && (text.len() > NAME_CHARS_MAX || !text.bytes().all(good)) {
        log.push(Mistake::new(
            Code::BadName,
            name.span(),
            format!("tên nền tảng chỉ gồm a-z, 0-9 và `-`, tối đa {NAME_CHARS_MAX} ký tự"),
            format!("a platform's name has only a-z, 0-9 and `-`, at most {NAME_CHARS_MAX}"),
        ));
    }
}

fn read_conditions(mut table: Table<'_>) -> PlatformConditions {
    let small = |value: Option<u64>| value.and_then(|v| u32::try_from(v).ok());
    let found = PlatformConditions {
        workers: small(table.integer("workers", 1..=1_000_000)),
        documents_per_s: table.number("documents_per_s", 0.001..=10_000_000.0),
        calls_per_s: table.number("calls_per_s", 0.001..=10_000_000.0),
        queue: small(table.integer("queue", 0..=100_000_000)),
        maintenance: table.boolean("maintenance").unwrap_or(false),
    };
    table.finish();
    found
}

fn read_link(mut table: Table<'_>) -> LinkConditions {
    let small = |value: Option<u64>| value.and_then(|v| u32::try_from(v).ok());
    let found = LinkConditions {
        latency_ms: small(table.integer("latency_ms", 0..=600_000)),
        jitter_ms: small(table.integer("jitter_ms", 0..=600_000)),
        loss: table.number("loss", 0.0..=1.0),
        bandwidth_bytes_per_s: table.integer("bandwidth_bytes_per_s", 1..=1 << 40),
        down: table.boolean("down").unwrap_or(false),
    };
    table.finish();
    found
}

fn none() -> Mistake {
    Mistake::new(
        Code::NoPlatform,
        0..0,
        "chưa có nền tảng nào: cần ít nhất một `[[platform]]`",
        "there is no platform: at least one `[[platform]]` is needed",
    )
}

/// What platforms need from elsewhere in the file.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) instance: &'a str,
    pub(super) directory: &'a Directory,
    pub(super) base: u16,
    pub(super) operator: &'a (u16, Range<usize>),
}

/// Turns drafts into platforms: names resolved, listeners given their ports.
pub(super) fn resolve(drafts: &[Draft<'_>], around: &Surroundings<'_>, log: &Log) -> Vec<Platform> {
    if let Some(draft) = drafts.get(PLATFORMS_MAX) {
        log.push(Mistake::new(
            Code::OutOfRange,
            draft.name.span(),
            format!("nhiều hơn {PLATFORMS_MAX} nền tảng"),
            format!("more than {PLATFORMS_MAX} platforms"),
        ));
    }
    let parents: Vec<_> = drafts.iter().map(|draft| parent(draft, drafts, log)).collect();
    check_loops(drafts, &parents, log);
    check_roots(drafts, around.directory, log);
    let mut platforms = Vec::new();
    for (ix, (draft, parent)) in (0..).zip(drafts.iter().zip(&parents)) {
        check_kind(draft, log);
        let (name_vi, name_en) = names(draft, around.directory);
        let name = *draft.name.get_ref();
        platforms.push(Platform {
            ix: PlatformIx(ix),
            id: PlatformId::of(name),
            name: name.into(),
            peer_id: format!("{}:PLATFORM:{name}", around.instance).into(),
            kind: draft.kind,
            name_vi,
            name_en,
            parent: *parent,
            roots: draft.roots.iter().map(|(code, _)| *code).collect(),
            address: address(draft, log),
            listeners: listeners(draft, ix, around.base, log),
            active: draft.active,
            conditions: draft.conditions,
            link: draft.link,
            is_beyond_loopback: draft.is_beyond_loopback,
            allow: draft.allow.iter().filter_map(|text| network(text, log)).collect(),
            health_port: draft.health_port.filter(|port| *port != 0),
        });
    }
    check_ports(drafts, &platforms, around.operator, log);
    platforms
}

fn parent(draft: &Draft<'_>, drafts: &[Draft<'_>], log: &Log) -> Option<PlatformIx> {
    let bad = |span, vi: &str, en: &str| log.push(Mistake::new(Code::BadParent, span, vi, en));
    let Some(given) = &draft.parent else {
        if draft.kind == PlatformKind::Ss {
            let span = draft.name.span();
            bad(span, "máy chủ bảo mật cần `parent`", "a security server needs a `parent`");
        }
        return None;
    };
    let text = *given.get_ref();
    let found = (0..).zip(drafts).find(|(_, other)| *other.name.get_ref() == text);
    let Some((ix, above)) = found else {
        log.push(unknown_platform(given, drafts));
        return None;
    };
    match above.kind {
        _ if draft.kind == PlatformKind::Axis => {
            bad(given.span(), "trục không có `parent`", "the axis has no `parent`");
        }
        PlatformKind::Ss => bad(
            given.span(),
            "`parent` không thể là một máy chủ bảo mật",
            "`parent` cannot be a security server",
        ),
        PlatformKind::Ndxp if draft.kind != PlatformKind::Ss => bad(
            given.span(),
            "chỉ máy chủ bảo mật có `parent` là NDXP; LGSP tự nối với NDXP",
            "only a security server has NDXP as its `parent`; LGSPs connect to it by themselves",
        ),
        PlatformKind::Lgsp | PlatformKind::Axis | PlatformKind::Ndxp if !above.active => {
            log.push(not_active(text, given.span()));
        }
        PlatformKind::Lgsp | PlatformKind::Axis | PlatformKind::Ndxp => {
            return Some(PlatformIx(ix));
        }
    }
    None
}

pub(super) fn unknown_platform(given: &Spanned<&str>, drafts: &[Draft<'_>]) -> Mistake {
    let text = *given.get_ref();
    Mistake::new(
        Code::UnknownPlatform,
        given.span(),
        format!("không có nền tảng `{text}`"),
        format!("there is no platform `{text}`"),
    )
    .suggest(text, drafts.iter().map(|draft| *draft.name.get_ref()))
}

pub(super) fn not_active(name: &str, span: Range<usize>) -> Mistake {
    Mistake::new(
        Code::NotActive,
        span,
        format!("`{name}` chỉ có tên (`active = false`) nên không nhận văn bản"),
        format!("`{name}` exists in name only (`active = false`) and carries no documents"),
    )
}

fn check_loops(drafts: &[Draft<'_>], parents: &[Option<PlatformIx>], log: &Log) {
    for (ix, draft) in (0..).map(PlatformIx).zip(drafts) {
        let mut at = parents.get(ix.ix()).copied().flatten();
        for _ in 0..drafts.len() {
            let Some(above) = at else { break };
            if above == ix {
                log.push(Mistake::new(
                    Code::ParentLoop,
                    draft.parent.as_ref().map_or(0..0, Spanned::span),
                    format!("`{}` ở trên chính nó", draft.name.get_ref()),
                    format!("`{}` stands above itself", draft.name.get_ref()),
                ));
                break;
            }
            at = parents.get(above.ix()).copied().flatten();
        }
    }
}

fn check_roots(drafts: &[Draft<'_>], directory: &Directory, log: &Log) {
    let mut taken: BTreeMap<AgencyCode, &str> = BTreeMap::new();
    for draft in drafts {
        for (code, span) in &draft.roots {
            if directory.lookup(code).is_none() {
                log.push(unknown_agency(code.as_str(), span.clone(), directory));
            }
            match taken.get(code) {
                Some(other) => log.push(Mistake::new(
                    Code::RootTwice,
                    span.clone(),
                    format!("`{code}` đã thuộc nền tảng `{other}`"),
                    format!("`{code}` belongs to the platform `{other}` already"),
                )),
                None => {
                    taken.insert(*code, draft.name.get_ref());
                }
            }
        }
    }
}

pub(super) fn unknown_agency(code: &str, span: Range<usize>, directory: &Directory) -> Mistake {
    let mistake = Mistake::new(
        Code::UnknownAgency,
        span,
        format!("danh bạ không có cơ quan `{code}`"),
        format!("the directory has no agency `{code}`"),
    );
    let Some(near) = directory.nearest(code).map(|id| directory.agency(id)) else {
        return mistake;
    };
    mistake.help(
        format!("có phải ý bạn là `{}` ({})?", near.code, near.name_vi),
        format!("did you mean `{}` ({})?", near.code, near.name_en),
    )
}

fn check_kind(draft: &Draft<'_>, log: &Log) {
    let kind = draft.kind;
    let may_serve = matches!(kind, PlatformKind::Lgsp | PlatformKind::Axis) && draft.active;
    if let Some((_, span)) = draft.roots.first().filter(|_| !may_serve) {
        log.push(Mistake::new(
            Code::BadAgencies,
            span.clone(),
            "chỉ LGSP và trục đang chạy mới có `agencies`",
            "only an LGSP or an axis that runs has `agencies`",
        ));
    }
    if kind == PlatformKind::Lgsp && draft.active && draft.roots.is_empty() {
        log.push(Mistake::new(
            Code::BadAgencies,
            draft.name.span(),
            format!("LGSP `{}` không phục vụ cơ quan nào: thêm `agencies`", draft.name.get_ref()),
            format!("the LGSP `{}` serves nobody: add `agencies`", draft.name.get_ref()),
        ));
    }
    let is_open = draft.is_beyond_loopback || !draft.allow.is_empty();
    if kind != PlatformKind::Ss && (is_open || draft.health_port.is_some()) {
        log.push(Mistake::new(
            Code::BadAddress,
            draft.name.span(),
            "chỉ máy chủ bảo mật có `beyond_loopback`, `allow` và `health_port`",
            "only a security server has `beyond_loopback`, `allow` and `health_port`",
        ));
    }
}

fn names(draft: &Draft<'_>, directory: &Directory) -> (Arc<str>, Arc<str>) {
    let agency = draft.roots.first().and_then(|(code, _)| directory.agency_of(code));
    let name = *draft.name.get_ref();
    let of = |vi: bool| match agency {
        Some(agency) if vi => agency.name_vi.to_string(),
        Some(agency) => agency.name_en.to_string(),
        None => name.to_owned(),
    };
    let (vi, en) = match draft.kind {
        PlatformKind::Lgsp => (format!("LGSP {}", of(true)), format!("LGSP of the {}", of(false))),
        PlatformKind::Axis => (
            "Trục liên thông văn bản quốc gia".to_owned(),
            "National document exchange axis".to_owned(),
        ),
        PlatformKind::Ndxp => (
            "Nền tảng tích hợp, chia sẻ dữ liệu quốc gia (NDXP)".to_owned(),
            "National data exchange platform (NDXP)".to_owned(),
        ),
        PlatformKind::Ss => (format!("Máy chủ bảo mật {name}"), format!("Security server {name}")),
    };
    (draft.name_vi.unwrap_or(&vi).into(), draft.name_en.unwrap_or(&en).into())
}

fn address(draft: &Draft<'_>, log: &Log) -> Arc<str> {
    let Some(given) = &draft.address else { return LOOPBACK.into() };
    let text = *given.get_ref();
    let host = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let is_host = !text.is_empty() && text.bytes().all(host);
    if text.parse::<IpAddr>().is_err() && !is_host {
        log.push(bad_address(given));
    }
    let is_outside = text.parse::<IpAddr>().map_or(text != "localhost", |ip| !ip.is_loopback());
    let is_open = draft.kind == PlatformKind::Ss && is_outside;
    if is_open && (!draft.is_beyond_loopback || draft.allow.is_empty()) {
        log.push(
            Mistake::new(
                Code::BadAddress,
                given.span(),
                "cổng HTTP không mã hóa của máy chủ bảo mật chỉ mở trên máy này",
                "a security server's plain HTTP port opens on this machine only",
            )
            .help(
                "nếu thật sự cần: `beyond_loopback = true` và `allow = [\"10.0.0.0/8\"]`",
                "if it must be: `beyond_loopback = true` and `allow = [\"10.0.0.0/8\"]`",
            ),
        );
    }
    text.into()
}

const LOOPBACK: &str = "127.0.0.1";

fn bad_address(given: &Spanned<&str>) -> Mistake {
    let text = *given.get_ref();
    Mistake::new(
        Code::BadAddress,
        given.span(),
        format!("`{text}` không phải là địa chỉ hay tên máy"),
        format!("`{text}` is neither an address nor a host name"),
    )
}

/// `10.0.0.0/8` or a single address.
fn network(given: &Spanned<&str>, log: &Log) -> Option<(IpAddr, u8)> {
    let text = *given.get_ref();
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: Option<IpAddr> = ip.parse().ok();
    let width = if ip.is_some_and(|ip| ip.is_ipv6()) { 128 } else { 32 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok().filter(|b| *b <= width));
    let found = ip.zip(bits);
    if found.is_none() {
        log.push(bad_address(given));
    }
    found
}

fn listeners(draft: &Draft<'_>, ix: u16, base: u16, log: &Log) -> Vec<Listener> {
    let usual = match draft.kind {
        _ if !draft.active => Vec::new(),
        PlatformKind::Lgsp | PlatformKind::Axis | PlatformKind::Ndxp => {
            vec![ListenerKind::Mtls, ListenerKind::Tls]
        }
        PlatformKind::Ss => SS_LISTENERS.to_vec(),
    };
    let kinds = match &draft.listeners {
        None => usual,
        Some(given) => {
            for kind in given {
                if *kind.get_ref() == ListenerKind::Local && draft.kind != PlatformKind::Ss {
                    log.push(Mistake::new(
                        Code::BadListener,
                        kind.span(),
                        "chỉ máy chủ bảo mật có cổng `local`",
                        "only a security server has a `local` port",
                    ));
                }
            }
            given.iter().map(|kind| *kind.get_ref()).collect()
        }
    };
    let port = |kind: ListenerKind| match (draft.port, base) {
        (Some(0), _) | (None, 0) => 0,
        // A security server is known by its plain port.
        (Some(port), _) if kind == ListenerKind::Local => port,
        (Some(port), _) if draft.kind == PlatformKind::Ss => {
            port.saturating_add(1).saturating_add(kind.offset())
        }
        (Some(port), _) => port.saturating_add(kind.offset()),
        (None, base) => {
            base.saturating_add(ix.saturating_mul(PORTS_EACH)).saturating_add(kind.offset())
        }
    };
    kinds.into_iter().map(|kind| Listener { kind, port: port(kind) }).collect()
}

pub(super) const PORTS_EACH: u16 = 10;

/// Of a security server: for its systems, by plain HTTP and by TLS; and by mTLS for other platforms' calls.
pub(super) const SS_LISTENERS: [ListenerKind; 3] =
    [ListenerKind::Local, ListenerKind::Tls, ListenerKind::Mtls];

fn check_ports(
    drafts: &[Draft<'_>],
    platforms: &[Platform],
    operator: &(u16, Range<usize>),
    log: &Log,
) {
    let clash = |span, port: u16, other: &str| {
        log.push(Mistake::new(
            Code::PortClash,
            span,
            format!("cổng {port} đã dùng cho `{other}`"),
            format!("port {port} is taken by `{other}`"),
        ));
    };
    let mut taken: BTreeMap<(&str, u16), &str> = BTreeMap::new();
    if operator.0 != 0 {
        taken.insert((LOOPBACK, operator.0), "operator");
    }
    for (draft, platform) in drafts.iter().zip(platforms) {
        let ports = platform.listeners.iter().map(|listener| listener.port);
        for port in ports.chain(platform.health_port).filter(|port| *port != 0) {
            if port == u16::MAX {
                log.push(Mistake::new(
                    Code::PortClash,
                    draft.span.clone(),
                    "số cổng vượt quá 65535: giảm `base`",
                    "port numbers run past 65535: lower `base`",
                ));
                break;
            }
            let place = (&*platform.address, port);
            match taken.get(&place) {
                Some(&"operator") => clash(operator.1.clone(), port, &platform.name),
                Some(other) => clash(draft.name.span(), port, other),
                None => {
                    taken.insert(place, &platform.name);
                }
            }
        }
    }
}
