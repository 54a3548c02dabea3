//! Acting as a member: which one fits, its certificate, and a line to its platform over mutual TLS.

use super::Context;
use super::answer::{Exit, Failure};
use super::args::Actor;
use super::run_file::{MemberEntry, Ready, running};
use crate::clock::{Clock, SystemClock};
use crate::domain::agency::AgencyCode;
use crate::domain::rejection::Reason;
use crate::texts;
use crate::tls::{Alpn, Cause, KeyFiles, Tls, TlsClient, TlsFault, TlsOptions, Trust, TrustFiles};
use crate::topology::mistake::nearest;
use crate::wire::v1;
use crate::wire::v1::directory_client::DirectoryClient;
use crate::wire::v1::exchange_client::ExchangeClient;
use crate::wire::v1::tracking_client::TrackingClient;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Members asked in turn when nothing says whose a document is.
const ASKED_MAX: usize = 64;

/// Everything that runs on the data folder, and whom of it we can be.
#[derive(Debug)]
pub(super) struct Country {
    running: Vec<Ready>,
}

impl Country {
    pub(super) fn find(context: &Context) -> Result<Self, Failure> {
        Ok(Self { running: running(&context.data)? })
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &MemberEntry> {
        self.running.iter().flat_map(|ready| &ready.members)
    }

    /// Who may act for an agency, the likeliest first: given it itself, nearest above it, systems from outside
    /// before virtual ones. Without an agency: everybody, or whom `--as` names.
    pub(super) fn able(
        &self,
        actor: &Actor,
        agency: Option<&AgencyCode>,
    ) -> Result<Vec<&MemberEntry>, Failure> {
        let mut able: Vec<&MemberEntry> = match &actor.actor {
            None => self.members().collect(),
            Some(named) => self.named(named)?,
        };
        if let Some(agency) = agency {
            able.retain(|member| level_for(member, agency).is_some());
        }
        if able.is_empty() {
            return Err(self.nobody(actor, agency));
        }
        let rank = |member: &&MemberEntry| {
            let level = agency.and_then(|agency| level_for(member, agency));
            (std::cmp::Reverse(level), member.kind != "external")
        };
        able.sort_by_key(rank);
        able.dedup_by(|a, b| a.id == b.id);
        Ok(able)
    }

    /// The one member that is meant when nothing names one.
    pub(super) fn only(&self, actor: &Actor) -> Result<&MemberEntry, Failure> {
        let able = self.able(actor, None)?;
        let outside: Vec<_> = able.iter().filter(|member| member.kind == "external").collect();
        match (able.as_slice(), outside.as_slice()) {
            ([one], _) => Ok(one),
            (_, [one]) => Ok(one),
            _ => {
                let some: Vec<&str> =
                    able.iter().flat_map(|m| m.agencies.first()).take(6).map(|c| &**c).collect();
                let some = some.join(", ");
                Err(Failure::usage(
                    format!("có {} hệ thống có thể đứng tên: cần nói rõ cơ quan", able.len()),
                    format!("{} members could act: name the agency", able.len()),
                )
                .help(format!("ví dụ: {some}"), format!("such as: {some}")))
            }
        }
    }

    fn named(&self, named: &str) -> Result<Vec<&MemberEntry>, Failure> {
        let by_id: Vec<_> = self
            .members()
            .filter(|m| m.id == named || m.systemid.as_deref() == Some(named))
            .collect();
        if !by_id.is_empty() {
            return Ok(by_id);
        }
        let code = AgencyCode::parse(named).ok();
        let by_agency = self
            .members()
            .filter(|member| code.is_some_and(|code| level_for(member, &code).is_some()))
            .collect::<Vec<_>>();
        if by_agency.is_empty() {
            let ids = self.members().map(|member| &*member.id);
            return Err(Failure::usage(
                format!("không có hệ thống nào là `{named}`"),
                format!("no member is `{named}`"),
            )
            .meant(nearest(named, ids)));
        }
        Ok(by_agency)
    }

    fn nobody(&self, actor: &Actor, agency: Option<&AgencyCode>) -> Failure {
        let Some(agency) = agency else {
            return Failure::usage("không có hệ thống nào đang chạy", "no member runs");
        };
        let codes = self.members().flat_map(|member| &member.agencies).map(|code| &**code);
        let near = nearest(agency.as_str(), codes);
        let who = actor.actor.as_deref().unwrap_or_default();
        let failure = Failure::usage(
            format!("không có hệ thống nào đứng tên cho `{agency}` {who}"),
            format!("no member speaks for `{agency}` {who}"),
        );
        match near {
            Some(near) => failure.meant(Some(near)),
            None => failure.help(
                format!("thêm một hệ thống: lienthong up --member TÊN:BÍ-MẬT:{agency}"),
                format!("add one: lienthong up --member NAME:SECRET:{agency}"),
            ),
        }
    }

    /// A line of a member to its platform.
    pub(super) async fn connect(
        &self,
        member: &MemberEntry,
        context: &Context,
    ) -> Result<Line, Failure> {
        let (ready, address) = self.door(member)?;
        let client = tls_client(ready, member, &context.clock, Alpn::Http2)?;
        Line::open(client, address, member.clone(), context).await
    }

    /// Where a member's platform takes mutual TLS, and the process that knows its certificate.
    pub(super) fn door(&self, member: &MemberEntry) -> Result<(&Ready, SocketAddr), Failure> {
        let ready =
            self.running.iter().find(|ready| ready.members.iter().any(|m| m.id == member.id));
        let place = self.running.iter().find_map(|ready| ready.platform(&member.platform));
        let parent = place
            .filter(|place| place.mtls.is_none())
            .and_then(|place| place.parent.as_deref())
            .and_then(|parent| self.running.iter().find_map(|ready| ready.platform(parent)));
        let address =
            place.and_then(|place| place.mtls).or_else(|| parent.and_then(|parent| parent.mtls));
        let (Some(ready), Some(address)) = (ready, address) else {
            let platform = &member.platform;
            return Err(Failure::new(
                Exit::Unreachable,
                format!("nền tảng `{platform}` của `{}` không chạy", member.id),
                format!("the platform `{platform}` of `{}` does not run", member.id),
            ));
        };
        Ok((ready, address))
    }
}

/// How deep in the tree the agency is for which a member may act for this one.
fn level_for(member: &MemberEntry, agency: &AgencyCode) -> Option<usize> {
    let own = member.agencies.iter().filter_map(|code| AgencyCode::parse(code).ok());
    own.filter(|own| agency.is_at_or_below(own)).map(|own| own.level()).max()
}

pub(super) fn tls_client(
    ready: &Ready,
    member: &MemberEntry,
    clock: &Arc<SystemClock>,
    alpn: Alpn,
) -> Result<TlsClient, Failure> {
    let crl = ready.ca.with_file_name("crl.pem");
    let files = TrustFiles { ca: ready.ca.clone(), crl: Some(crl).filter(|crl| crl.exists()) };
    let keys = KeyFiles { chain: member.cert.clone(), key: member.key.clone() };
    let built = Trust::load(files, TlsOptions::default(), clock)
        .and_then(|trust| Tls::load(&trust, keys))
        .and_then(|tls| tls.client(None, alpn));
    built.map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("không dùng được chứng thư của `{}`", member.id),
            format!("the certificate of `{}` cannot be used", member.id),
        )
        .detail(super::start::chain(&error))
        .help(
            "tạo lại những gì thiếu: lienthong pki init",
            "make what is missing: lienthong pki init",
        )
    })
}

