//! `lienthong load`: the generator of `load-tests/` against a process of its own, or against one that runs.
//!
//! What is measured runs in another process than the generator, so that each one's CPU can be told.

use super::answer::{Answer, Exit, Failure};
use super::run_file::{self, MemberEntry, Ready};
use super::{Context, args, say};
use crate::domain::agency::AgencyCode;
use lienthong_load::scenario::{Scenario, Verdict};
use lienthong_load::{LoadError, Plan, Report, TlsPaths};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(super) async fn load(given: &args::Load, context: &Context) -> Result<Answer, Failure> {
    let scenario = scenario(given.scenario.as_deref())?;
    let measured = if given.running {
        Measured { ready: only_one(run_file::running(&context.data)?)?, child: None }
    } else {
        let (config, data) = (given.config.clone(), context.data.clone());
        let started = tokio::task::spawn_blocking(move || Measured::start(&config, &data)).await;
        started.map_err(|error| failed(error.to_string()))??
    };
    let ground = ground(&measured.ready, given)?;
    let plans = scenario.plans(&ground).map_err(|error| bad_scenario(&error))?;
    let mut steps = Vec::new();
    for (plan, step) in plans.iter().zip(&scenario.steps) {
        if !plan.name.contains(&given.step) {
            continue;
        }
        context.tell(format!("đang đo: {}", plan.name), format!("measuring: {}", plan.name));
        let report = lienthong_load::run(plan).await.map_err(|error| not_run(&error))?;
        let verdicts = step.thresholds.judge(&report);
        if !context.wording.json {
            say::data(&text(&report, &verdicts));
        }
        steps.push((report, verdicts));
    }
    if steps.is_empty() {
        let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        return Err(Failure::usage(
            format!("không bước nào có tên chứa `{}`", given.step),
            format!("no step's name holds `{}`", given.step),
        )
        .detail(names.join(" · ")));
    }
    let holds = steps.iter().all(|(_, verdicts)| verdicts.iter().all(|verdict| verdict.holds));
    let exit_code = if holds { Exit::Ok } else { Exit::Failed } as u8;
    let answer =
        if context.wording.json { json(&scenario, &steps, holds) } else { Answer::default() };
    Ok(Answer { exit_code, ..answer })
}

/// The process that is measured.
#[derive(Debug)]
struct Measured {
    ready: Ready,
    /// Its data goes with it.
    child: Option<(Child, PathBuf)>,
}

