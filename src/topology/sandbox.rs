//! What a command line adds to a topology: sandbox members, and other ports.

use super::platforms::{PORTS_EACH, SS_LISTENERS};
use super::{Listener, Platform, PlatformKind, Topology, call_routes, node};
use crate::domain::agency::{AgencyCode, CodeError};
use crate::domain::directory::{Connection, Credential, Member, MemberKind, Members, Secret};
use crate::domain::fact::PlatformId;
use crate::domain::member_id::MemberId;
use crate::domain::routing::{PlatformIx, RoutingTable};
use std::str::FromStr;
use std::sync::Arc;

/// `SYSTEMID:SECRET:AGENCY`. The secret may hold colons.
#[derive(Clone, Debug)]
pub struct SandboxCredential {
    pub systemid: String,
    pub secret: Secret,
    pub agency: AgencyCode,
}

/// Why a sandbox member cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    #[error("not of the form SYSTEMID:SECRET:AGENCY")]
    Form,
    #[error("the agency code is wrong")]
    Code(#[from] CodeError),
    #[error("the directory holds no agency {given}")]
    UnknownAgency { given: AgencyCode, nearest: Option<AgencyCode> },
    #[error("no platform of this topology serves {0}")]
    Homeless(AgencyCode),
    #[error(transparent)]
    Name(#[from] crate::domain::member_id::NameError),
    #[error(transparent)]
    Member(#[from] crate::domain::directory::member::MemberError),
}

impl FromStr for SandboxCredential {
    type Err = SandboxError;

    fn from_str(text: &str) -> Result<Self, SandboxError> {
        let (systemid, rest) = text.split_once(':').ok_or(SandboxError::Form)?;
        let (secret, agency) = rest.rsplit_once(':').ok_or(SandboxError::Form)?;
        if systemid.is_empty() || secret.is_empty() {
            return Err(SandboxError::Form);
        }
        Ok(Self {
            systemid: systemid.to_owned(),
            secret: Secret::new(secret.as_bytes()),
            agency: AgencyCode::parse(agency)?,
        })
    }
}

impl Topology {
    /// Adds a member of the sandbox behind a security server of its platform, which is made when there is none.
    /// Whoever played that agency, or had that systemid, gives way.
    pub fn add_sandbox_member(&mut self, given: &SandboxCredential) -> Result<(), SandboxError> {
        let SandboxCredential { systemid, secret, agency } = given;
        let Some(id) = self.directory.lookup(agency) else {
            let nearest = self.directory.nearest(agency.as_str());
            let nearest = nearest.map(|id| self.directory.agency(id).code);
            return Err(SandboxError::UnknownAgency { given: *agency, nearest });
        };
        let home = self.routes.home_of(agency).ok_or(SandboxError::Homeless(*agency))?;
        let mut members = Members::default();
        for member in self.members.iter() {
            let same_systemid = member.systemid().is_some_and(|known| **known == **systemid);
            let plays_it = member.kind == MemberKind::Virtual && *member.codes == [*agency];
            if !same_systemid && !plays_it {
                members.add(Member::clone(member))?;
            }
        }
        let security_server = self.security_server_of(home);
        let names = std::iter::once(SYSTEM.to_owned())
            .chain((2..=u32::MAX).map(|number| format!("{SYSTEM}-{number}")));
        let free = names
            .map(|system| MemberId::of_agency(&self.instance, agency, &system))
            .find(|id| id.as_ref().map_or(true, |id| members.by_id(id.as_str()).is_none()));
        let free = free.ok_or(SandboxError::Form)??;
        members.add(Member {
            id: free.to_string().into(),
            platform: home,
            security_server,
            connection: if security_server.is_some() {
                Connection::NoSsl
            } else {
                Connection::SslAuth
            },
            agencies: vec![id],
            codes: vec![*agency],
            credential: Some(Credential {
                systemid: Arc::from(&**systemid),
                secret: Some(secret.clone()),
            }),
            kind: MemberKind::External,
        })?;
        self.members = members;
        Ok(())
    }

    /// Other ports: platforms from `base` on, the operator's API below them. Ports that the file names stay.
    pub fn rebase_ports(&mut self, base: u16) {
        let old = self.port_base;
        for platform in &mut self.platforms {
            let place = platform.ix.0.saturating_mul(PORTS_EACH);
            for listener in &mut platform.listeners {
                let usual =
                    |base: u16| base.saturating_add(place).saturating_add(listener.kind.offset());
                if listener.port == usual(old) {
                    listener.port = usual(base);
                }
            }
        }
        self.operator_port = base.saturating_sub(OPERATOR_BELOW);
        self.public_port = self.public_port.map(|_| base.saturating_sub(PUBLIC_BELOW));
        self.port_base = base;
    }

    fn security_server_of(&mut self, parent: PlatformIx) -> Option<PlatformIx> {
        let serves =
            |p: &&Platform| p.kind == PlatformKind::Ss && p.active && p.parent == Some(parent);
        if let Some(found) = self.platforms.iter().find(serves) {
            return Some(found.ix);
        }
        let above = self.platform(parent)?.clone();
        let ix = u16::try_from(self.platforms.len()).ok()?;
        let name = format!("ss-{}", above.name.strip_prefix("lgsp-").unwrap_or(&above.name));
        if self.platform_named(&name).is_some() {
            return None;
        }
        let first = self.port_base.saturating_add(ix.saturating_mul(PORTS_EACH));
        let listeners = SS_LISTENERS
            .map(|kind| Listener { kind, port: first.saturating_add(kind.offset()) })
            .to_vec();
        self.platforms.push(Platform {
            ix: PlatformIx(ix),
            id: PlatformId::of(&name),
            peer_id: format!("{}:PLATFORM:{name}", self.instance).into(),
            kind: PlatformKind::Ss,
            name_vi: format!("Máy chủ bảo mật {name}").into(),
            name_en: format!("Security server {name}").into(),
            name: name.into(),
            parent: Some(parent),
            roots: Vec::new(),
            listeners,
            health_port: None,
            is_beyond_loopback: false,
            allow: Vec::new(),
            ..above
        });
        self.routes = RoutingTable::new(self.platforms.iter().map(node).collect(), &self.directory);
        self.call_routes = call_routes(&self.platforms);
        Some(PlatformIx(ix))
    }
}

const SYSTEM: &str = "sandbox";
const OPERATOR_BELOW: u16 = 100;
const PUBLIC_BELOW: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Given, ListenerKind};

    fn sandbox() -> Topology {
        let today = "2026-11-22".parse().unwrap();
        let given = Given { today, seed: 1, systems: crate::providers::SYSTEMS };
        Topology::load("sandbox", given).unwrap()
    }

    #[test]
    fn a_sandbox_member_goes_through_the_security_server_of_its_platform() {
        let mut topology = sandbox();
        let given: SandboxCredential = "vxp.h60:s:e:000.00.07.H60".parse().unwrap();
        assert_eq!(given.secret.expose(), b"s:e");
        topology.add_sandbox_member(&given).unwrap();
        let caller = topology.members.by_systemid("vxp.h60").unwrap();
        assert_eq!(&**caller.id(), "VN:GOV:000.00.07.H60:sandbox");
        let at = |ix| topology.platform(ix).unwrap().name.to_string();
        assert_eq!(caller.member.security_server.map(at).as_deref(), Some("ss-h60"));
        assert_eq!(at(caller.member.platform), "lgsp-h60");
        let others = topology.members.iter().filter(|m| m.codes == caller.member.codes);
        assert_eq!(others.count(), 1, "nobody else plays that agency");
    }

    #[test]
    fn a_platform_without_a_security_server_gets_one() {
        let mut topology = sandbox();
        let before = topology.platforms.len();
        topology.add_sandbox_member(&"s:t:G12".parse().unwrap()).unwrap();
        topology.add_sandbox_member(&"s2:t:G12".parse().unwrap()).unwrap();
        assert_eq!(topology.platforms.len(), before + 1);
        let made = topology.platform_named("ss-g12").unwrap();
        assert_eq!(made.port(ListenerKind::Local), Some(7222));
        assert_eq!(topology.routes.parent(made.ix), made.parent);
        assert!(topology.members.by_id("VN:GOV:000.00.00.G12:sandbox-2").is_some());
    }

    #[test]
    fn what_cannot_be_added_says_why() {
        let mut topology = sandbox();
        assert!(matches!("a:b".parse::<SandboxCredential>(), Err(SandboxError::Form)));
        let unknown = topology.add_sandbox_member(&"a:b:H61X".parse().unwrap()).unwrap_err();
        assert!(matches!(unknown, SandboxError::UnknownAgency { nearest: Some(_), .. }));
    }

    #[test]
    fn ports_move_together() {
        let mut topology = sandbox();
        topology.rebase_ports(9100);
        let axis = topology.platform_named("axis").unwrap();
        let ss = topology.platform_named("ss-h26").unwrap();
        assert_eq!(axis.port(ListenerKind::Tls), Some(9101));
        assert_eq!(ss.port(ListenerKind::Local), Some(9192));
        assert_eq!((topology.operator_port, topology.public_port), (9000, Some(9080)));
    }
}
