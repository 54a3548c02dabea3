//! `lienthong up`: starts a topology and nothing else. No traffic is invented.

use super::answer::{Answer, Failure};
use super::start::{Ending, Running, start};
use super::{Context, args, random, say};
use crate::clock::{Clock, Timestamp};
use crate::topology::PlatformKind;

pub(super) async fn up(given: &args::Up, context: &Context) -> Result<Answer, Failure> {
    let began = context.clock.now();
    let mut running = match start(&given.start, random(), context).await {
        Ok(running) => running,
        Err(Ending::Answer(answer)) => return Ok(answer),
        Err(Ending::Failure(failure)) => return Err(failure),
    };
    announce(&running, began, context);
    running.wait(context).await;
    let exit = running.drain(context).await;
    Ok(Answer { exit_code: exit as u8, ..Answer::default() })
}

/// The line for programs, or the banner for people.
pub(super) fn announce(running: &Running, began: Timestamp, context: &Context) {
    if context.wording.json {
        let line = serde_json::to_string(&running.ready).unwrap_or_default();
        say::data(&format!("{line}\n"));
    } else if !context.is_quiet {
        say::data(&banner(running, began, context));
    }
}

/// At most eight lines.
fn banner(running: &Running, began: Timestamp, context: &Context) -> String {
    let (gateway, ready, wording) = (&running.gateway, &running.ready, context.wording);
    let topology = &gateway.topology;
    let of_kind = |kind: &str| ready.platforms.iter().filter(|p| p.kind == kind).count();
    let mtls: Vec<u16> =
        ready.platforms.iter().filter_map(|p| p.mtls).map(|address| address.port()).collect();
    let ports = match (mtls.iter().min(), mtls.iter().max()) {
        (Some(first), Some(last)) => format!("127.0.0.1:{first} … {last}"),
        _ => "-".to_owned(),
    };
    // Where a real SDK of the document axis connects in plain HTTP.
    let mut local = ready.platforms.iter().filter_map(|p| p.local).map(|address| address.port());
    let vxp = match (local.next(), local.next_back()) {
        (Some(first), Some(last)) => format!(" · VXP http://127.0.0.1:{first} … {last}"),
        (Some(only), None) => format!(" · VXP http://127.0.0.1:{only}"),
        (None, _) => String::new(),
    };
    let seconds = format!("{:.1}", gateway.clock.now().since(began).as_secs_f64());
    let (lgsp, axis, ss) = (
        of_kind(PlatformKind::Lgsp.as_str()),
        of_kind(PlatformKind::Axis.as_str()),
        of_kind(PlatformKind::Ss.as_str()),
    );
    let (agencies, members) = (topology.directory.len(), ready.members.len());
    let (version, operator) = (env!("CARGO_PKG_VERSION"), &ready.operator);
    let (data, name) = (ready.data.display(), &topology.name);
    let public = ready.public.as_deref().unwrap_or("–");
    match wording.lang {
        crate::topology::Lang::Vi => format!(
            "lienthong {version} — mô phỏng trục liên thông văn bản và LGSP (SANDBOX)\n\
             \x20 Cấu hình     {name}: {axis} trục · {lgsp} LGSP · {ss} máy chủ bảo mật · {members} hệ thống · {agencies} cơ quan\n\
             \x20 gRPC mTLS    {ports}{vxp}\n\
             \x20 Vận hành     {operator}/api/v1\n\
             \x20 Công khai    {public}\n\
             \x20 Dữ liệu      {data} (nhật ký bền, fdatasync theo lô)\n\
             \x20 Chứng thư    {data}/pki (CA tự cấp, chỉ dùng thử)\n\
             Sẵn sàng sau {} s. Thử: lienthong agencies · lienthong inbox --help\n\
             Ctrl-C để dừng.\n",
            seconds.replace('.', ",")
        ),
        crate::topology::Lang::En => format!(
            "lienthong {version} — Vietnam's document exchange on a laptop (SANDBOX)\n\
             \x20 Topology     {name}: {axis} axis · {lgsp} LGSPs · {ss} security servers · {members} members · {agencies} agencies\n\
             \x20 gRPC mTLS    {ports}{vxp}\n\
             \x20 Operator     {operator}/api/v1\n\
             \x20 Public door  {public}\n\
             \x20 Data         {data} (durable journal, fdatasync per batch)\n\
             \x20 Certificates {data}/pki (its own CA, for trials only)\n\
             Ready after {seconds} s. Try: lienthong agencies · lienthong inbox --help\n\
             Ctrl-C to stop.\n"
        ),
    }
}
