//! Changes to the directory while it runs: the axis numbers them, the others send theirs up and follow.

use super::{Peer, Pipeline, Platform, Ports};
use crate::clock::Clock;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar;
use crate::domain::directory::Caller;
use crate::domain::fact::{AgencyLocked, AgencyRegistered, AgencyRemoved, Fact};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::Hop;
use crate::egress::{LinkId, Transport};
use crate::journal::{Content, Entry};
use crate::wire::v1;
use std::time::Duration;

/// How often a platform asks the one above for changes, and how many it takes at once.
const FOLLOW_EVERY: Duration = Duration::from_secs(5);
const CHANGES_MAX: u32 = 1_000;

impl<P: Ports> Pipeline<P> {
    /// A member registers (or updates) an agency below its own. Effective when the axis has numbered it.
    pub async fn register(
        &self,
        platform: &Platform,
        caller: &Caller,
        request: v1::RegisterRequest,
    ) -> Result<u64, Rejection> {
        let wrong = |reason, code: &str| {
            Rejection::new(reason).at(Place::Parameter("code".into())).detail(code)
        };
        if let Err(reason) = self.directory.load().may_register(caller, &request.code) {
            return Err(wrong(reason, &request.code));
        }
        if request.name.trim().is_empty() {
            return Err(
                Rejection::new(Reason::ParameterMissing).at(Place::Parameter("name".into()))
            );
        }
        let change = v1::directory_change_up::Change::Register(request);
        self.change_up(
            platform,
            v1::DirectoryChangeUp { change: Some(change), member: caller.id().to_string() },
        )
        .await
    }

    /// A member removes an agency below its own.
    pub async fn remove(
        &self,
        platform: &Platform,
        caller: &Caller,
        code: &str,
    ) -> Result<u64, Rejection> {
        if let Err(reason) = self.directory.load().may_remove(caller, code) {
            return Err(Rejection::new(reason)
                .at(Place::Parameter("AgencyCode".into()))
                .detail(code));
        }
        let change =
            v1::directory_change_up::Change::Remove(v1::RemoveRequest { code: code.to_owned() });
        self.change_up(
            platform,
            v1::DirectoryChangeUp { change: Some(change), member: caller.id().to_string() },
        )
        .await
    }

    /// The operator locks or unlocks an agency; only where the axis runs.
    pub async fn lock(
        &self,
        platform: &Platform,
        code: &AgencyCode,
        locked: bool,
    ) -> Result<u64, Rejection> {
        if self.directory.load().lookup(code).is_none() {
            return Err(Rejection::new(Reason::AgencyUnknown).detail(code.wire()));
        }
        let fact =
            AgencyLocked { code: code.as_str().to_owned(), locked, at: self.now().0, version: 0 };
        self.journal_changes(platform, vec![Fact::AgencyLocked(fact)]).await
    }

    /// A change that a neighbour below sends up: its own agencies only.
    pub async fn change_from_below(
        &self,
        platform: &Platform,
        peer: &Peer,
        change: v1::DirectoryChangeUp,
    ) -> Result<u64, Rejection> {
        let code = match &change.change {
            Some(v1::directory_change_up::Change::Register(request)) => &request.code,
            Some(v1::directory_change_up::Change::Remove(request)) => &request.code,
            None => return Err(Reason::ParameterMissing.into()),
        };
        let code = AgencyCode::parse(code)
            .map_err(|_invalid| Rejection::new(Reason::CodeInvalid).detail(code.as_str()))?;
        let routes = self.routes.load();
        let home = routes.home_of(&code).map(|home| routes.next_hop_to_platform(platform.ix, home));
        if home != Some(Hop::Link(peer.ix)) {
            return Err(Rejection::new(Reason::AgencyNotBelowYours).detail(code.wire()));
        }
        drop(routes);
        self.change_up(platform, change).await
    }

    async fn change_up(
        &self,
        platform: &Platform,
        change: v1::DirectoryChangeUp,
    ) -> Result<u64, Rejection> {
        if let Some(parent) = self.routes.load().parent(platform.ix) {
            let link = LinkId { from: platform.ix, to: parent };
            let reply = self.ports.transport().directory_change(link, change).await;
            let reply = reply.map_err(|why| {
                Rejection::new(Reason::Unavailable).detail(why.to_string()).retry_after_ms(5_000)
            })?;
            if let Some(refusal) = reply.refusal {
                return Err(Rejection::new(
                    Reason::from_code(&refusal.code).unwrap_or(Reason::Internal),
                )
                .detail(refusal.detail));
            }
            // Here too before the caller is answered, so that a list right after shows it.
            self.follow_once(platform).await;
            return Ok(reply.version);
        }
        let at = self.now().0;
        let fact = match change.change {
            Some(v1::directory_change_up::Change::Register(request)) => {
                Fact::AgencyRegistered(Box::new(AgencyRegistered {
                    code: request.code,
                    name: request.name,
                    mail: request.mail,
                    mobile: request.mobile,
                    fax: request.fax,
                    member: change.member,
                    at,
                    version: 0,
                }))
            }
            Some(v1::directory_change_up::Change::Remove(request)) => {
                Fact::AgencyRemoved(AgencyRemoved {
                    code: request.code,
                    member: change.member,
                    at,
                    version: 0,
                })
            }
            None => return Err(Reason::ParameterMissing.into()),
        };
        self.journal_changes(platform, vec![fact]).await
    }

