//! The operator's API of whatever runs on a data folder: JSON over loopback.

use super::Context;
use super::across::{self, Answers};
use super::answer::{Exit, Failure};
use super::run_file::running;
use crate::clock::Clock;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks every process for what one of them does: the first that did it. When none does, the most telling refusal.
pub(super) async fn ask(
    method: Method,
    path: &str,
    body: Option<&Value>,
    context: &Context,
) -> Result<Value, Failure> {
    across::first(ask_each(method, path, body, context).await?)
}

/// Asks every process that runs on the data folder.
pub(super) async fn ask_all(
    method: Method,
    path: &str,
    body: Option<&Value>,
    context: &Context,
) -> Result<Vec<Result<Value, Failure>>, Failure> {
    let answers = ask_each(method, path, body, context).await?;
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// The same, with who it was.
pub(super) async fn ask_each(
    method: Method,
    path: &str,
    body: Option<&Value>,
    context: &Context,
) -> Result<Answers, Failure> {
    let mut answers = Answers::new();
    for ready in running(&context.data)? {
        let deadline = context.clock.now().plus(TIMEOUT);
        let asked = call(&ready.operator, method.clone(), path, body);
        let answer = match context.clock.timeout_at(deadline, Box::pin(asked)).await {
            Ok(answer) => answer.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(late) => Err(unreachable(&ready.operator, &late.to_string())),
        };
        answers.push((ready, answer));
    }
    Ok(answers)
}

/// Tells every process what holds for all of them, such as a simulated system, which each process has. It is done
/// when all did it; `unless` is the code of a refusal that does not count where another did it.
pub(super) async fn tell_all(
    method: Method,
    path: &str,
    body: Option<&Value>,
    (unless, context): (&str, &Context),
) -> Result<Value, Failure> {
    let (mut done, mut failures) = (None, Vec::new());
    for answer in ask_all(method, path, body, context).await? {
        match answer {
            Ok(value) => done = done.or(Some(value)),
            Err(failure) => failures.push(failure),
        }
    }
    if done.is_some() {
        failures.retain(|failure| *failure.code != *unless);
    }
    match done {
        Some(done) if failures.is_empty() => Ok(done),
        Some(_) | None => Err(across::failure(failures)),
    }
}

/// What every process that runs on the data folder answers, as it is.
pub(super) async fn ask_bytes_all(
    path: &str,
    context: &Context,
) -> Result<Vec<Result<bytes::Bytes, Failure>>, Failure> {
    let mut answers = Vec::new();
    for ready in running(&context.data)? {
        let deadline = context.clock.now().plus(TIMEOUT);
        let asked = Box::pin(call(&ready.operator, Method::GET, path, None));
        let answer = context.clock.timeout_at(deadline, asked).await;
        answers.push(
            answer.unwrap_or_else(|late| Err(unreachable(&ready.operator, &late.to_string()))),
        );
    }
    Ok(answers)
}

/// What the first process that has it answers, as it is; who runs the platform `home` is asked before others.
pub(super) async fn ask_text(path: &str, home: &str, context: &Context) -> Result<String, Failure> {
    let mut first = None;
    let mut running = running(&context.data)?;
    running.sort_by_key(|ready| ready.platform(home).is_none());
    for ready in running {
        let deadline = context.clock.now().plus(TIMEOUT);
        let asked = Box::pin(call(&ready.operator, Method::GET, path, None));
        match context.clock.timeout_at(deadline, asked).await {
            Ok(Ok(bytes)) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(Err(failure)) => first = first.or(Some(failure)),
            Err(late) => first = Some(unreachable(&ready.operator, &late.to_string())),
        }
    }
    Err(first
        .unwrap_or_else(|| Failure::new(Exit::Unreachable, "không ai trả lời", "nobody answered")))
}

async fn call(
    base: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<bytes::Bytes, Failure> {
    let address = base.strip_prefix("http://").unwrap_or(base).to_owned();
    let failed = |why: &dyn std::error::Error| unreachable(base, &super::start::chain(why));
    let stream = TcpStream::connect(&address).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failed(&e))?;
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", &address)
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .body(Full::<bytes::Bytes>::from(text))
        .map_err(|error| failed(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>((status, bytes))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    let (status, bytes) = tokio::select! {
        biased;
        done = &mut exchange => done.map_err(|error| failed(&error))?,
        // The connection may end first and the answer be there all the same.
        _ = &mut connection => exchange.await.map_err(|error| failed(&error))?,
    };
    if status.is_success() {
        return Ok(bytes);
    }
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Err(refused(status, &value))
}

fn unreachable(base: &str, why: &str) -> Failure {
    let failure = Failure::new(
        Exit::Unreachable,
        "không tới được giao diện vận hành",
        "the operator's API cannot be reached",
    )
    .detail(why);
    Failure { at: base.into(), ..failure }
}

fn refused(status: StatusCode, value: &Value) -> Failure {
    let error = value.get("error").unwrap_or(value);
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let exit = if status.is_server_error() { Exit::Failed } else { Exit::Refused };
    let failure = if text("code").is_empty() {
        Failure::new(
            exit,
            format!("giao diện vận hành trả lời {status}"),
            format!("the operator's API answered {status}"),
        )
    } else {
        Failure::new(exit, text("vi"), text("en")).code(text("code")).detail(text("detail"))
    };
    let near = error.get("nearest").and_then(Value::as_array).and_then(|all| all.first());
    let failure = failure.meant(near.and_then(Value::as_str));
    Failure { at: text("at").into(), correlation_id: text("correlation_id").into(), ..failure }
}

/// A word as part of a path or query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
