//! `[[member]]` and `[[virtual]]`: who connects where, with which credential.

use super::agencies::read_code;
use super::mistake::{Code, Mistake};
use super::platforms::{Draft, not_active, unknown_agency, unknown_platform};
use super::reader::{Log, Table};
use super::settings::unreadable;
use super::shipped::Place;
use super::{ListenerKind, Platform, PlatformKind};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::member::MemberError;
use crate::domain::directory::{
    AgencyKind, Connection, Credential, Directory, Member, MemberKind, Members, Secret, Standing,
};
use crate::domain::member_id::{MemberId, NameError, PLATFORM_CLASS, PUBLIC_CLASS};
use crate::domain::routing::{PlatformIx, RoutingTable};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

/// What members are checked against.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) log: &'a Log,
    pub(super) place: &'a Place,
    pub(super) instance: &'a str,
    pub(super) drafts: &'a [Draft<'a>],
    pub(super) platforms: &'a [Platform],
    pub(super) directory: &'a Directory,
    pub(super) routes: &'a RoutingTable,
    pub(super) members: Members,
}

/// The document management system: what nearly every member is.
const DEFAULT_SYSTEM: &str = "QLVB";

const KINDS: [(&str, MemberKind); 2] =
    [("virtual", MemberKind::Virtual), ("external", MemberKind::External)];

const CONNECTIONS: [(&str, Connection); 3] = [
    (Connection::NoSsl.as_str(), Connection::NoSsl),
    (Connection::SslNoAuth.as_str(), Connection::SslNoAuth),
    (Connection::SslAuth.as_str(), Connection::SslAuth),
];

/// The platform a member belongs to, and the security server in between.
type Home = (PlatformIx, Option<PlatformIx>);

impl<'a> Reader<'a> {
    /// One `[[member]]`.
    pub(super) fn member(&mut self, mut table: Table<'a>) {
        let named = self.name(&mut table);
        let platform = table.string("platform");
        let agencies = table.strings("agencies");
        let kind = table.choice("kind", &KINDS).map_or(MemberKind::External, Spanned::into_inner);
        let connection = table.choice("connection", &CONNECTIONS);
        let credential = self.credential(&mut table, named.as_ref().map(|(id, _)| id));
        let span = table.span();
        table.finish();
        let Some((id, id_span)) = named else { return };
        let codes: Vec<_> = match agencies {
            None => id.agency().map(|code| (*code, id_span.clone())).into_iter().collect(),
            Some(given) => given
                .iter()
                .filter_map(|c| Some((read_code(self.log, 0, c.get_ref(), c.span())?, c.span())))
                .collect(),
        };
        let Some(home) = self.home(platform.as_ref(), &codes, &span) else { return };
        let connection = self.connection(connection, home);
        let Some(agencies) = self.check_agencies(&codes, home.0) else { return };
        self.add(
            Member {
                id: id.to_string().into(),
                platform: home.0,
                security_server: home.1,
                connection,
                agencies,
                codes: codes.into_iter().map(|(code, _)| code).collect(),
                credential,
                kind,
            },
            id_span,
        );
    }

    /// `id`, or `agency` and `system`.
    fn name(&self, table: &mut Table<'a>) -> Option<(MemberId, Range<usize>)> {
        let id = table.string("id");
        let agency = table.string("agency");
        let system = table.string("system");
        if let Some(id) = id {
            return Some((self.read_id(&id)?, id.span()));
        }
        let Some(agency) = agency else {
            table.push(
                Mistake::new(
                    Code::MissingKey,
                    table.span(),
                    "[[member]] thiếu `id`, hoặc `agency` và `system`",
                    "[[member]] lacks `id`, or `agency` and `system`",
                )
                .help("ví dụ `agency = \"H60\"`", "such as `agency = \"H60\"`"),
            );
            return None;
        };
        let code = read_code(self.log, 0, agency.get_ref(), agency.span())?;
        let span = system.as_ref().map_or_else(|| agency.span(), Spanned::span);
        let system = system.map_or(DEFAULT_SYSTEM, Spanned::into_inner);
        Some((self.id_of(&code, system, span)?, agency.span()))
    }

