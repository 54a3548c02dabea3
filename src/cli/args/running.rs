//! What starts platforms: `up`, `demo`, `load`.

use super::super::units;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What a process is started with.
#[derive(Clone, Debug, Args)]
pub struct Start {
    /// Tệp cấu hình, hoặc sandbox, national, national-2024 | A topology file, or sandbox, national, national-2024
    #[arg(
        long,
        value_name = "FILE|NAME",
        env = "LIENTHONG_CONFIG",
        hide_env = true,
        default_value = "sandbox"
    )]
    pub config: String,
    /// Chỉ chạy nền tảng này; dùng được nhiều lần | Run only this platform; may be repeated
    #[arg(long, value_name = "NAME")]
    pub platform: Vec<String>,
    /// Thêm một hệ thống thử nghiệm sau máy chủ bảo mật; dùng được nhiều lần | Add a sandbox system behind a security server; may be repeated
    #[arg(long, value_name = "SYSTEMID:SECRET:AGENCY")]
    pub member: Vec<String>,
    /// Cổng đầu tiên; 0 là cổng trống bất kỳ | The first port; 0 is any that is free
    #[arg(long, value_name = "N")]
    pub port_base: Option<u16>,
    /// Chạy tiếp dù nhật ký hỏng | Go on over damaged parts of the journal
    #[arg(long)]
    pub accept_loss: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub start: Start,
}

#[derive(Clone, Debug, Args)]
pub struct Load {
    /// Tệp kịch bản; mặc định là kịch bản chuẩn | A scenario file; the canonical one unless given
    #[arg(value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Chỉ chạy các bước có tên chứa chuỗi này | Run only the steps whose name holds this
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub step: String,
    /// Cấu hình được chạy riêng để đo | The topology that is started to be measured
    #[arg(long, value_name = "FILE|NAME", default_value = "load")]
    pub config: String,
    /// Đo tiến trình đang chạy trên --data, thay vì tự khởi động | Measure what runs on --data instead of starting anything
    #[arg(long, conflicts_with = "config")]
    pub running: bool,
    /// Cơ quan gửi; mặc định là hệ thống đầu tiên | The sending agency; that of the first member unless given
    #[arg(long, value_name = "AGENCY")]
    pub from: Option<String>,
    /// Cơ quan nhận; dùng được nhiều lần, của cùng một hệ thống | A receiving agency; may be repeated, all of one member
    #[arg(long, value_name = "AGENCY")]
    pub to: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    pub start: Start,
    /// Nén thời gian xử lý của cơ quan ảo | How much faster the virtual agencies work
    #[arg(long, value_name = "TIMES", default_value_t = 600.0)]
    pub speed: f64,
    /// Mầm ngẫu nhiên | Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Ngừng gửi sau chừng này, tổng kết rồi thoát | Stop sending after this long, sum up and end
    #[arg(long = "for", value_name = "15s", value_parser = units::duration)]
    pub how_long: Option<Duration>,
    /// Chỉ làm việc trong giờ hành chính | Keep office hours
    #[arg(long)]
    pub calendar: bool,
}