    async fn journal_changes(
        &self,
        platform: &Platform,
        facts: Vec<Fact>,
    ) -> Result<u64, Rejection> {
        let now = self.now();
        let entries: Vec<Entry> = facts
            .into_iter()
            .map(|fact| Entry {
                id: self.entry_id(),
                platform: platform.id,
                at: now,
                content: Content::Fact(fact),
            })
            .collect();
        let folded = self.append(entries).await?;
        self.await_folded(folded).await?;
        Ok(self.directory.load().version())
    }

    /// Follows the directory of the platform above, when that one runs in another process.
    pub async fn follow_directory(&self, platform: &Platform) {
        while self.is_open() {
            self.follow_once(platform).await;
            self.ports.clock().sleep_until(self.now().plus(FOLLOW_EVERY)).await;
        }
    }

    /// Brings the standing of agencies to today's date in Vietnam.
    pub fn follow_calendar(&self) {
        let today = calendar::date_of(self.now());
        let directory = self.directory.load();
        if directory.today() != today {
            self.swap_directory(directory.at(today));
        }
    }

    async fn follow_once(&self, platform: &Platform) {
        let Some(parent) = self.routes.load().parent(platform.ix) else { return };
        if self.platform(parent).is_some() {
            return;
        }
        let link = LinkId { from: platform.ix, to: parent };
        loop {
            let request = v1::ChangesRequest {
                since_version: self.directory.load().version(),
                limit: CHANGES_MAX,
                after: String::new(),
            };
            let Ok(list) = self.ports.transport().directory_changes(link, request).await else {
                return;
            };
            let facts: Vec<Fact> = list
                .agencies
                .iter()
                .filter(|a| a.version > 0)
                .map(|agency| change_of(agency, self.now().0))
                .collect();
            if facts.is_empty()
                || self.journal_changes(platform, facts).await.is_err()
                || !list.more
            {
                return;
            }
        }
    }

    /// What changed since a version, for a neighbour below.
    pub fn changes_since(&self, request: &v1::ChangesRequest) -> v1::AgencyList {
        let directory = self.directory.load();
        let limit = request.limit.clamp(1, CHANGES_MAX) as usize;
        let changes = directory.changes_since(request.since_version);
        let agencies: Vec<v1::Agency> =
            changes.iter().take(limit).filter_map(wire_change).collect();
        v1::AgencyList { more: changes.len() > limit, version: directory.version(), agencies }
    }
}

fn wire_change(change: &Fact) -> Option<v1::Agency> {
    Some(match change {
        Fact::AgencyRegistered(fact) => v1::Agency {
            code: fact.code.clone(),
            name_vi: fact.name.clone(),
            mail: fact.mail.clone(),
            mobile: fact.mobile.clone(),
            fax: fact.fax.clone(),
            kind: "registered".into(),
            version: fact.version,
            member: fact.member.clone(),
            ..v1::Agency::default()
        },
        Fact::AgencyRemoved(fact) => v1::Agency {
            code: fact.code.clone(),
            removed: true,
            kind: "removed".into(),
            version: fact.version,
            member: fact.member.clone(),
            ..v1::Agency::default()
        },
        Fact::AgencyLocked(fact) => v1::Agency {
            code: fact.code.clone(),
            locked: fact.locked,
            kind: "locked".into(),
            version: fact.version,
            ..v1::Agency::default()
        },
        Fact::Accepted(_)
        | Fact::HandedOn(_)
        | Fact::Attempted(_)
        | Fact::Confirmed(_)
        | Fact::Progressed(_)
        | Fact::Expired(_)
        | Fact::ServiceChanged(_) => return None,
    })
}

fn change_of(agency: &v1::Agency, at: u64) -> Fact {
    let code = agency.code.clone();
    match agency.kind.as_str() {
        "removed" => Fact::AgencyRemoved(AgencyRemoved {
            code,
            member: agency.member.clone(),
            at,
            version: agency.version,
        }),
        "locked" => Fact::AgencyLocked(AgencyLocked {
            code,
            locked: agency.locked,
            at,
            version: agency.version,
        }),
        _ => Fact::AgencyRegistered(Box::new(AgencyRegistered {
            code,
            name: agency.name_vi.clone(),
            mail: agency.mail.clone(),
            mobile: agency.mobile.clone(),
            fax: agency.fax.clone(),
            member: agency.member.clone(),
            at,
            version: agency.version,
        })),
    }
}
