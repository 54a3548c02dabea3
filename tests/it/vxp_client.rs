//! The whole loop of a VXP client that was written from the description of the protocol alone.
//!
//! Set-up: two agencies at two LGSPs with the axis between them, each behind a security server. The client sends,
//! lists, fetches, confirms, answers with status messages and reads its outbox: once over the servers' plain
//! ports, once over mutual TLS.

use crate::vxp_wire::{COUNTRY, Way, address_of};
use crate::world::{bundle, start, topology};
use lienthong::gateway::Gateway;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_loop_works_through_security_servers() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    run_client(&gateway, Way::Plain, "").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_loop_works_over_mutual_tls() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    run_client(&gateway, Way::Mtls, "/XrdAdapter/adapter").await;
    gateway.stop().await;
}

async fn run_client(gateway: &Gateway, way: Way, prefix: &str) {
    let a = party(gateway, way, prefix, "h60");
    let b = party(gateway, way, prefix, "g12");
    let ca = bundle(gateway, "VN:GOV:000.00.00.H60:QLVB").ca;
    let config = json!({ "ca": ca, "a": a, "b": b, "number": 12 }).to_string();
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vxp/client.py");
    let run = move || std::process::Command::new("python3").arg(script).arg(config).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out.trim(), "done");
}

fn party(gateway: &Gateway, way: Way, prefix: &str, name: &str) -> Value {
    let agency = format!("000.00.00.{}", name.to_uppercase());
    let address = address_of(gateway, way, name);
    let mut party = json!({
        "host": address.ip().to_string(),
        "port": address.port(),
        "prefix": prefix,
        "systemid": format!("vxp.{name}"),
        "secret": format!("TEST-SECRET-{name}"),
        "agency": agency,
    });
    if way == Way::Mtls {
        let files = bundle(gateway, &format!("VN:GOV:{agency}:QLVB"));
        party["cert"] = json!(files.chain);
        party["key"] = json!(files.key);
    }
    party
}