/// An open connection of one member to its platform.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) member: MemberEntry,
    pub(super) exchange: ExchangeClient<Channel>,
    pub(super) directory: DirectoryClient<Channel>,
    pub(super) tracking: TrackingClient<Channel>,
    client: TlsClient,
    address: SocketAddr,
    clock: Arc<SystemClock>,
}

impl Line {
    async fn open(
        client: TlsClient,
        address: SocketAddr,
        member: MemberEntry,
        context: &Context,
    ) -> Result<Self, Failure> {
        let clock = Arc::clone(&context.clock);
        let deadline = clock.now().plus(CONNECT_TIMEOUT);
        let name = ServerName::IpAddress(address.ip().into());
        let connected = client.connect(&*clock, address, name, deadline).await;
        let stream = connected.map_err(|fault| faulty(&fault, address))?.stream;
        // One connection, made above, so that a fault of TLS keeps its name; none is made again.
        let ready = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
        let connector = tower::service_fn(move |_: http::Uri| {
            let stream = ready.lock().take();
            async move { stream.ok_or_else(|| std::io::Error::other("the connection ended")) }
        });
        let endpoint = Endpoint::from_static("https://platform")
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let channel = match endpoint.connect_with_connector(connector).await {
            Ok(channel) => channel,
            Err(error) => {
                return Err(match client.explain(&error, clock.now()) {
                    Some(fault) => faulty(&fault, address),
                    None => lost(address, &super::start::chain(&error)),
                });
            }
        };
        Ok(Self {
            member,
            exchange: ExchangeClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            directory: DirectoryClient::new(channel.clone()).max_decoding_message_size(usize::MAX),
            tracking: TrackingClient::new(channel).max_decoding_message_size(usize::MAX),
            client,
            address,
            clock,
        })
    }