    fn read_id(&self, id: &Spanned<&str>) -> Option<MemberId> {
        match MemberId::parse(id.get_ref()) {
            // Nobody may be configured to be a platform or the public.
            Ok(found)
                if found.instance() == self.instance
                    && ![PLATFORM_CLASS, PUBLIC_CLASS].contains(&found.class()) =>
            {
                return Some(found);
            }
            Err(NameError::Code(_)) => {
                let code = id.get_ref().split(':').nth(2).unwrap_or_default();
                read_code(self.log, 0, code, id.span())?;
            }
            Ok(_) | Err(NameError::NotAMember | NameError::BadName) => {}
        }
        self.push_bad_id(id.span());
        None
    }

    fn id_of(&self, agency: &AgencyCode, system: &str, span: Range<usize>) -> Option<MemberId> {
        let id = MemberId::of_agency(self.instance, agency, system).ok();
        if id.is_none() {
            self.push_bad_id(span);
        }
        id
    }

    fn push_bad_id(&self, span: Range<usize>) {
        let instance = self.instance;
        self.log.push(
            Mistake::new(
                Code::BadMemberId,
                span,
                format!("mã thành viên phải có dạng `{instance}:GOV:<mã cơ quan>:<hệ thống>`"),
                format!("a member id must look like `{instance}:GOV:<agency code>:<system>`"),
            )
            .help(
                format!(
                    "tổ chức không phải cơ quan nhà nước: `{instance}:COM:<mã>:<hệ thống>`; mỗi phần \
                     1–64 ký tự, không có dấu hai chấm hay gạch chéo"
                ),
                format!(
                    "what is no agency: `{instance}:COM:<code>:<system>`; each part has 1 to 64 \
                     characters, no colon and no slash"
                ),
            ),
        );
    }

    fn credential(&self, table: &mut Table<'a>, id: Option<&MemberId>) -> Option<Credential> {
        let systemid = table.string("systemid");
        let given = table.string("secret");
        let file = table.string("secret_file");
        if let Some(given) = &given {
            self.log.mask(given.span());
        }
        if let (Some(_), Some(file)) = (&given, &file) {
            self.log.push(Mistake::new(
                Code::BadSecret,
                file.span(),
                "chỉ dùng một trong `secret` và `secret_file`",
                "give only one of `secret` and `secret_file`",
            ));
        }
        let secret = match (given, file) {
            (Some(given), _) => Some((given.span(), (*given.get_ref()).to_owned())),
            (None, Some(file)) => match self.place.open(file.get_ref()) {
                Ok(found) => {
                    Some((file.span(), found.text.trim_end_matches(['\r', '\n']).to_owned()))
                }
                Err(reason) => {
                    self.log.push(unreadable(file.get_ref(), file.span(), &reason));
                    None
                }
            },
            (None, None) => None,
        };
        if let Some((span, _)) = secret.as_ref().filter(|(_, text)| text.is_empty()) {
            self.log.push(Mistake::new(
                Code::BadSecret,
                span.clone(),
                "bí mật không được rỗng",
                "a secret must not be empty",
            ));
        }
        let secret = secret.map(|(_, text)| Secret::new(text.as_bytes()));
        let systemid = match systemid {
            Some(systemid) => Arc::from(systemid.into_inner()),
            None => Arc::from(id.filter(|_| secret.is_some())?.code()),
        };
        Some(Credential { systemid, secret })
    }

