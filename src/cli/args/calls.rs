//! Commands of the call plane: calling, the catalogue, rights, the systems behind, evidence.

use super::documents::Actor;
use crate::cli::units;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
pub struct Call {
    /// Mã dịch vụ, hoặc phần sau dấu / nếu chỉ có một | The service's id, or what stands after its slash where only one has it
    pub service: String,
    /// Đường dẫn và tham số dưới dịch vụ, ví dụ /Category/madantoc | Path and query below the service, such as /Category/madantoc
    #[arg(default_value = "")]
    pub path: String,
    /// Phương thức; POST khi có nội dung, còn lại GET | Method; POST with a body, else GET
    #[arg(short = 'X', long)]
    pub method: Option<String>,
    /// Nội dung, hoặc @tệp; với SOAP: phần trong Body | The body, or @file; for SOAP what goes inside Body
    #[arg(short, long, value_name = "DATA|@FILE", allow_hyphen_values = true)]
    pub body: Option<String>,
    /// Thêm một phần đầu `Tên: giá trị` | Add a header `Name: value`
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Gọi thay cơ quan này | Call for this agency
    #[arg(long, value_name = "CODE")]
    pub from: Option<String>,
    /// Ký số nội dung XML bằng chứng thư của hệ thống gọi | Sign the XML body with the member's certificate
    #[arg(long)]
    pub sign: bool,
    /// Gọi qua cổng dịch vụ của nền tảng bằng mã `lienthong token` | Call through a platform's gateway with a token of `lienthong token`
    #[arg(long, value_name = "TOKEN", requires = "platform", conflicts_with_all = ["from", "actor", "sign"])]
    pub token: Option<String>,
    /// Cổng dịch vụ nhận mã | The gateway that takes the token
    #[arg(long, value_name = "PLATFORM", requires = "token")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Token {
    /// Khóa (consumer key) hay tên của ứng dụng; mặc định ứng dụng đầu tiên của cấu hình | The application's consumer key or name; the topology's first when absent
    #[arg(long, value_name = "KEY")]
    pub application: Option<String>,
    /// Nền tảng cấp mã; mặc định nền tảng của ứng dụng | The platform that gives it; the application's own when absent
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
    /// Tệp chứa bí mật; còn có biến `LIENTHONG_SECRET` và bí mật trong cấu hình | A file with the secret; else the variable `LIENTHONG_SECRET`, else the topology's
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct Services {
    /// Một phần của mã hoặc tên | Part of an id or a title
    pub search: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ServiceCommand {
    /// Mọi điều về một dịch vụ | Everything about one service
    Show {
        /// Mã dịch vụ | The service's id
        service: String,
    },
    /// In bản mô tả OpenAPI hoặc WSDL | Print its OpenAPI or WSDL document
    Describe {
        /// Mã dịch vụ | The service's id
        service: String,
    },
    /// Đăng ký dịch vụ mới hay phiên bản mới, từ một tệp JSON | Register a service or a new version, from a JSON file
    Register {
        /// Mã dịch vụ | The service's id
        service: String,
        /// Tệp JSON: `version`, `title_vi`, `kind`, `platform`, … | A JSON file: `version`, `title_vi`, `kind`, `platform`, …
        file: PathBuf,
        /// Tệp OpenAPI hoặc WSDL | The OpenAPI or WSDL file
        #[arg(long, value_name = "FILE")]
        description: Option<PathBuf>,
    },
    /// Chuyển trạng thái: draft, test, published, deprecated, disabled | Put it into another state: draft, test, published, deprecated, disabled
    State {
        /// Mã dịch vụ | The service's id
        service: String,
        /// Trạng thái | The state
        state: String,
    },
    /// Bỏ khỏi danh mục | Take it out of the catalogue
    Remove {
        /// Mã dịch vụ | The service's id
        service: String,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Right {
    /// Mã dịch vụ | The service's id
    pub service: String,
    /// Cho ai: mã thành viên, mã cơ quan (gồm cả cấp dưới), group:tên, everyone | For whom: a member, an agency with all below it, group:name, everyone
    #[arg(long, value_name = "WHO")]
    pub to: String,
    /// Chỉ phương thức này | This method only
    #[arg(long)]
    pub method: Option<String>,
    /// Chỉ đường dẫn khớp mẫu: * trong một đoạn, ** bất kỳ | Paths that fit this only: * inside a segment, ** anything
    #[arg(long, value_name = "PATTERN")]
    pub path: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetWord {
    Simulated,
    Real,
    Record,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ProviderCommand {
    /// Các hệ thống mô phỏng | The simulated systems
    List,
    /// Hệ thống nào trả lời một dịch vụ: simulated, real, record | Which system answers a service: simulated, real, record
    Set {
        /// Mã dịch vụ | The service's id
        service: String,
        /// simulated, real hoặc record | simulated, real or record
        target: TargetWord,
        /// Địa chỉ của hệ thống thật, hoặc tên hệ thống mô phỏng | The real system's address, or a simulated one's name
        address: Option<String>,
    },
    /// Hệ thống mô phỏng chậm, lỗi, treo hay bảo trì | Make a simulated system slow, failing, hanging or under maintenance
    Behave(Behave),
    /// Các quy tắc trả lời của một hệ thống mô phỏng | The response rules of a simulated system
    Rules {
        /// Tên hệ thống mô phỏng | The simulated system's name
        name: String,
    },
    /// Đặt hay bỏ quy tắc trả lời | Put or take away response rules
    #[command(subcommand)]
    Rule(RuleCommand),
    /// Những lời gọi mới nhất không khớp quy tắc nào, và khác ở đâu | The newest calls that fitted no rule, and what differed
    Misses {
        /// Tên hệ thống mô phỏng | The simulated system's name
        name: String,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum RuleCommand {
    /// Đặt một quy tắc, hoặc thay tất cả, từ một tệp | Put one rule, or replace all, from a file
    Put {
        /// Tên hệ thống mô phỏng | The simulated system's name
        name: String,
        /// Tệp TOML hoặc JSON: `id`, `when`, `then`; hoặc `only` và các `[[rule]]` | A TOML or JSON file: `id`, `when`, `then`; or `only` and `[[rule]]`s
        file: PathBuf,
    },
    /// Bỏ một quy tắc, hoặc tất cả | Take one rule away, or all
    Delete {
        /// Tên hệ thống mô phỏng | The simulated system's name
        name: String,
        /// Mã quy tắc; không có thì bỏ tất cả | The rule's id; without one, all
        id: Option<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Behave {
    /// Tên hệ thống mô phỏng | The simulated system's name
    pub name: String,
    /// Độ trễ của mỗi câu trả lời | Latency of each answer
    #[arg(long, value_name = "300ms", value_parser = units::milliseconds)]
    pub latency: Option<Duration>,
    /// Dao động thêm | Jitter on top
    #[arg(long, value_name = "100ms", value_parser = units::milliseconds)]
    pub jitter: Option<Duration>,
    /// Tỷ lệ lỗi, 0…1 | Share of failures, 0…1
    #[arg(long, value_name = "0…1")]
    pub failure: Option<f64>,
    /// Nhận mà không bao giờ trả lời | Takes calls and never answers
    #[arg(long)]
    pub hangs: bool,
    /// Đang bảo trì | Under maintenance
    #[arg(long)]
    pub maintenance: bool,
    /// Bảo trì hằng ngày trong khung giờ này; dùng được nhiều lần | Under maintenance every day in this window; may be repeated
    #[arg(long = "maintenance-window", value_name = "23:00-05:00")]
    pub windows: Vec<String>,
    /// Chỉ nhận cơ quan này (gồm cấp dưới) hoặc thành viên này; dùng được nhiều lần | Lets in only this agency with all below it, or this member; may be repeated
    #[arg(long = "caller", value_name = "CODE|MEMBER")]
    pub callers: Vec<String>,
    /// Số lời gọi mỗi phút của một thành viên | Calls of one member in a minute
    #[arg(long, value_name = "60", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Cán bộ làm việc nhanh gấp bao nhiêu lần đời thật | How many times faster than in life its staff works
    #[arg(long, value_name = "60", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pace: Option<u32>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum FlowCommand {
    /// Chạy: birth, dossier, land-tax, report, ballot | Run one: birth, dossier, land-tax, report, ballot
    Run(RunFlow),
    /// Chạy tiếp một luồng đang dừng: việc đã xong không làm lại | Go on with one that stopped: nothing is done twice
    Resume {
        /// Mã của luồng | The flow's id
        id: String,
        /// Chờ bên lỗi tối đa | How long to go on while a party fails
        #[arg(long, value_name = "1m", default_value = "1m", value_parser = units::duration)]
        patience: Duration,
    },
    /// Từng bước của một luồng | Every step of one
    Show {
        /// Mã của luồng | The flow's id
        id: String,
    },
    /// Các luồng gần đây | The newest flows
    List,
}

#[derive(Clone, Debug, Args)]
pub struct RunFlow {
    /// birth, dossier, land-tax, report, ballot | birth, dossier, land-tax, report, ballot
    pub kind: String,
    /// Cơ quan của tỉnh đứng ra | The province's office that acts
    #[arg(long, value_name = "CODE")]
    pub from: Option<String>,
    /// Chọn người bằng số này | Picks the people
    #[arg(long)]
    pub seed: Option<u64>,
    /// Chờ bên lỗi tối đa | How long to go on while a party fails
    #[arg(long, value_name = "1m", default_value = "1m", value_parser = units::duration)]
    pub patience: Duration,
}

#[derive(Clone, Debug, Args)]
pub struct Calls {
    /// x-road-request-id hoặc x-road-id: kể từng chặng | x-road-request-id or x-road-id: tells every hop
    pub id: Option<String>,
    /// Số dòng | Rows
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

#[derive(Clone, Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Tìm bản ghi bị sửa, bị bỏ, bị đổi chỗ hay bị cắt | Find records that were altered, dropped, swapped or cut off
    Verify,
    /// Tải bằng chứng đã ký của một lời gọi | Download the signed evidence of one call
    Get {
        /// Mã yêu cầu hoặc mã thông điệp | Its request id or message id
        id: String,
        /// Tệp ZIP sẽ ghi | The ZIP file to write
        #[arg(short = 'O', long)]
        output: PathBuf,
    },
}