    /// What a failed call says: a refusal, a fault of TLS, or a connection that ended.
    pub(super) fn failed(&self, status: &tonic::Status) -> Failure {
        if let Some(refusal) = refusal_in(status.message()) {
            return refusal;
        }
        // TLS 1.3: that our certificate was refused comes with the first read.
        if let Some(fault) = self.client.explain(status, self.clock.now()) {
            return faulty(&fault, self.address);
        }
        lost(self.address, &super::start::chain(status))
    }

    /// The agency that a text means: a code in either form, or part of a name that fits one agency only.
    pub(super) async fn agency(&mut self, text: &str) -> Result<v1::Agency, Failure> {
        let code = AgencyCode::parse(text).ok();
        let wanted = code.map_or_else(|| text.to_owned(), |code| code.as_str().to_owned());
        let found = self.search(&wanted, 20).await?;
        if let Some(code) = code
            && let Some(exact) = found.iter().find(|agency| agency.code == code.as_str())
        {
            return Ok(exact.clone());
        }
        let plain = crate::domain::directory::search::plain(text);
        let alive = |agency: &&v1::Agency| agency.alive;
        let by_name: Vec<_> = found
            .iter()
            .filter(alive)
            .filter(|agency| {
                crate::domain::directory::search::plain(&agency.name_vi).ends_with(&plain)
            })
            .collect();
        let living: Vec<_> = found.iter().filter(alive).collect();
        let roots: Vec<_> = by_name.iter().filter(|agency| agency.parent.is_empty()).collect();
        match (living.as_slice(), by_name.as_slice(), roots.as_slice()) {
            ([one], _, _) | (_, [one], _) => return Ok((*one).clone()),
            (_, _, [one]) => return Ok((**one).clone()),
            _ => {}
        }
        let unknown = Failure::new(
            Exit::Refused,
            texts::sentence(Reason::ReceiverUnknown, texts::Lang::Vi),
            texts::sentence(Reason::ReceiverUnknown, texts::Lang::En),
        )
        .code(Reason::ReceiverUnknown.code());
        let unknown = Failure { at: text.into(), ..unknown };
        if living.is_empty() {
            let near = self.nearest(&wanted).await?;
            return Err(unknown.meant(near.as_deref()));
        }
        let some: Vec<_> =
            living.iter().take(5).map(|a| format!("{} ({})", a.code, a.name_vi)).collect();
        let some = some.join(", ");
        Err(unknown.help(format!("ý bạn là một trong: {some}?"), format!("one of: {some}?")))
    }

    /// The code most like this one among those of the same ministry or province.
    pub(super) async fn nearest(&mut self, given: &str) -> Result<Option<String>, Failure> {
        let root = given.split('.').next().unwrap_or_default();
        let mut around = self.search(root, AROUND_MAX).await?;
        if around.is_empty() {
            let letter: String = root.chars().take(1).collect();
            around = self.search(&letter, AROUND_MAX).await?;
        }
        // `H26.6` for `H26.06`: the zero that people leave out.
        let mut groups = given.split('.');
        let first = groups.next().unwrap_or_default().to_owned();
        let padded = groups.fold(first, |code, group| format!("{code}.{group:0>2}"));
        let mut codes = around.iter().map(|agency| &*agency.code);
        let near = codes.clone().find(|code| *code == padded);
        Ok(near.or_else(|| nearest(given, codes.by_ref())).map(ToOwned::to_owned))
    }

