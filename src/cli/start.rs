//! Starting and stopping a process of platforms: what `up` and `demo` share.

use super::answer::{Answer, Exit, Failure};
use super::args;
use super::run_file::{Ready, RunFile};
use super::signals::{Asked, Signals};
use super::{Context, say};
use crate::clock::Clock;
use crate::gateway::{Gateway, Options, StartError};
use crate::journal::{OpenError, Recovery};
use crate::topology::mistake::nearest;
use crate::topology::{SandboxCredential, SandboxError, Topology};
use std::sync::Arc;
use std::time::Duration;

/// A process that is ready.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) gateway: Gateway,
    pub(super) ready: Ready,
    /// Removed when this is dropped.
    _run_file: RunFile,
    pub(super) signals: Signals,
}

/// Reads the topology with what the command line adds to it. Mistakes in the file are an answer of their own.
pub(super) fn topology(given: &args::Start, context: &Context) -> Result<Topology, Ending> {
    let mut topology = Topology::load(&given.config, context.given()).map_err(|_mistakes| {
        Ending::Answer(super::check::check(&given.config, context.given(), context.wording))
    })?;
    if let Some(base) = given.port_base.filter(|base| *base > 0) {
        topology.rebase_ports(base);
    }
    for text in &given.member {
        let added = text
            .parse::<SandboxCredential>()
            .and_then(|credential| topology.add_sandbox_member(&credential));
        added.map_err(|error| no_member(text, &error))?;
    }
    Ok(topology)
}

/// A command that ended before it began.
#[derive(Debug)]
pub(super) enum Ending {
    Answer(Answer),
    Failure(Failure),
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

pub(super) async fn start(
    given: &args::Start,
    seed: u64,
    context: &Context,
) -> Result<Running, Ending> {
    // First, so that a Ctrl-C during the start is not lost.
    let signals = Signals::listen()?;
    let topology = Arc::new(topology(given, context)?);
    let options = Options {
        data: context.data.clone(),
        only: given.platform.clone(),
        accept_loss: given.accept_loss,
        any_port: given.port_base == Some(0),
        seed,
    };
    let gateway = Box::pin(Gateway::start(Arc::clone(&topology), options))
        .await
        .map_err(|error| not_started(&error, &topology))?;
    tell_recovery(&gateway.recovery, context);
    let ready = Ready::of(&gateway, &context.data, &given.config);
    let run_file = RunFile::write(&ready, &given.platform)?;
    Ok(Running { gateway, ready, _run_file: run_file, signals })
}

impl Running {
    /// Runs until somebody asks for a stop.
    pub(super) async fn wait(&mut self, context: &Context) {
        while self.signals.next().await == Asked::Reload {
            let failed = self.gateway.reload();
            if failed.is_empty() {
                context.tell(
                    "đã đọc lại chứng thư và danh sách thu hồi",
                    "certificates and revocation lists read again",
                );
            }
            for error in failed {
                context.tell(
                    format!("không đọc lại được, bản cũ vẫn dùng: {error}"),
                    format!("cannot be read again, the former one stays: {error}"),
                );
            }
        }
    }

