//! `lienthong pki`: the certificates of a data folder. Running processes notice changes by themselves.

use super::answer::{Answer, Exit, Failure};
use super::{Context, args, words};
use crate::clock::{Clock, Timestamp};
use crate::domain::calendar;
use crate::pki::{Holder, MemberId, Pki, PkiError, Platform, PlatformName, Reason, Record};
use crate::pki::{Request, Serial, ServerAddress, Which};
use crate::topology::Topology;
use crate::topology::mistake::nearest;

pub(super) fn pki(given: &args::Pki, context: &Context) -> Result<Answer, Failure> {
    let pki = Pki::at(context.data.join("pki"));
    let now = context.clock.now();
    match given {
        args::Pki::Init { config } => init(&pki, config, context),
        args::Pki::Issue { holder } => {
            let member = MemberId::parse(holder).map_err(|error| no_holder(holder, &error))?;
            one(pki.issue(&Request::member(member, now), now), &pki, context)
        }
        args::Pki::Renew { holder } => {
            let who = Holder::parse(holder).map_err(|error| no_holder(holder, &error))?;
            let renewed = pki.renew(&who, now);
            one(renewed, &pki, context).map_err(|failure| unknown(failure, holder, &pki))
        }
        args::Pki::Revoke { which } => {
            let wanted = match Serial::parse(which) {
                Some(serial) => Which::Serial(serial),
                None => {
                    Which::Holder(Holder::parse(which).map_err(|error| no_holder(which, &error))?)
                }
            };
            let revoked = pki.revoke(&wanted, Reason::CessationOfOperation, now);
            one(revoked, &pki, context).map_err(|failure| unknown(failure, which, &pki))
        }
        args::Pki::List => {
            let records = pki.list().map_err(|error| failed(&error))?;
            Ok(listed(&records, context))
        }
    }
}

fn init(pki: &Pki, config: &str, context: &Context) -> Result<Answer, Failure> {
    let topology = match Topology::load(config, context.given()) {
        Ok(topology) => topology,
        Err(_mistakes) => {
            return Ok(super::check::check(config, context.given(), context.wording));
        }
    };
    let mut platforms = Vec::new();
    for platform in topology.platforms.iter().filter(|platform| platform.active) {
        let name =
            PlatformName::new(&platform.name).map_err(|error| no_holder(&platform.name, &error))?;
        let addresses = platform.address.parse().ok().map(ServerAddress::Ip);
        platforms.push(Platform { name, addresses: addresses.into_iter().collect() });
    }
    let members = topology.members.iter().filter_map(|member| MemberId::parse(&member.id).ok());
    let members: Vec<_> = members.collect();
    let report =
        pki.init(&platforms, &members, context.clock.now()).map_err(|error| failed(&error))?;
    let (issued, kept, dir) = (report.issued, report.kept, pki.dir().display());
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "dir": pki.dir(), "issued": issued, "kept": kept,
            "authorities_made": report.authorities_made,
        })));
    }
    let vi = format!("{dir}: cấp {issued} chứng thư, giữ {kept}\n");
    let en = format!("{dir}: {issued} certificates issued, {kept} kept\n");
    Ok(Answer::data(context.wording.pick(&vi, &en)))
}

fn one(record: Result<Record, PkiError>, pki: &Pki, context: &Context) -> Result<Answer, Failure> {
    let record = record.map_err(|error| failed(&error))?;
    if context.wording.json {
        let files = pki.bundle(&record.holder);
        let mut json = json(&record, context);
        if let Some(object) = json.as_object_mut() {
            object.insert("ok".into(), true.into());
            object.insert("cert".into(), files.chain.display().to_string().into());
            object.insert("key".into(), files.key.display().to_string().into());
        }
        return Ok(Answer::json(json));
    }
    Ok(Answer::data(words::table(&[row(&record, context)])))
}