    /// The platform named, or where the first agency lives.
    fn home(
        &self,
        given: Option<&Spanned<&str>>,
        codes: &[(AgencyCode, Range<usize>)],
        span: &Range<usize>,
    ) -> Option<Home> {
        let Some(given) = given else {
            let (code, span) =
                codes.first().map_or((None, span), |(code, span)| (Some(code), span));
            let home = code.and_then(|code| self.routes.home_of(code));
            if home.is_none() {
                let (vi, en) = match code {
                    Some(_) => {
                        ("không nền tảng nào phục vụ cơ quan này", "no platform serves this agency")
                    }
                    None => {
                        ("thành viên này không thuộc cơ quan nào", "this member is no agency's")
                    }
                };
                self.log.push(Mistake::new(
                    Code::UnknownPlatform,
                    span.clone(),
                    format!("{vi}: ghi rõ `platform`"),
                    format!("{en}: name the `platform`"),
                ));
            }
            return home.map(|home| (home, None));
        };
        let name = *given.get_ref();
        let Some(platform) = self.platforms.iter().find(|p| &*p.name == name) else {
            self.log.push(unknown_platform(given, self.drafts));
            return None;
        };
        if !platform.active {
            self.log.push(not_active(name, given.span()));
            return None;
        }
        match platform.kind {
            PlatformKind::Ss => platform.parent.map(|parent| (parent, Some(platform.ix))),
            PlatformKind::Lgsp | PlatformKind::Axis | PlatformKind::Ndxp => {
                Some((platform.ix, None))
            }
        }
    }

    /// As given, where there is a port for it: only a security server believes anything but a certificate.
    fn connection(&self, given: Option<Spanned<Connection>>, home: Home) -> Connection {
        let server = home.1.and_then(|server| self.platforms.get(server.ix()));
        let usual = if server.is_some() { Connection::NoSsl } else { Connection::SslAuth };
        let Some(given) = given else { return usual };
        let connection = *given.get_ref();
        let has = |kind| server.is_some_and(|server| server.port(kind).is_some());
        let fits = match connection {
            Connection::NoSsl => server.is_some(),
            Connection::SslNoAuth => has(ListenerKind::Tls),
            Connection::SslAuth => {
                server.is_none() || has(ListenerKind::Tls) || has(ListenerKind::Mtls)
            }
        };
        if !fits {
            let name = connection.as_str();
            let (vi, en) = match server {
                Some(server) => (
                    format!("`{}` không có cổng TLS cho `{name}`", server.name),
                    format!("`{}` has no TLS port for `{name}`", server.name),
                ),
                None => (
                    format!("chỉ qua máy chủ bảo mật mới có `{name}`; ở đây luôn là `sslauth`"),
                    format!(
                        "only behind a security server is there `{name}`; here it is `sslauth`"
                    ),
                ),
            };
            self.log.push(Mistake::new(Code::BadConnection, given.span(), vi, en).help(
                "thêm \"tls\" vào `listeners` của máy chủ bảo mật, hoặc bỏ `connection`",
                "add \"tls\" to the security server's `listeners`, or leave `connection` out",
            ));
        }
        connection
    }

    /// Known to the directory, and at home where the member is: nothing would reach it otherwise.
    fn check_agencies(
        &self,
        codes: &[(AgencyCode, Range<usize>)],
        home: PlatformIx,
    ) -> Option<Vec<crate::domain::directory::AgencyId>> {
        let mut found = Vec::new();
        for (code, span) in codes {
            let Some(id) = self.directory.lookup(code) else {
                self.log.push(unknown_agency(code.as_str(), span.clone(), self.directory));
                continue;
            };
            let lives_at = self.routes.home_of(code);
            if lives_at == Some(home) {
                found.push(id);
                continue;
            }
            let here = self.platforms.get(home.ix()).map_or("", |p| &p.name);
            let mistake = Mistake::new(
                Code::ForeignAgency,
                span.clone(),
                format!("`{code}` không thuộc nền tảng `{here}` nên văn bản sẽ không tới"),
                format!("`{code}` does not live at `{here}`: no document would reach it there"),
            );
            let there = lives_at.and_then(|at| self.platforms.get(at.ix()));
            self.log.push(match there {
                Some(there) => mistake.help(
                    format!("cơ quan này thuộc `{}`", there.name),
                    format!("it lives at `{}`", there.name),
                ),
                None => mistake,
            });
        }
        (found.len() == codes.len()).then_some(found)
    }

