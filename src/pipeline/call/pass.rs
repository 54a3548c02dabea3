//! One call at one platform, from its door to its answer.

use super::gate::{Passage, Place};
use super::hop::{self, Sender};
use super::metered::{self, Ending, Meter};
use super::record::{
    CallRecord, SYSTEM_TYPE_CLIENT, SYSTEM_TYPE_PRODUCER, SYSTEM_TYPE_RELAY, XROAD_VERSION,
};
use super::{Answered, Asked, CallPlane, CallPlatform, CallPorts, Dialect, Origin};
use crate::clock::{Clock, Timestamp};
use crate::domain::member_id::MemberId;
use crate::domain::routing::{Hop, PlatformIx};
use crate::domain::service::{
    CallFault, Denial, Service, ServiceKind, ServicePath, ServiceState, Side, Trouble, Way,
};
use crate::egress::call::{Asker, CallBody, CallRoad};
use crate::evidence::Refused;
use http::{HeaderMap, Request, Uri};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A call under way, and what is noted of it. One that is dropped before it is answered leaves its evidence too.
struct Call<'a, C: Clock> {
    clock: &'a C,
    at: &'a CallPlatform,
    is_over: bool,
    client: MemberId,
    first: String,
    hops_left: u32,
    deadline: Timestamp,
    /// Boxed: it is large, and moves.
    record: Box<CallRecord>,
    meter: Arc<Mutex<Meter>>,
}

/// An answer not yet given.
struct Got {
    status: u16,
    headers: HeaderMap,
    body: CallBody,
    is_deprecated: bool,
    passage: Option<Passage>,
}

impl<P: CallPorts> CallPlane<P> {
    /// Contract: one answer or one fault, and the evidence of either queued before; an answer that streams
    /// ends with its evidence. Dropping the future abandons the call, and its evidence says so.
    pub async fn call(
        &self,
        at: &CallPlatform,
        asked: Asked,
        origin: Origin,
    ) -> Result<Answered, CallFault> {
        at.counters.made.fetch_add(1, Ordering::Relaxed);
        let now = self.now();
        let mut call = self.begin(at, &asked, origin, now);
        let passed = self.enter_and_pass(&mut call, asked, now).await;
        let given = match passed {
            Ok((got, place)) => self.give(call, got, place),
            Err(fault) => Err(self.give_up(call, fault)),
        };
        if let Err(fault) = &given {
            at.counters.failed.count(fault.trouble);
            tracing::debug!(platform = %at.name, %fault, "a call failed");
        }
        given
    }

