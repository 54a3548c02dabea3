//! The command line. Help texts hold both languages, Vietnamese first, with ` | ` in between; `language`
//! keeps the one that is wanted. Examples stand before everything else.

mod calls;
mod documents;
mod running;

pub use calls::{
    Behave, Call, Calls, EvidenceCommand, FlowCommand, ProviderCommand, Right, RuleCommand,
    RunFlow, ServiceCommand, Services, TargetWord, Token,
};
pub use documents::{
    Actor, Agencies, Confirm, ContentType, Get, Inbox, Letterhead, Recall, Replace, Send, Sent,
    StatusWord, Update, Word,
};
pub use running::{Demo, Load, Start, Up};

use super::units;
use crate::topology::Lang;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Mô phỏng trục liên thông văn bản quốc gia và các LGSP (SANDBOX) | Vietnam's document exchange on a laptop: LGSPs, the national axis, agencies (SANDBOX)
#[derive(Clone, Debug, Parser)]
#[command(
    name = "lienthong",
    version,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    arg_required_else_help = true,
    before_help = "lienthong demo\nlienthong up --member vxp.h60:secret:H60.06\nlienthong send công-văn.pdf --from H60 --to H26 --subject 'V/v kết nối'"
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Ngôn ngữ: vi hoặc en | Language: vi or en
    #[arg(long, global = true, value_name = "vi|en", env = "LIENTHONG_LANG", hide_env = true)]
    pub lang: Option<Language>,
    /// Dạng kết quả | Form of the output
    #[arg(
        short = 'o',
        long = "format",
        global = true,
        value_name = "text|json",
        default_value = "text"
    )]
    pub format: Format,
    /// Màu: auto, always, never | Colours: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
    /// Chỉ in dữ liệu và lỗi | Print only data and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Nói nhiều hơn; -vv nhiều hơn nữa | Say more; -vv even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Dạng nhật ký | Form of the log
    #[arg(long, global = true, value_name = "text|json", default_value = "text")]
    pub log: Format,
    /// Thư mục dữ liệu | The data folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LIENTHONG_DATA",
        hide_env = true,
        default_value = "lienthong-data"
    )]
    pub data: PathBuf,
    /// Trợ giúp | Help
    #[arg(short, long, global = true, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
    /// Phiên bản | Version
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    pub version: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Vi,
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Vi => Self::Vi,
            Language::En => Self::En,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Chạy thử ngay với các cơ quan ảo gửi nhận văn bản | Start at once, with virtual agencies that send and receive
    #[command(
        before_help = "lienthong demo\nlienthong demo --for 15s\nlienthong demo --config national --speed 3600 --seed 7"
    )]
    Demo(Demo),
    /// Chạy một cấu hình, không sinh văn bản | Start a topology; no invented traffic
    #[command(
        before_help = "lienthong up\nlienthong up --config national --data /srv/lienthong\nlienthong up --member vxp.h60:secret:H60.06 --port-base 0 -o json"
    )]
    Up(Up),
    /// Kiểm tra tệp cấu hình, không chạy | Check a topology file without starting it
    #[command(
        before_help = "lienthong check config/sandbox.toml\nlienthong check national -o json"
    )]
    Check {
        /// Tệp, hoặc sandbox, national, national-2024 | A file, or sandbox, national, national-2024
        file: String,
    },
    /// Xem cấu hình đang có hiệu lực | Show the configuration in force
    #[command(subcommand, before_help = "lienthong config show\nlienthong config show national")]
    Config(Config),
    /// Chuỗi chứng thư của sandbox: cấp, gia hạn, thu hồi | The sandbox's certificates: issue, renew, revoke
    #[command(
        subcommand,
        before_help = "lienthong pki list\nlienthong pki revoke VN:GOV:000.00.06.H60:QLVB\nlienthong pki renew lgsp-h60"
    )]
    Pki(Pki),
    /// Gửi một văn bản: edXML nguyên vẹn, tệp khác được gói lại | Send a document: edXML as it is, any other file wrapped
    #[command(
        before_help = "lienthong send văn-bản.edxml\nlienthong send tờ-trình.pdf --from H60.06 --to H26 --to H41 --subject 'V/v kết nối, liên thông'\nlienthong send báo-cáo.pdf --to G22 --notation 12/BC-UBND --urgency 2 --sign"
    )]
    Send(Send),
    /// Liệt kê văn bản đến | List what has come in
    #[command(
        before_help = "lienthong inbox H26.06\nlienthong inbox H26.06 --status\nlienthong inbox H26.06 --all -o json"
    )]
    Inbox(Inbox),
    /// Lấy nội dung một văn bản | Fetch the content of a document
    #[command(
        before_help = "lienthong get 0197… --output văn-bản.edxml\nlienthong get 0197… --attachments ./tệp-đính-kèm"
    )]
    Get(Get),
    /// Xác nhận đã nhận: processing, done hoặc fail | Confirm a delivery: processing, done or fail
    #[command(
        before_help = "lienthong confirm 0197…\nlienthong confirm 0197… fail --note 'không mở được tệp'"
    )]
    Confirm(Confirm),
    /// Gửi trạng thái nghiệp vụ 01…16 cho nơi gửi | Send a business status 01…16 to the sender
    #[command(
        before_help = "lienthong status 0197… 03\nlienthong status 0197… 02 --reason 'không đúng thẩm quyền'"
    )]
    Status(StatusWord),
    /// Thu hồi văn bản đã gửi | Recall a document that was sent
    #[command(
        before_help = "lienthong recall '000.00.00.H60,2026/11/20,12/UBND-VP' --reason 'sai thể thức'\nlienthong recall 0197… --reason 'gửi nhầm'"
    )]
    Recall(Recall),
    /// Cập nhật văn bản đã gửi | Update a document that was sent
    #[command(
        before_help = "lienthong update 0197… mới.pdf --reason 'bổ sung phụ lục'\nlienthong update 0197… --add H41 --reason 'bổ sung nơi nhận'"
    )]
    Update(Update),
    /// Thay thế văn bản đã gửi bằng văn bản khác | Replace a document that was sent by another
    #[command(
        before_help = "lienthong replace 0197… đúng.pdf --notation 13/UBND-VP --reason 'thay văn bản cũ'"
    )]
    Replace(Replace),
    /// Liệt kê văn bản đã gửi và tình trạng ở từng nơi nhận | List what was sent, and where it stands
    #[command(before_help = "lienthong sent H60.06\nlienthong sent H60.06 --limit 5 -o json")]
    Sent(Sent),
    /// Đường đi của một văn bản, một lời gọi hay một luồng: từng chặng, thời gian, trạng thái | The way of a document, a call or a flow: every hop, time and status
    #[command(
        before_help = "lienthong trace 0197…\nlienthong trace H60-261122-00000001\nlienthong trace 0197… -o json"
    )]
    Trace {
        /// DocId của nơi gửi hoặc nơi nhận, mã lời gọi, mã luồng | A DocId, the sender's or a receiver's; the id of a call; of a flow
        id: String,
    },
    /// Tìm cơ quan theo tên hoặc mã | Find agencies by name or code
    #[command(
        before_help = "lienthong agencies\nlienthong agencies 'tuyen quang'\nlienthong agencies 000.00.06.H60"
    )]
    Agencies(Agencies),
    /// Gọi một dịch vụ qua nền tảng | Call a service through the platforms
    #[command(
        before_help = "lienthong call dmdc /Category/madantoc\nlienthong call VN:GOV:G06:DMDC/echo --from H60.06 -b '{\"xin\":\"chào\"}'\nlienthong call dmdc '/Metadata/magioitinh' -o json"
    )]
    Call(Call),
    /// Lấy mã truy cập cho một ứng dụng ở cổng dịch vụ của nền tảng | Get an application's token from its platform's gateway
    #[command(
        before_help = "lienthong token\nlienthong token --application sandbox-h60-06 --platform lgsp-h60\nlienthong call dmdc /Category/madantoc --platform lgsp-h60 --token $(lienthong token -q)"
    )]
    Token(Token),
    /// Danh mục dịch vụ | The service catalogue
    #[command(
        before_help = "lienthong services\nlienthong services 'danh mục'\nlienthong services -o json"
    )]
    Services(Services),
    /// Một dịch vụ: xem, mô tả, đăng ký, chuyển trạng thái | One service: show, describe, register, change its state
    #[command(
        subcommand,
        before_help = "lienthong service show dmdc\nlienthong service describe dmdc > dmdc.json\nlienthong service state dmdc deprecated"
    )]
    Service(ServiceCommand),
    /// Cấp quyền gọi một dịch vụ | Grant a right to a service
    #[command(
        before_help = "lienthong grant dmdc --to H60\nlienthong grant dmdc --to VN:GOV:H60.06:QLVB --method POST --path '/Category/*'"
    )]
    Grant(Right),
    /// Thu hồi quyền; lời gọi tiếp theo bị từ chối | Revoke a right; the next call is refused
    #[command(before_help = "lienthong revoke dmdc --to H60")]
    Revoke(Right),
    /// Hệ thống phía sau dịch vụ: mô phỏng, thật, ghi lại; chậm, lỗi, treo | The systems behind services: simulated, real, recorded; slow, failing, hanging
    #[command(
        subcommand,
        before_help = "lienthong provider list\nlienthong provider set dmdc real http://127.0.0.1:8081/dmdc\nlienthong provider behave dmdc --latency 300ms --failure 0.05\nlienthong provider rule put dmdc my-rule.toml"
    )]
    Provider(ProviderCommand),
    /// Luồng liên thông qua nhiều bên, như một câu chuyện dưới một mã | Flows across parties, each one story under one id
    #[command(
        subcommand,
        before_help = "lienthong flow run birth --from H60\nlienthong flow run report\nlienthong flow list\nlienthong flow show H60-261122-00000001\nlienthong flow resume H60-261122-00000001"
    )]
    Flow(FlowCommand),
    /// Một công dân giả lập, như mọi cơ sở dữ liệu đều biết | An invented citizen, as every simulated database knows them
    #[command(
        before_help = "lienthong citizen\nlienthong citizen 4321\nlienthong citizen 001190000017 -o json"
    )]
    Citizen {
        /// Số thứ tự hoặc số định danh; bỏ trống: một người bất kỳ | A number or số định danh; absent: anybody
        which: Option<String>,
    },
    /// Các lời gọi gần nhất, hoặc từng chặng của một lời gọi | The newest calls, or every hop of one
    #[command(before_help = "lienthong calls\nlienthong calls 0197…")]
    Calls(Calls),
    /// Bằng chứng của các lời gọi | The evidence of calls
    #[command(
        subcommand,
        before_help = "lienthong evidence verify\nlienthong evidence get 0197… --output call.zip"
    )]
    Evidence(EvidenceCommand),
    /// Đã báo các lời gọi cho NDOP đến đâu (NĐ 278/2025) | How far calls have been reported to NDOP (Decree 278/2025)
    #[command(before_help = "lienthong ndop\nlienthong call ndop '/statistics?by=owner'")]
    Ndop,
    /// Điều kiện của đường truyền giữa hai nền tảng | Conditions of the link between two platforms
    #[command(
        subcommand,
        before_help = "lienthong link set lgsp-h60 --latency 200ms --loss 0.01\nlienthong link set lgsp-h26 --down\nlienthong link show"
    )]
    Link(Link),
    /// Năng lực của một nền tảng | The capacity of a platform
    #[command(
        subcommand,
        before_help = "lienthong platform set axis --documents-per-s 50\nlienthong platform show axis"
    )]
    Platform(PlatformCommand),
    /// Trả mọi điều kiện về như tệp cấu hình | Put all conditions back to what the file says
    #[command(before_help = "lienthong reset")]
    Reset,
    /// Khóa hoặc mở khóa một cơ quan | Lock or unlock an agency
    #[command(
        subcommand,
        before_help = "lienthong agency lock H26.06\nlienthong agency unlock H26.06"
    )]
    Agency(AgencyCommand),
    /// Đo tải: bao nhiêu văn bản mỗi giây, chậm bao nhiêu, tốn bao nhiêu CPU | Load test: documents per second, latency, CPU
    #[command(
        before_help = "lienthong load\nlienthong load --step 'P3'\nlienthong load thử-tải.toml --running --from H60.06 --to H26.06"
    )]
    Load(Load),
    /// Giải thích một mã lỗi | Explain a code
    #[command(before_help = "lienthong explain LT-D302\nlienthong explain d211 --lang en")]
    Explain {
        /// Mã, ví dụ LT-D302 | A code such as LT-D302
        code: String,
    },
    /// Sinh tệp gợi ý lệnh cho shell | Print completions for a shell
    #[command(
        before_help = "lienthong completions bash > ~/.local/share/bash-completion/completions/lienthong\nlienthong completions fish > ~/.config/fish/completions/lienthong.fish"
    )]
    Completions {
        /// bash, zsh, fish, elvish, powershell | bash, zsh, fish, elvish, powershell
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// Mọi khóa có hiệu lực | Every key in force
    Show {
        /// Tệp hoặc tên | A file or a name
        #[arg(default_value = "sandbox")]
        file: String,
    },
    /// Các khóa giới hạn: mặc định, khoảng, lý do | The limits: default, range, reason
    Schema,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Pki {
    /// Tạo những gì còn thiếu | Make whatever is missing
    Init {
        /// Tệp hoặc tên | A file or a name
        #[arg(long, value_name = "FILE|NAME", default_value = "sandbox")]
        config: String,
    },
    /// Cấp chứng thư cho một hệ thống | Issue a certificate to a member
    Issue {
        /// VN:GOV:<mã cơ quan>:<hệ thống> | VN:GOV:<agency code>:<system>
        holder: String,
    },
    /// Khóa và chứng thư mới, tên như cũ | A new key and certificate, the same names
    Renew {
        /// Hệ thống hoặc nền tảng | A member or a platform
        holder: String,
    },
    /// Thu hồi; có hiệu lực ngay ở các tiến trình đang chạy | Revoke; running processes notice by themselves
    Revoke {
        /// Số sê-ri, hoặc người giữ | A serial number, or a holder
        which: String,
    },
    /// Mọi chứng thư đã cấp | Everything that was issued
    List,
}
#[derive(Clone, Debug, Subcommand)]
pub enum Link {
    /// Đặt điều kiện của đường từ một nền tảng lên nền tảng cha | Set the conditions of a platform's link to its parent
    Set(LinkSet),
    /// Xem | Show
    Show {
        /// Nền tảng con | The child platform
        child: Option<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub struct LinkSet {
    /// Nền tảng con | The child platform
    pub child: String,
    /// Độ trễ | Latency
    #[arg(long, alias = "latency-ms", value_name = "200ms", value_parser = units::milliseconds)]
    pub latency: Option<Duration>,
    /// Dao động của độ trễ | Jitter on top of the latency
    #[arg(long, alias = "jitter-ms", value_name = "50ms", value_parser = units::milliseconds)]
    pub jitter: Option<Duration>,
    /// Tỷ lệ mất, 0…1 | Share of messages lost, 0…1
    #[arg(long, value_name = "0…1")]
    pub loss: Option<f64>,
    /// Băng thông mỗi giây | Bandwidth per second
    #[arg(long, value_name = "64KiB", value_parser = units::bytes)]
    pub bandwidth: Option<u64>,
    /// Đứt | Down
    #[arg(long)]
    pub down: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum PlatformCommand {
    /// Đặt năng lực | Set its capacity
    Set(PlatformSet),
    /// Xem | Show
    Show {
        /// Nền tảng | The platform
        name: Option<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub struct PlatformSet {
    /// Nền tảng | The platform
    pub name: String,
    /// Số tiến trình xử lý | Workers
    #[arg(long)]
    pub workers: Option<u32>,
    /// Văn bản mỗi giây | Documents per second
    #[arg(long)]
    pub documents_per_s: Option<f64>,
    /// Lượt gọi mỗi giây | Calls per second
    #[arg(long)]
    pub calls_per_s: Option<f64>,
    /// Hàng đợi | Queue
    #[arg(long)]
    pub queue: Option<u32>,
    /// Bảo trì: không nhận lượt gọi từ nơi khác | Maintenance: takes no service calls of others
    #[arg(long)]
    pub maintenance: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AgencyCommand {
    /// Khóa: không gửi, không nhận | Lock: it neither sends nor receives
    Lock {
        /// Mã cơ quan | The agency's code
        code: String,
    },
    /// Mở khóa | Unlock
    Unlock {
        /// Mã cơ quan | The agency's code
        code: String,
    },
}