    fn add(&mut self, member: Member, span: Range<usize>) {
        match self.members.add(member) {
            Ok(_) => {}
            Err(MemberError::IdTwice(id)) => self.log.push(Mistake::new(
                Code::MemberTwice,
                span,
                format!("đã có thành viên `{id}`: đổi `system`"),
                format!("there is a member `{id}` already: change its `system`"),
            )),
            Err(MemberError::SystemidTwice(systemid)) => self.log.push(Mistake::new(
                Code::SystemidTwice,
                span,
                format!("systemid `{systemid}` đã dùng cho thành viên khác"),
                format!("the systemid `{systemid}` belongs to another member already"),
            )),
        }
    }

    /// One `[[virtual]]`: members for many agencies at once. An agency that has a member of the same name
    /// already keeps that one.
    pub(super) fn virtuals(&mut self, mut table: Table<'a>) {
        let named = table.strings("platforms");
        let roots = table.boolean("roots").unwrap_or(true);
        let small = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let departments = small(table.integer("departments", 0..=1_000));
        let communes = small(table.integer("communes", 0..=1_000));
        let system = table.string("system").map_or(DEFAULT_SYSTEM, Spanned::into_inner);
        let secret = table.string("secret");
        if let Some(secret) = &secret {
            self.log.mask(secret.span());
        }
        let span = table.span();
        table.finish();
        let mut added = 0;
        for platform in self.expanded(named) {
            for root in platform.roots.clone() {
                let mut codes = Vec::new();
                codes.extend(roots.then_some(root));
                codes.extend(self.some_below(&root, departments, AgencyKind::is_unit));
                codes.extend(self.some_below(&root, communes, |kind| kind == AgencyKind::Commune));
                for code in codes {
                    added += 1;
                    self.add_virtual(&code, system, secret.as_ref(), &span);
                }
            }
        }
        if added == 0 {
            self.log.push(Mistake::new(
                Code::NothingToExpand,
                span,
                "[[virtual]] này không tạo ra thành viên nào",
                "this [[virtual]] makes no member",
            ));
        }
    }

    /// The platforms named, or every LGSP that runs.
    fn expanded(&self, named: Option<Vec<Spanned<&'a str>>>) -> Vec<&'a Platform> {
        let Some(named) = named else {
            let is_lgsp = |p: &&Platform| p.kind == PlatformKind::Lgsp && p.active;
            return self.platforms.iter().filter(is_lgsp).collect();
        };
        let mut found = Vec::new();
        for name in named {
            match self.platforms.iter().find(|p| &*p.name == *name.get_ref()) {
                Some(platform) => found.push(platform),
                None => self.log.push(unknown_platform(&name, self.drafts)),
            }
        }
        found
    }

    /// The first few alive one level below, of some kinds, that live at the same platform.
    fn some_below(
        &self,
        root: &AgencyCode,
        count: usize,
        of: fn(AgencyKind) -> bool,
    ) -> Vec<AgencyCode> {
        if count == 0 {
            return Vec::new();
        }
        let home = self.routes.home_of(root);
        let children = self.directory.children(root).into_iter();
        children
            .filter(|id| self.directory.standing_today(*id) == Standing::Alive)
            .map(|id| self.directory.agency(id))
            .filter(|agency| of(agency.kind) && self.routes.home_of(&agency.code) == home)
            .map(|agency| agency.code)
            .take(count)
            .collect()
    }

    fn add_virtual(
        &mut self,
        code: &AgencyCode,
        system: &str,
        secret: Option<&Spanned<&str>>,
        span: &Range<usize>,
    ) {
        let Some(id) = self.id_of(code, system, span.clone()).map(|id| id.to_string()) else {
            return;
        };
        let agency = self.directory.lookup(code);
        let Some((agency, platform)) = agency.zip(self.routes.home_of(code)) else { return };
        if self.members.by_id(&id).is_some() {
            return;
        }
        let credential = secret.map(|secret| Credential {
            systemid: code.wire().into(),
            secret: Some(Secret::new(secret.get_ref().replace("{code}", &code.wire()).as_bytes())),
        });
        let member = Member {
            id: id.into(),
            platform,
            security_server: None,
            connection: Connection::SslAuth,
            agencies: vec![agency],
            codes: vec![*code],
            credential,
            kind: MemberKind::Virtual,
        };
        self.add(member, span.clone());
    }
}
