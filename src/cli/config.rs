//! `lienthong config`: what is in force, and what the limits may be.

use super::answer::{Answer, Failure};
use super::{Context, args, words};
use crate::topology::{Limits, SettingInfo, Topology};

pub(super) fn config(given: &args::Config, context: &Context) -> Result<Answer, Failure> {
    match given {
        args::Config::Show { file } => Ok(show(file, context)),
        args::Config::Schema => Ok(schema(context)),
    }
}

/// Every key with its value, in the words of the file.
fn show(file: &str, context: &Context) -> Answer {
    let topology = match Topology::load(file, context.given()) {
        Ok(topology) => topology,
        Err(_mistakes) => return super::check::check(file, context.given(), context.wording),
    };
    let limits = limits(&topology.limits);
    let (documents, tls, xroad) = (&topology.documents, topology.tls, topology.xroad);
    let observed = topology.ndop.as_ref();
    let lower = |value: &dyn std::fmt::Debug| snake(&format!("{value:?}"));
    let mut settings = vec![
        ("topology.name", topology.name.to_string()),
        ("topology.instance", topology.instance.to_string()),
        ("ports.base", topology.port_base.to_string()),
        ("ports.operator", topology.operator_port.to_string()),
        ("ports.public", topology.public_port.map(|port| port.to_string()).unwrap_or_default()),
        ("ndop.service", observed.map(|ndop| ndop.service.to_string()).unwrap_or_default()),
        ("ndop.every_ms", observed.map(|ndop| ndop.every_ms.to_string()).unwrap_or_default()),
        ("ndop.batch_max", observed.map(|ndop| ndop.batch_max.to_string()).unwrap_or_default()),
        ("directory.on", topology.on.map(|day| day.to_string()).unwrap_or_default()),
        ("documents.reading", lower(&documents.reading)),
        ("documents.status_order", lower(&documents.status_order)),
        ("documents.signature", lower(&documents.signature)),
        ("documents.locked_receiver", lower(&documents.locked_receiver)),
        ("tls.versions", if tls.accepts_tls12 { "1.3, 1.2" } else { "1.3" }.to_owned()),
        ("tls.post_quantum", tls.post_quantum.to_string()),
        ("tls.crl_expired", lower(&tls.crl_expired)),
        ("xroad.error_style", if xroad.legacy_errors { "legacy" } else { "7.8" }.to_owned()),
        (
            "xroad.conformance",
            if xroad.strict_spec { "strict-spec" } else { "as-implemented" }.to_owned(),
        ),
    ];
    settings.retain(|(_, value)| !value.is_empty());
    if context.wording.json {
        let settings: serde_json::Map<_, _> =
            settings.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let limits: serde_json::Map<_, _> = limits.into_iter().collect();
        let platforms: Vec<_> = topology.platforms.iter().map(platform).collect();
        return Answer::json(serde_json::json!({
            "version": 1, "ok": true, "file": file, "settings": settings, "limits": limits,
            "platforms": platforms,
        }));
    }
    let mut rows: Vec<Vec<String>> =
        settings.into_iter().map(|(key, value)| vec![key.to_owned(), value]).collect();
    rows.extend(
        limits.into_iter().map(|(key, value)| vec![format!("limits.{key}"), value.to_string()]),
    );
    for platform in &topology.platforms {
        let ports: Vec<_> = platform.listeners.iter().map(|l| l.port.to_string()).collect();
        let key = format!("platform.{}", platform.name);
        rows.push(vec![
            key,
            format!("{} {}:{}", platform.kind.as_str(), platform.address, ports.join(",")),
        ]);
    }
    Answer::data(words::table(&rows))
}

fn platform(platform: &crate::topology::Platform) -> serde_json::Value {
    serde_json::json!({
        "name": &*platform.name, "kind": platform.kind.as_str(), "active": platform.active,
        "name_vi": &*platform.name_vi, "name_en": &*platform.name_en,
        "address": &*platform.address,
        "ports": platform.listeners.iter().map(|l| l.port).collect::<Vec<_>>(),
        "agencies": platform.roots.iter().map(|code| code.as_str().to_owned()).collect::<Vec<_>>(),
        "conditions": platform.conditions, "link": platform.link,
    })
}

/// The limits by name. They are read from how they print, so that none can be forgotten.
fn limits(limits: &Limits) -> Vec<(String, serde_json::Value)> {
    let printed = format!("{limits:#?}");
    let lines =
        printed.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
    lines
        .filter_map(|(key, value)| Some((key.to_owned(), serde_json::from_str(value).ok()?)))
        .collect()
}

fn schema(context: &Context) -> Answer {
    if context.wording.json {
        let limits = Limits::ALL.iter().map(|limit| {
            serde_json::json!({
                "key": format!("limits.{}", limit.key), "type": "integer",
                "default": limit.default, "minimum": limit.min, "maximum": limit.max,
                "why": limit.why.trim(),
            })
        });
        let settings = SettingInfo::ALL.into_iter().map(|setting| {
            serde_json::json!({
                "key": setting.key, "type": "setting", "default": setting.default,
                "values": setting.values, "why": setting.why,
            })
        });
        let limits: Vec<_> = limits.chain(settings).collect();
        return Answer::json(serde_json::json!({ "version": 1, "ok": true, "keys": limits }));
    }
    let limits = Limits::ALL.iter().map(|limit| {
        vec![
            format!("limits.{}", limit.key),
            limit.default.to_string(),
            format!("{}…{}", limit.min, limit.max),
            limit.why.trim().to_owned(),
        ]
    });
    let settings = SettingInfo::ALL.into_iter().map(|setting| {
        [setting.key, setting.default, setting.values, setting.why].map(str::to_owned).to_vec()
    });
    let rows: Vec<Vec<String>> = limits.chain(settings).collect();
    Answer::data(words::table(&rows))
}

/// `RefuseItself` is `refuse_itself` in a file.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