fn listed(records: &[Record], context: &Context) -> Answer {
    if context.wording.json {
        let all: Vec<_> = records.iter().map(|record| json(record, context)).collect();
        return Answer::json(serde_json::json!({ "version": 1, "ok": true, "certificates": all }));
    }
    let heads = context.wording.pick(
        ["Số sê-ri", "Người giữ", "Hết hạn", "Tình trạng"],
        ["Serial", "Holder", "Ends", "State"],
    );
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| row(record, context)));
    Answer::data(words::table(&rows))
}

/// What a certificate is worth at a moment.
#[derive(Clone, Copy)]
enum State {
    Current,
    Superseded,
    Revoked,
    NotYetValid,
    Expired,
}

impl State {
    const fn of(record: &Record, now: Timestamp) -> Self {
        if record.revoked.is_some() {
            Self::Revoked
        } else if now.0 > record.not_after.0 {
            Self::Expired
        } else if now.0 < record.not_before.0 {
            Self::NotYetValid
        } else if record.current {
            Self::Current
        } else {
            Self::Superseded
        }
    }

    const fn vi(self) -> &'static str {
        match self {
            Self::Current => "đang dùng",
            Self::Superseded => "đã thay",
            Self::Revoked => "đã thu hồi",
            Self::NotYetValid => "chưa có hiệu lực",
            Self::Expired => "đã hết hạn",
        }
    }

    const fn en(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
        }
    }
}

fn row(record: &Record, context: &Context) -> Vec<String> {
    let state = State::of(record, context.clock.now());
    let state = context.wording.pick(state.vi(), state.en());
    vec![
        record.serial.to_string(),
        record.holder.to_string(),
        date(record.not_after),
        state.to_owned(),
    ]
}

fn json(record: &Record, context: &Context) -> serde_json::Value {
    serde_json::json!({
        "state": State::of(record, context.clock.now()).en(),
        "serial": record.serial.to_string(),
        "holder": record.holder.to_string(),
        "not_before": crate::story::moment(record.not_before),
        "not_after": crate::story::moment(record.not_after),
        "fingerprint": record.fingerprint.to_string(),
        "current": record.current,
        "revoked_at": record.revoked.map(|revoked| crate::story::moment(revoked.at)),
    })
}

fn date(at: Timestamp) -> String {
    calendar::date_of(at).to_string()
}

fn no_holder(given: &str, error: &crate::pki::NameError) -> Failure {
    Failure::usage(
        format!("`{given}` không phải là tên hệ thống hay nền tảng"),
        format!("`{given}` names no member and no platform"),
    )
    .detail(error.to_string())
    .help("ví dụ VN:GOV:000.00.06.H60:QLVB", "such as VN:GOV:000.00.06.H60:QLVB")
}

fn unknown(failure: Failure, given: &str, pki: &Pki) -> Failure {
    let known: Vec<String> =
        pki.list().unwrap_or_default().iter().map(|record| record.holder.to_string()).collect();
    let is_known = known.iter().any(|holder| holder == given);
    if is_known { failure } else { failure.meant(nearest(given, known.iter().map(|name| &**name))) }
}

fn failed(error: &PkiError) -> Failure {
    let detail = super::start::chain(error);
    match error {
        PkiError::Unknown => Failure::usage(
            "không có chứng thư nào như vậy được cấp ở đây",
            "no such certificate was issued here",
        ),
        PkiError::AlreadyRevoked => Failure::usage(
            "chứng thư này đã bị thu hồi từ trước",
            "this certificate was revoked before",
        ),
        PkiError::Io { .. }
        | PkiError::Index(_)
        | PkiError::IndexVersion(_)
        | PkiError::Make(_)
        | PkiError::Pem(_)
        | PkiError::Read(_)
        | PkiError::Moment(_) => Failure::new(
            Exit::Failed,
            "không làm được với thư mục chứng thư",
            "the folder of certificates cannot be used",
        )
        .detail(detail)
        .help("tạo chuỗi chứng thư: lienthong pki init", "make the chain: lienthong pki init"),
    }
}