impl Measured {
    /// Starts one on an empty folder below `data`: on its disk, since a durable receipt costs what that disk costs.
    fn start(config: &str, data: &Path) -> Result<Self, Failure> {
        let binary = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let folder = data.join(format!("load-{}", std::process::id()));
        let mut child = Command::new(binary)
            .args(["-o", "json", "up", "--port-base", "0", "--config", config, "--data"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let measured = |ready| Self { ready, child: Some((child, folder)) };
        match (read, serde_json::from_str::<Ready>(&line)) {
            (Some(Ok(_)), Ok(ready)) => Ok(measured(ready)),
            (Some(Ok(_)) | None, _) => {
                drop(measured(Ready::default()));
                Err(failed("it ended before it was ready".to_owned()))
            }
            (Some(Err(error)), _) => Err(failed(error.to_string())),
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Some((mut child, folder)) = self.child.take() else { return };
        // Whatever is left of it is of no use: nothing is drained.
        child.kill().and_then(|()| child.wait()).ok();
        std::fs::remove_dir_all(folder).ok();
    }
}

fn only_one(mut running: Vec<Ready>) -> Result<Ready, Failure> {
    match (running.pop(), running.is_empty()) {
        (Some(ready), true) => Ok(ready),
        _ => Err(Failure::usage(
            "cấu hình chạy trong nhiều tiến trình: chưa biết đo tiến trình nào",
            "the topology runs in several processes: which one is to be measured is not known",
        )),
    }
}

fn scenario(path: Option<&Path>) -> Result<Scenario, Failure> {
    let read = match path {
        None => Scenario::canonical(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            Scenario::parse(&text)
        }
    };
    read.map_err(|error| {
        let failure = bad_scenario(&error);
        let at = path.map(|path| path.display().to_string()).unwrap_or_default();
        Failure { at: at.into(), ..failure }
    })
}

/// Who sends to whom, over which addresses.
fn ground(ready: &Ready, given: &args::Load) -> Result<Plan, Failure> {
    let sender = member_for(ready, given.from.as_deref(), None)?;
    let receiver = member_for(ready, given.to.first().map(String::as_str), Some(&sender.id))?;
    let address = |member: &MemberEntry| {
        let platform = ready.platform(&member.platform).and_then(|platform| platform.mtls);
        platform.map(|address| address.to_string()).ok_or_else(|| no_member(&member.id))
    };
    let tls = |member: &MemberEntry| TlsPaths {
        ca: ready.ca.clone(),
        cert: member.cert.clone(),
        key: member.key.clone(),
    };
    let first = |member: &MemberEntry| member.agencies.first().cloned().unwrap_or_default();
    let receivers = if given.to.is_empty() { receiver.agencies.clone() } else { given.to.clone() };
    Ok(Plan {
        receiver_addresses: vec![address(receiver)?],
        sender: given.from.clone().unwrap_or_else(|| first(sender)),
        receivers,
        server_pid: Some(ready.pid),
        ..Plan::canonical(address(sender)?, tls(sender), tls(receiver))
    })
}

/// The member that speaks for an agency, or the first one; virtual agencies would take what is measured.
fn member_for<'r>(
    ready: &'r Ready,
    agency: Option<&str>,
    not: Option<&str>,
) -> Result<&'r MemberEntry, Failure> {
    let mut members = ready.members.iter().filter(|member| member.kind == "external");
    let Some(agency) = agency else {
        return members.find(|member| Some(&*member.id) != not).ok_or_else(|| no_member("*"));
    };
    let code = AgencyCode::parse(agency).map_err(|error| {
        Failure::usage(
            format!("`{agency}` không phải là mã cơ quan"),
            format!("`{agency}` is not an agency code"),
        )
        .detail(error.to_string())
    })?;
    let speaks = |own: &String| AgencyCode::parse(own).is_ok_and(|own| code.is_at_or_below(&own));
    members.find(|member| member.agencies.iter().any(speaks)).ok_or_else(|| no_member(agency))
}

fn no_member(agency: &str) -> Failure {
    Failure::usage(
        format!("không hệ thống `external` nào nói thay `{agency}`"),
        format!("no `external` member speaks for `{agency}`"),
    )
    .help(
        "thêm bằng `up --member`, hoặc chọn --from và --to khác",
        "add one with `up --member`, or choose another --from and --to",
    )
}

fn text(report: &Report, verdicts: &[Verdict]) -> String {
    let mut text = report.text();
    for verdict in verdicts {
        let mark = if verdict.holds { "ok " } else { "FAIL" };
        text.push_str(&format!("  {mark}        {} ({:.1})\n", verdict.rule, verdict.value));
    }
    text.push('\n');
    text
}

fn json(scenario: &Scenario, steps: &[(Report, Vec<Verdict>)], holds: bool) -> Answer {
    let step = |(report, verdicts): &(Report, Vec<Verdict>)| {
        let mut step = serde_json::to_value(report).unwrap_or_default();
        let judged = verdicts.iter().map(|verdict| {
            serde_json::json!({
                "rule": verdict.rule, "value": verdict.value, "holds": verdict.holds,
            })
        });
        if let Some(object) = step.as_object_mut() {
            object.insert("thresholds".to_owned(), judged.collect());
        }
        step
    };
    let steps: Vec<_> = steps.iter().map(step).collect();
    Answer::json(serde_json::json!({ "scenario": scenario.name, "ok": holds, "steps": steps }))
}

fn bad_scenario(error: &dyn std::error::Error) -> Failure {
    Failure::usage("kịch bản không đọc được", "the scenario cannot be read")
        .detail(super::start::chain(error))
}

fn failed(why: String) -> Failure {
    Failure::new(
        Exit::Failed,
        "không khởi động được tiến trình để đo",
        "the process to be measured did not start",
    )
    .detail(why)
}

fn not_run(error: &LoadError) -> Failure {
    Failure::new(Exit::Failed, "không đo được", "the measurement did not come about")
        .detail(super::start::chain(error))
}