    async fn search(&mut self, text: &str, limit: u32) -> Result<Vec<v1::Agency>, Failure> {
        let request = v1::SearchRequest { text: text.to_owned(), limit };
        let answer = self.directory.search(request).await;
        Ok(answer.map_err(|status| self.failed(&status))?.into_inner().agencies)
    }
}

const AROUND_MAX: u32 = 500;
const WINDOW_BYTES: u32 = 4 << 20;

/// A fault of TLS or of the way there: 3 when nobody answered, 4 when one side refused the other.
pub(super) fn faulty(fault: &TlsFault, address: SocketAddr) -> Failure {
    let exit = match fault.cause {
        Cause::Unreachable(_) | Cause::Timeout | Cause::Closed => Exit::Unreachable,
        Cause::UnknownCa { .. }
        | Cause::Expired { .. }
        | Cause::NotYetValid { .. }
        | Cause::Revoked { .. }
        | Cause::WrongName { .. }
        | Cause::NoClientCertificate
        | Cause::WrongPurpose
        | Cause::BadSignature
        | Cause::BadCertificate(_)
        | Cause::RevocationUnknown
        | Cause::CrlExpired { .. }
        | Cause::Incompatible(_)
        | Cause::NotTls
        | Cause::Protocol(_)
        | Cause::Alert(_)
        | Cause::NoOwnKey => Exit::Refused,
    };
    let failure = Failure::new(exit, fault.vi(), fault.en()).code(fault.code());
    Failure { at: address.to_string().into(), ..failure }
}

fn lost(address: SocketAddr, why: &str) -> Failure {
    let failure = Failure::new(
        Exit::Unreachable,
        "mất kết nối với nền tảng",
        "the connection to the platform was lost",
    )
    .detail(why);
    Failure { at: address.to_string().into(), ..failure }
}

/// `LT-D114 sentence (detail)`: how the native face says a refusal of the whole call.
fn refusal_in(message: &str) -> Option<Failure> {
    let reason = Reason::from_code(message.split(' ').next()?)?;
    let said = texts::sentence(reason, texts::Lang::En);
    let rest = message.split_once(said).map(|(_, rest)| rest.trim()).unwrap_or_default();
    let detail = rest.trim_start_matches('(').trim_end_matches(')');
    let vi = texts::sentence(reason, texts::Lang::Vi);
    Some(Failure::new(Exit::Refused, vi, said).code(reason.code()).detail(detail))
}

impl Country {
    /// The member that sent or received a document, and what it may know of it: `--as`, else one after the other.
    pub(super) async fn owner(
        &self,
        doc_id: &str,
        actor: &Actor,
        context: &Context,
    ) -> Result<(Line, serde_json::Value), Failure> {
        let able = self.able(actor, None)?;
        let mut last = None;
        for member in able.into_iter().take(ASKED_MAX) {
            let mut line = match self.connect(member, context).await {
                Ok(line) => line,
                Err(failure) if actor.actor.is_some() => return Err(failure),
                Err(failure) => {
                    last.get_or_insert(failure);
                    continue;
                }
            };
            let asked = line.tracking.story(v1::StoryRequest { id: doc_id.to_owned() }).await;
            let reply = match asked {
                Ok(reply) => reply.into_inner(),
                Err(status) => {
                    let failure = line.failed(&status);
                    if actor.actor.is_some() {
                        return Err(failure);
                    }
                    last.get_or_insert(failure);
                    continue;
                }
            };
            match reply.refusal {
                None => {
                    let story = serde_json::from_str(&reply.json).unwrap_or_default();
                    return Ok((line, story));
                }
                Some(refusal) if refusal.code == Reason::ContentDestroyed.code() => {
                    return Ok((line, serde_json::Value::Null));
                }
                Some(refusal) => last = Some(Failure::refused(refusal)),
            }
        }
        Err(last.unwrap_or_else(|| self.nobody(actor, None)))
    }
}