    fn begin<'a>(
        &'a self,
        at: &'a CallPlatform,
        asked: &Asked,
        origin: Origin,
        now: Timestamp,
    ) -> Call<'a, P::Clock> {
        let mut record = Box::new(CallRecord {
            x_request_id: asked.request_id.clone(),
            message_id: asked.message_id.clone(),
            message_user_id: asked.user_id.clone(),
            message_issue: asked.issue.clone(),
            represented_party_class: asked.represented.as_ref().and_then(|it| it.class.clone()),
            represented_party_code: asked.represented.as_ref().map(|it| it.code.clone()),
            request_in_ts: now.ms(),
            rest_method: asked.method.to_string(),
            platform: at.name.to_string(),
            x_road_version: XROAD_VERSION,
            service_type: match asked.dialect {
                Dialect::Rest => "REST",
                Dialect::Soap => "WSDL",
            },
            ..CallRecord::default()
        });
        let (client, first, hops_left, left) = match origin {
            Origin::Member { id, tls } => {
                record.security_server_type = SYSTEM_TYPE_CLIENT;
                record.came_from = id.to_string();
                record.came_by_tls = tls.to_string();
                (id, at.name.to_string(), self.limits.hops_max, self.limits.timeout)
            }
            Origin::Platform(peer) => {
                record.security_server_type = SYSTEM_TYPE_RELAY;
                record.came_from = peer.name;
                record.came_by_tls = peer.tls.to_string();
                record.peer_chain = peer.chain;
                (peer.client, peer.first, peer.hops_left, peer.left.min(self.limits.timeout))
            }
        };
        client.instance().clone_into(&mut record.client_xroad_instance);
        client.class().clone_into(&mut record.client_member_class);
        client.code().clone_into(&mut record.client_member_code);
        client.system().clone_into(&mut record.client_subsystem_code);
        record.client_security_server_address.clone_from(&first);
        let deadline = now.plus(left);
        Call {
            clock: self.pipeline.ports().clock(),
            at,
            is_over: false,
            client,
            first,
            hops_left,
            deadline,
            record,
            meter: Arc::default(),
        }
    }

    async fn enter_and_pass(
        &self,
        call: &mut Call<'_, P::Clock>,
        asked: Asked,
        now: Timestamp,
    ) -> Result<(Got, Place), CallFault> {
        let is_ours = call.record.security_server_type == SYSTEM_TYPE_CLIENT;
        if call.at.door.conditions().maintenance && !is_ours {
            return Err(in_maintenance(&call.at.name));
        }
        let (place, begins_at) = call.at.door.enter(now)?;
        if begins_at > now {
            let late = || CallFault::new(Trouble::Throttled);
            let turn = self.pipeline.ports().clock().sleep_until(begins_at);
            let turn = self.pipeline.ports().clock().timeout_at(call.deadline, turn).await;
            turn.map_err(|_elapsed| late())?;
        }
        let service = self.find(&asked.service)?;
        call.note(&service, self.routes().platform_name(service.home));
        let path = ServicePath::parse(&asked.path)
            .map_err(|error| CallFault::new(Trouble::PathRefused).detail(error.to_string()))?;
        if asked.body.length().is_some_and(|length| length > self.bytes_max(&service)) {
            return Err(CallFault::new(Trouble::RequestTooLarge)
                .detail(format!("at most {} bytes", self.bytes_max(&service))));
        }
        let got = match self.next(call.at.ix, &service) {
            Hop::Here => self.provide(call, &service, &path, asked).await?,
            Hop::Link(next) => self.forward(call, next, asked).await?,
            Hop::NoRoute => {
                let home = self.routes().platform_name(service.home);
                return Err(CallFault::new(Trouble::NoRoute).detail(home));
            }
        };
        Ok((got, place))
    }

    fn find(&self, id: &str) -> Result<Arc<Service>, CallFault> {
        let services = self.services();
        if let Some(service) = services.by_id(id) {
            return Ok(Arc::clone(service));
        }
        let owner = id.rsplit_once('/').map_or(id, |(owner, _)| owner);
        let is_known = self.members.by_id(owner).is_some()
            || services.iter().any(|service| service.id.owner().to_string() == owner);
        let near = services.nearest(id, NEAREST_MAX);
        let near: Vec<String> = near.into_iter().map(|service| service.id.to_string()).collect();
        let trouble = if is_known { Trouble::ServiceUnknown } else { Trouble::ProviderUnknown };
        let mut detail = id.to_owned();
        if !near.is_empty() {
            detail.push_str(" ≈ ");
            detail.push_str(&near.join(", "));
        }
        Err(CallFault::new(trouble).detail(detail))
    }

    /// Straight to the provider's in the distributed half, up and down the tree in the central one.
    fn next(&self, here: PlatformIx, service: &Service) -> Hop {
        if service.home == here {
            return Hop::Here;
        }
        match service.way {
            Way::Distributed => Hop::Link(service.home),
            Way::Central => self.routes().next_hop_to_platform(here, service.home),
        }
    }

    fn bytes_max(&self, service: &Service) -> u64 {
        service.body_bytes_max.min(self.limits.body_bytes_max)
    }

    async fn forward(
        &self,
        call: &mut Call<'_, P::Clock>,
        next: PlatformIx,
        mut asked: Asked,
    ) -> Result<Got, CallFault> {
        let hops_left = call.hops_left.checked_sub(1).filter(|left| *left > 0);
        let hops_left = hops_left.ok_or_else(|| CallFault::from(Trouble::HopsExhausted))?;
        let name = self.routes().platform_name(next);
        name.clone_into(&mut call.record.went_to);
        let body = call.meter_request(std::mem::take(&mut asked.body), self.limits.body_bytes_max);
        let now = self.now();
        let sender = Sender {
            client: &call.client,
            first: &call.first,
            hops_left,
            left: call.deadline.since(now),
            chain: call.at.evidence.durable().of_peer(&call.at.name),
        };
        let request = hop::request(&mut asked, &sender, body)?;
        call.record.request_out_ts = now.ms();
        let road = self.pipeline.ports().road();
        // The one behind answers first when the time is up, and says where it was spent.
        let until = call.deadline.plus(HOP_GRACE);
        let forwarding = road.forward(call.at.ix, next, request);
        let forwarded = self.patiently(call, until, Trouble::LinkTimeout, forwarding).await;
        let forwarded = forwarded.map_err(|fault| call.blame(fault))?;
        call.record.response_in_ts = self.now().ms();
        call.record.went_by_tls = forwarded.tls.to_string();
        let (answered, chain) = hop::answered(forwarded.response, name);
        call.record.next_chain = chain;
        let answered = answered?;
        let is_deprecated = answered.is_deprecated;
        let Answered { status, headers, body, .. } = answered;
        let body = self
            .settle(body)
            .await
            .map_err(|cut| CallFault { trouble: Trouble::LinkCut, ..cut })?;
        Ok(Got { status, headers, body, is_deprecated, passage: None })
    }

    async fn provide(
        &self,
        call: &mut Call<'_, P::Clock>,
        service: &Arc<Service>,
        path: &ServicePath,
        asked: Asked,
    ) -> Result<Got, CallFault> {
        if call.record.security_server_type == SYSTEM_TYPE_RELAY {
            call.record.security_server_type = SYSTEM_TYPE_PRODUCER;
        }
        asked.path.clone_into(&mut call.record.rest_path);
        // wire/xroad.md 2.6: service, its type, rights, state; maintenance is known before.
        if call.at.door.conditions().maintenance {
            return Err(in_maintenance(&call.at.name));
        }
        if (service.kind == ServiceKind::Soap) != (asked.dialect == Dialect::Soap) {
            return Err(CallFault::new(Trouble::WrongKind).detail(asked.service));
        }
        let method = asked.method.as_str();
        let authorised = service.authorise(&call.client, method, path, self.services().groups());
        authorised.map_err(|denial| match denial {
            Denial::NoRight => CallFault::new(Trouble::AccessDenied).detail(asked.service.clone()),
            Denial::Disabled => {
                CallFault::new(Trouble::ServiceDisabled).detail(asked.service.clone())
            }
        })?;
        let gate = self.gates.of(&asked.service);
        let passage = gate.enter(service, self.now())?;
        (call.record.target, _) = service.target.words();
        let body = call.meter_request(asked.body, self.bytes_max(service));
        let target: Uri = below(&asked.path, asked.query.as_deref())?;
        let mut request = Request::new(body);
        *request.method_mut() = asked.method;
        *request.uri_mut() = target;
        *request.headers_mut() = asked.headers;
        let asker = Asker {
            client: call.client.to_string(),
            request_id: asked.request_id,
            message_id: asked.message_id,
        };
        let now = self.now();
        call.record.request_out_ts = now.ms();
        let own = now.plus(Duration::from_millis(u64::from(service.timeout_ms)));
        let road = self.pipeline.ports().road();
        let until = own.min(call.deadline);
        let providing = road.provide(call.at.ix, service, &asker, request);
        let answered = self.patiently(call, until, Trouble::SystemTimeout, providing).await;
        let noted = answered.as_ref().err().map(|fault| call.blame(fault.clone()).trouble);
        gate.note(noted, &self.limits, self.now());
        let (parts, body) = answered.map_err(|fault| call.blame(fault))?.into_parts();
        call.record.response_in_ts = self.now().ms();
        let body = self.settle(body).await.inspect_err(|fault| {
            gate.note(Some(fault.trouble), &self.limits, self.now());
        })?;
        Ok(Got {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            is_deprecated: service.state == ServiceState::Deprecated,
            passage: Some(passage),
        })
    }

    /// Waits for the head of an answer. While the request's body is still moving, its time does not run: a
    /// large one may take longer than any answer.
    async fn patiently<T: Send>(
        &self,
        call: &Call<'_, P::Clock>,
        until: Timestamp,
        late: Trouble,
        work: impl Future<Output = Result<T, CallFault>> + Send,
    ) -> Result<T, CallFault> {
        let clock = self.pipeline.ports().clock();
        let mut work = std::pin::pin!(work);
        let (mut until, patience) = (until, until.since(self.now()));
        let mut moved = call.meter.lock().bytes();
        loop {
            if let Ok(done) = clock.timeout_at(until, work.as_mut()).await {
                return done;
            }
            let now_moved = call.meter.lock().bytes();
            if now_moved == moved {
                return Err(CallFault::new(late));
            }
            moved = now_moved;
            until = self.now().plus(patience);
        }
    }

    async fn settle(&self, body: CallBody) -> Result<CallBody, CallFault> {
        let settled = body.settled(self.limits.buffer_bytes_max).await;
        settled.map_err(|cut| CallFault::new(Trouble::SystemCut).detail(cut.0))
    }

    fn give(
        &self,
        mut call: Call<'_, P::Clock>,
        got: Got,
        place: Place,
    ) -> Result<Answered, CallFault> {
        call.record.status_code = got.status;
        call.is_over = true;
        let ending = Ending {
            pipeline: Arc::clone(&self.pipeline),
            evidence: call.at.evidence.clone(),
            record: std::mem::take(&mut call.record),
            asked: Arc::clone(&call.meter),
            bytes_max: self.limits.body_bytes_max,
            cut: if got.passage.is_some() { Trouble::SystemCut } else { Trouble::LinkCut },
            _places: (place, got.passage),
        };
        let body = metered::answer(got.body, ending)?;
        Ok(Answered {
            status: got.status,
            headers: got.headers,
            body,
            is_deprecated: got.is_deprecated,
        })
    }

    fn give_up(&self, mut call: Call<'_, P::Clock>, fault: CallFault) -> CallFault {
        let fault = fault.at(&call.at.name);
        match call.end(&fault) {
            Ok(()) => fault,
            Err(refused) => CallFault::new(Trouble::EvidenceFailed)
                .at(&call.at.name)
                .detail(refused.to_string()),
        }
    }
}

