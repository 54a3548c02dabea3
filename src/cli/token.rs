//! `lienthong token`: a token for an application at the gateway of its platform (domain.md 4.1 a).

use super::Context;
use super::answer::{Answer, Exit, Failure};
use super::args::Token;
use super::exchange::{exchange, stranger, tls_port};
use super::run_file::{Ready, running};
use crate::topology::{Topology, environment};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::Value;

/// The environment variable that may hold the application's secret.
const SECRET: &str = "LIENTHONG_SECRET";

/// An application as it shows itself to a gateway.
struct Known {
    key: String,
    secret: Vec<u8>,
    platform: String,
}

pub(super) async fn token(given: &Token, context: &Context) -> Result<Answer, Failure> {
    let running = running(&context.data)?;
    let known = known(given, &running, context)?;
    let (ready, address) = tls_port(&running, &known.platform)?;
    let client = stranger(ready, &context.clock)?;
    let mut credentials = known.key.into_bytes();
    credentials.push(b':');
    credentials.extend_from_slice(&known.secret);
    let basic = base64_simd::STANDARD.encode_to_string(credentials);
    let request = Request::post("/token")
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(Bytes::from_static(b"grant_type=client_credentials")))
        .map_err(|error| {
            Failure::usage("khóa hoặc bí mật không dùng được", "key or secret cannot be used")
                .detail(error.to_string())
        })?;
    let response = Box::pin(exchange(&client, address, request, &context.clock)).await?;
    let told: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    if !response.status().is_success() {
        return Err(Failure::new(
            Exit::Refused,
            format!("cổng dịch vụ không cấp mã: {}", text("error_description")),
            format!("the gateway gives no token: {}", text("error_description")),
        )
        .detail(format!("{} {}", response.status().as_u16(), text("error"))));
    }
    if context.wording.json {
        return Ok(Answer::json(told));
    }
    let life = told.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
    let ca = ready.ca.display();
    let more = format!("curl --cacert {ca} -H \"Authorization: Bearer …\" https://{address}/…");
    let vi = format!("còn hiệu lực {life} giây; dùng: {more}");
    let en = format!("valid for {life} seconds; use it as: {more}");
    Ok(Answer::data(format!("{}\n", text("access_token"))).note(context.wording.pick(&vi, &en)))
}

/// What was given, and for the rest what the topology that runs says of the application.
fn known(given: &Token, running: &[Ready], context: &Context) -> Result<Known, Failure> {
    let topologies =
        running.iter().filter_map(|ready| Topology::load(&ready.config, context.given()).ok());
    let topology = topologies.into_iter().next();
    let applications = topology.iter().flat_map(|topology| &topology.applications);
    let entry = match &given.application {
        Some(key) => applications.clone().find(|one| one.key == *key || one.name == *key),
        None => applications.clone().next(),
    };
    let key = given.application.clone().filter(|_| entry.is_none());
    let Some(key) = key.or_else(|| entry.map(|one| one.key.clone())) else {
        return Err(Failure::usage(
            "cấu hình không có [[application]] nào: cần --application, --platform và bí mật",
            "the topology has no [[application]]: name --application, --platform and a secret",
        ));
    };
    let of_file = match &given.secret_file {
        Some(file) => Some(std::fs::read(file).map_err(|error| Failure::file(file, &error))?),
        None => environment::variable(SECRET).map(String::into_bytes),
    };
    let secret = of_file.or_else(|| entry.map(|one| one.secret.expose().to_vec()));
    let secret = secret.ok_or_else(|| {
        Failure::usage(
            format!("cần bí mật của `{key}`: --secret-file hoặc biến {SECRET}"),
            format!("the secret of `{key}` is needed: --secret-file, or the variable {SECRET}"),
        )
    })?;
    let home = || {
        let (topology, entry) = topology.as_ref().zip(entry)?;
        let member = topology.members.by_id(&entry.member)?;
        Some(topology.platform(member.member.platform)?.name.to_string())
    };
    let platform = given
        .platform
        .clone()
        .or_else(home)
        .ok_or_else(|| Failure::usage("cần --platform", "--platform is needed"))?;
    Ok(Known { key, secret: secret.trim_ascii_end().to_vec(), platform })
}
