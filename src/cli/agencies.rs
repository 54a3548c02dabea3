//! `lienthong agencies`: who can be addressed. Asks what runs; else the directory of a topology file.

use super::answer::{Answer, Exit, Failure};
use super::{Context, api, args, words};
use crate::domain::directory::{AgencyId, Standing};
use crate::topology::Topology;
use http::Method;
use serde_json::Value;

pub(super) async fn agencies(given: &args::Agencies, context: &Context) -> Result<Answer, Failure> {
    let search = given.search.as_deref().unwrap_or_default();
    let mut path = format!("/api/v1/agencies?limit={}", given.limit);
    if !search.is_empty() {
        path.push_str(&format!("&search={}", api::encoded(search)));
    }
    let (found, source) = match api::ask(Method::GET, &path, None, context).await {
        Ok(value) => {
            let found = value.get("agencies").and_then(Value::as_array).cloned();
            (found.unwrap_or_default(), "running".to_owned())
        }
        Err(failure) if failure.exit == Exit::Unreachable => match from_file(given, context) {
            Ok(found) => (found, given.config.clone()),
            Err(answer) => return Ok(answer),
        },
        Err(failure) => return Err(failure),
    };
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "source": source, "agencies": found,
        })));
    }
    if found.is_empty() {
        let vi = format!("không có cơ quan nào khớp với `{search}`");
        let en = format!("no agency fits `{search}`");
        return Ok(Answer::default().note(context.wording.pick(&vi, &en)));
    }
    let rows: Vec<_> = found.iter().map(|agency| row(agency, context)).collect();
    Ok(Answer::data(words::table(&rows)))
}

fn row(agency: &Value, context: &Context) -> Vec<String> {
    let text = |key: &str| agency.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wording = context.wording;
    let standing = match text("standing").as_str() {
        "locked" => wording.pick("đã khóa", "locked"),
        "not_yet" => wording.pick("chưa có hiệu lực", "not yet"),
        "dissolved" => wording.pick("đã giải thể", "dissolved"),
        _ => "",
    };
    let name = text(wording.pick("name_vi", "name_en"));
    let name = if name.is_empty() { text("name_vi") } else { name };
    let invented = agency.get("synthetic").and_then(Value::as_bool).unwrap_or_default();
    let invented = if invented { wording.pick(" [giả lập]", " [synthetic]") } else { "" };
    let successor = text("successor");
    let successor = if successor.is_empty() { successor } else { format!(" → {successor}") };
    vec![
        text("code"),
        text("code_qcvn"),
        text("platform"),
        format!("{name}{invented}"),
        format!("{standing}{successor}"),
    ]
}

fn from_file(given: &args::Agencies, context: &Context) -> Result<Vec<Value>, Answer> {
    let wording = context.wording;
    let topology = Topology::load(&given.config, context.given())
        .map_err(|_mistakes| super::check::check(&given.config, context.given(), wording))?;
    let directory = &topology.directory;
    let ids = match &given.search {
        Some(search) => directory.search(search, given.limit),
        None => directory.in_order().into_iter().take(given.limit).collect(),
    };
    Ok(ids.into_iter().map(|id| view(&topology, id)).collect())
}

/// As the operator's API shows an agency.
fn view(topology: &Topology, id: AgencyId) -> Value {
    let directory = &topology.directory;
    let agency = directory.agency(id);
    let (standing, successor) = match directory.standing_today(id) {
        Standing::Alive => ("alive", None),
        Standing::Locked => ("locked", None),
        Standing::NotYet => ("not_yet", None),
        Standing::Dissolved { into } => ("dissolved", into),
    };
    let home = topology.routes.home(id).and_then(|home| topology.platform(home));
    serde_json::json!({
        "code": agency.code.as_str(),
        "code_qcvn": agency.code.qcvn(),
        "name_vi": &*agency.name_vi,
        "name_en": &*agency.name_en,
        "kind": agency.kind.as_str(),
        "standing": standing,
        "successor": successor.map(|id| directory.agency(id).code.as_str().to_owned()),
        "parent": directory.parent(id).map(|id| directory.agency(id).code.as_str().to_owned()),
        "platform": home.map(|home| home.name.to_string()),
        "synthetic": agency.synthetic,
    })
}
