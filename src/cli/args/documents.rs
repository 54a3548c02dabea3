//! What members do with documents.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Who acts.
#[derive(Clone, Debug, Default, Args)]
pub struct Actor {
    /// Hệ thống đứng tên, khi có nhiều | The member that acts, when several could
    #[arg(long = "as", value_name = "MEMBER|AGENCY")]
    pub actor: Option<String>,
}

/// What a new edXML document says about itself.
#[derive(Clone, Debug, Default, Args)]
pub struct Letterhead {
    /// Trích yếu | The subject
    #[arg(long)]
    pub subject: Option<String>,
    /// Số và ký hiệu, ví dụ 12/UBND-VP | Number and notation, such as 12/UBND-VP
    #[arg(long, value_name = "N/KH")]
    pub notation: Option<String>,
    /// Loại văn bản | The type of document
    #[arg(long, value_name = "NAME", default_value = "Công văn")]
    pub type_name: String,
    /// Độ khẩn 0…4 | Urgency 0…4
    #[arg(long, value_name = "0…4", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub urgency: u8,
    /// Hạn xử lý, yyyy-MM-dd | Due date, yyyy-MM-dd
    #[arg(long, value_name = "DATE")]
    pub due: Option<jiff::civil::Date>,
    /// Tệp đính kèm khác; dùng được nhiều lần | Another attachment; may be repeated
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Ký số bằng chứng thư của hệ thống gửi | Sign with the member's certificate
    #[arg(long)]
    pub sign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ContentType {
    Edxml,
    Opaque,
}

#[derive(Clone, Debug, Args)]
pub struct Send {
    /// Tệp cần gửi | The file to send
    pub file: PathBuf,
    /// Cơ quan gửi | The sending agency
    #[arg(long, value_name = "AGENCY")]
    pub from: Option<String>,
    /// Cơ quan nhận: mã hoặc tên; dùng được nhiều lần | A receiving agency: code or name; may be repeated
    #[arg(long, value_name = "AGENCY")]
    pub to: Vec<String>,
    /// Cam đoan không chứa bí mật nhà nước | Declare that it holds no state secret
    #[arg(long, conflicts_with = "secret")]
    pub no_secret: bool,
    /// Độ mật (sẽ bị từ chối) | Its level of secrecy (it will be refused)
    #[arg(long, value_name = "LEVEL")]
    pub secret: Option<String>,
    /// edxml, hoặc opaque: nội dung bất kỳ, không đọc | edxml, or opaque: carried unread
    #[arg(long = "type", value_name = "edxml|opaque", default_value = "edxml")]
    pub content_type: ContentType,
    #[command(flatten)]
    pub letterhead: Letterhead,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Inbox {
    /// Cơ quan; bỏ trống khi chỉ có một | The agency; may be left out when there is one
    pub agency: Option<String>,
    /// Chỉ văn bản trạng thái | Status messages only
    #[arg(long)]
    pub status: bool,
    /// Cả những văn bản đã xong | Also what is done with
    #[arg(long)]
    pub all: bool,
    /// Số dòng nhiều nhất | How many at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Get {
    /// DocId của nơi nhận | The receiver's DocId
    pub doc_id: String,
    /// Ghi vào tệp; không có thì in ra | Where to write it; else it is printed
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Ghi các tệp đính kèm vào thư mục | A folder for the attachments
    #[arg(long, value_name = "DIR")]
    pub attachments: Option<PathBuf>,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    Processing,
    Done,
    Fail,
}

#[derive(Clone, Debug, Args)]
pub struct Confirm {
    /// DocId của nơi nhận | The receiver's DocId
    pub doc_id: String,
    /// processing, done hoặc fail | processing, done or fail
    #[arg(default_value = "done")]
    pub word: Word,
    /// Ghi chú | A note
    #[arg(long, default_value = "")]
    pub note: String,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct StatusWord {
    /// DocId hoặc DocumentId của văn bản đến | DocId or DocumentId of what came in
    pub document: String,
    /// 01 đã đến, 02 từ chối, 03 tiếp nhận, 04 phân công, 05 đang xử lý, 06 hoàn thành, 15/16 đồng ý/từ chối thu hồi | 01 arrived, 02 refused, 03 accepted, 04 assigned, 05 in progress, 06 completed, 15/16 recall agreed/declined
    pub code: String,
    /// Lý do, diễn giải | The reason, or a description
    #[arg(long, default_value = "")]
    pub reason: String,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Recall {
    /// DocumentId hoặc DocId đã gửi | DocumentId or DocId of what was sent
    pub document: String,
    /// Lý do | The reason
    #[arg(long)]
    pub reason: String,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Update {
    /// DocumentId hoặc DocId đã gửi | DocumentId or DocId of what was sent
    pub document: String,
    /// Nội dung mới | The new content
    pub file: Option<PathBuf>,
    /// Lý do | The reason
    #[arg(long)]
    pub reason: String,
    /// Thêm nơi nhận | Add a receiver
    #[arg(long, value_name = "AGENCY")]
    pub add: Vec<String>,
    /// Bớt nơi nhận | Take a receiver away
    #[arg(long, value_name = "AGENCY")]
    pub remove: Vec<String>,
    #[command(flatten)]
    pub letterhead: Letterhead,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Replace {
    /// DocumentId hoặc DocId đã gửi | DocumentId or DocId of what was sent
    pub document: String,
    /// Văn bản mới | The new document
    pub file: PathBuf,
    /// Lý do | The reason
    #[arg(long)]
    pub reason: String,
    #[command(flatten)]
    pub letterhead: Letterhead,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Sent {
    /// Cơ quan; bỏ trống khi chỉ có một | The agency; may be left out when there is one
    pub agency: Option<String>,
    /// Số dòng nhiều nhất | How many at most
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    #[command(flatten)]
    pub actor: Actor,
}

#[derive(Clone, Debug, Args)]
pub struct Agencies {
    /// Một phần tên hoặc mã | Part of a name or code
    pub search: Option<String>,
    /// Số dòng nhiều nhất | How many at most
    #[arg(long, default_value_t = 40)]
    pub limit: usize,
    /// Tệp hoặc tên, khi không có tiến trình nào chạy | A file or a name, for when nothing runs
    #[arg(long, value_name = "FILE|NAME", default_value = "sandbox")]
    pub config: String,
}