impl<C: Clock> Call<'_, C> {
    /// Queues the evidence of a call that came to nothing.
    fn end(&mut self, fault: &CallFault) -> Result<(), Refused> {
        self.is_over = true;
        let now = self.clock.now();
        self.record.fail(fault);
        self.record.response_out_ts = now.ms();
        let mut meter = self.meter.lock();
        self.record.request_size = meter.bytes();
        self.record.request_sha256 = meter.sha256();
        drop(meter);
        self.at.evidence.queue(&self.record, now).map(drop)
    }

    fn note(&mut self, service: &Service, home: &str) {
        let owner = service.id.owner();
        let record = &mut self.record;
        home.clone_into(&mut record.service_security_server_address);
        owner.instance().clone_into(&mut record.service_xroad_instance);
        owner.class().clone_into(&mut record.service_member_class);
        owner.code().clone_into(&mut record.service_member_code);
        owner.system().clone_into(&mut record.service_subsystem_code);
        service.id.code().clone_into(&mut record.service_code);
        record.way = service.way.as_str();
    }

    fn meter_request(&mut self, body: CallBody, bytes_max: u64) -> CallBody {
        let (body, meter) = metered::request(body, bytes_max);
        self.meter = meter;
        body
    }

    /// A request that broke off fails everybody behind it; that is not their fault.
    fn blame(&self, fault: CallFault) -> CallFault {
        match self.meter.lock().fault() {
            Some(own) if fault.trouble.side() != Side::Provider => {
                CallFault { trouble: own, ..fault }
            }
            _ => fault,
        }
    }
}

impl<C: Clock> Drop for Call<'_, C> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let fault = CallFault::new(Trouble::RequestCut).at(&self.at.name);
        if let Err(refused) = self.end(&fault.detail("the caller went away")) {
            tracing::error!(%refused, "the evidence of a call that was given up cannot be kept");
        }
    }
}

fn in_maintenance(platform: &str) -> CallFault {
    let why = format!("Security server {platform} is in maintenance mode");
    CallFault::new(Trouble::PlatformMaintenance).detail(why)
}

/// Path and query below a service, as a URI.
fn below(path: &str, query: Option<&str>) -> Result<Uri, CallFault> {
    let path = if path.is_empty() { "/" } else { path };
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    target
        .parse()
        .map_err(|_unreadable| CallFault::new(Trouble::RequestMalformed).detail(target.clone()))
}

const NEAREST_MAX: usize = 3;
const HOP_GRACE: Duration = Duration::from_millis(250);