    /// Takes nothing new, lets what is under way arrive, stops. A second signal ends at once.
    pub(super) async fn drain(self, context: &Context) -> Exit {
        let Self { gateway, _run_file: run_file, mut signals, .. } = self;
        let stopping = async {
            gateway.pipeline.drain();
            let clock = Arc::clone(&gateway.clock);
            let limit = Duration::from_millis(gateway.topology.limits.drain_timeout_ms);
            let deadline = clock.now().plus(limit);
            let mut shown = None;
            loop {
                let left = gateway.under_way();
                if shown != Some(left) {
                    context.tell(
                        format!("đang dừng: còn {left} văn bản trên đường"),
                        format!("stopping: {left} documents under way"),
                    );
                    shown = Some(left);
                }
                if left == 0 || clock.now() >= deadline {
                    break;
                }
                clock.sleep_until(clock.now().plus(LOOK_EVERY)).await;
            }
            gateway.stop().await;
        };
        let ended = tokio::select! {
            biased;
            () = Box::pin(stopping) => Exit::Ok,
            () = signals.stop() => Exit::Interrupted,
        };
        drop(run_file);
        if ended == Exit::Ok {
            context.tell("đã dừng", "stopped");
        } else {
            context.tell(
                "dừng ngay; những gì đã nhận còn trong nhật ký và sẽ đi tiếp lần sau",
                "ended at once; what was accepted is in the journal and goes on next time",
            );
        }
        ended
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(200);

fn tell_recovery(recovery: &Recovery, context: &Context) {
    if recovery.is_new {
        return;
    }
    let (entries, segments) = (recovery.entries_read, recovery.segments_read);
    context.tell(
        format!("khôi phục {entries} mục từ nhật ký ({segments} tệp đã đọc)"),
        format!("recovered {entries} entries from the journal ({segments} files read)"),
    );
    if let Some(torn) = &recovery.torn {
        context.tell(
            format!(
                "cắt một lần ghi dở ở {}, vị trí {}: {} byte chưa từng được xác nhận",
                torn.file, torn.offset, torn.bytes
            ),
            format!(
                "cut a torn write in {} at offset {}: {} bytes never acknowledged",
                torn.file, torn.offset, torn.bytes
            ),
        );
    }
    if let Some(damaged) = &recovery.checkpoint_damaged {
        context.tell(
            format!("điểm kiểm tra mới nhất hỏng, dùng bản trước: {damaged}"),
            format!("the newest checkpoint is damaged, a former one is used: {damaged}"),
        );
    }
    for lost in &recovery.lost {
        say::message(&format!(
            "{}: {} @ {}: {} batches\n",
            context.wording.pick("ĐÃ MẤT", "LOST"),
            lost.file,
            lost.offset,
            lost.batches
        ));
    }
}

fn no_member(text: &str, error: &SandboxError) -> Failure {
    // The secret in between is not repeated.
    let systemid = text.split(':').next().unwrap_or_default();
    let failure = match error {
        SandboxError::Form => Failure::usage(
            "--member có dạng SYSTEMID:SECRET:AGENCY",
            "--member has the form SYSTEMID:SECRET:AGENCY",
        )
        .help("ví dụ --member vxp.h60:bi-mat:H60.06", "such as --member vxp.h60:secret:H60.06"),
        SandboxError::UnknownAgency { given, nearest } => Failure::usage(
            format!("danh mục không có cơ quan `{given}`"),
            format!("the directory holds no agency `{given}`"),
        )
        .meant(nearest.map(|code| code.to_string()).as_deref()),
        SandboxError::Homeless(code) => Failure::usage(
            format!("không nền tảng nào của cấu hình phục vụ `{code}`"),
            format!("no platform of this topology serves `{code}`"),
        ),
        SandboxError::Code(_) | SandboxError::Name(_) | SandboxError::Member(_) => Failure::usage(
            format!("không thêm được hệ thống `{systemid}`"),
            format!("the member `{systemid}` cannot be added"),
        )
        .detail(error.to_string()),
    };
    Failure { at: format!("--member {systemid}").into(), ..failure }
}

fn not_started(error: &StartError, topology: &Topology) -> Failure {
    let why = chain(error);
    let failed = |vi: &str, en: &str| Failure::new(Exit::Failed, vi, en).detail(&*why);
    match error {
        StartError::UnknownPlatform(name) => {
            let names = topology.platforms.iter().map(|platform| &*platform.name);
            Failure::usage(
                format!("cấu hình không có nền tảng `{name}`"),
                format!("the topology has no platform `{name}`"),
            )
            .meant(nearest(name, names))
        }
        StartError::Bind { platform, port, .. } => failed(
            &format!("không mở được cổng {port} của `{platform}`"),
            &format!("port {port} of `{platform}` cannot be opened"),
        )
        .help(
            "một tiến trình khác đang dùng cổng? thử `--port-base 0` hoặc `--port-base 8100`",
            "does another process use it? try `--port-base 0` or `--port-base 8100`",
        ),
        StartError::BadAddress(address) => Failure::usage(
            format!("`{address}` không phải là địa chỉ IP"),
            format!("`{address}` is not an IP address"),
        ),
        StartError::Journal(OpenError::Directory(_)) => {
            failed("không dùng được thư mục nhật ký", "the journal's folder cannot be used").help(
                "một tiến trình khác đang chạy trên cùng thư mục? chọn thư mục khác bằng `--data`",
                "does another process run on it? choose another folder with `--data`",
            )
        }
        StartError::Journal(_) => failed("không mở được nhật ký", "the journal does not open")
            .help(
                "giữ lại bản sao; `--accept-loss` bỏ qua phần hỏng và nói rõ đã mất gì",
                "keep a copy; `--accept-loss` goes over the damage and says what was lost",
            ),
        StartError::Recover(_) => {
            failed("không khôi phục được từ điểm kiểm tra", "recovery from the checkpoint failed")
        }
        StartError::Pki(_)
        | StartError::Name(_)
        | StartError::Tls(_)
        | StartError::Anchors(_)
        | StartError::Seal(_) => {
            failed("không dùng được chứng thư", "the certificates cannot be used")
        }
        StartError::Application(_) => Failure::usage(
            "một [[application]] không dùng được",
            "an [[application]] cannot be used",
        )
        .detail(&*why),
        StartError::Population(_) | StartError::SignIn(_) => failed(
            "không dựng được các cơ sở dữ liệu mô phỏng",
            "the simulated databases cannot be made",
        ),
        StartError::Evidence(_) => {
            failed("không mở được bằng chứng", "the evidence of calls does not open").help(
                "giữ lại bản sao; `--accept-loss` ghi tiếp sau chỗ hỏng",
                "keep a copy; `--accept-loss` goes on behind the damage",
            )
        }
        StartError::Data(_) => {
            failed("không dùng được thư mục dữ liệu", "the data folder cannot be used")
        }
    }
}

/// An error with all its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
