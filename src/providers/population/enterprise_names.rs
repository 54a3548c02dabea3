//! Words and activities of the business register.

use super::draw::Draw;
use super::enterprise::{Activity, EnterpriseKind};

/// Full and short name of a company; the register number keeps it apart from namesakes.
pub(super) fn company_name(kind: EnterpriseKind, trade: &str, draw: &mut Draw) -> (String, String) {
    let own = format!("{} {}", draw.pick(FIRST), draw.pick(SECOND));
    let prefix = match kind {
        EnterpriseKind::Private => "Doanh nghiệp tư nhân",
        EnterpriseKind::LimitedOne | EnterpriseKind::LimitedMore => "Công ty TNHH",
        EnterpriseKind::JointStock => "Công ty cổ phần",
    };
    let sole = if kind == EnterpriseKind::LimitedOne { "một thành viên " } else { "" };
    let name = format!("{prefix} {sole}{trade} {own}");
    (name, own.to_uppercase())
}

/// The main activity and up to three more, all different, and the trade for the name.
pub(super) fn activities(draw: &mut Draw) -> (Vec<Activity>, &'static str) {
    let main = draw.pick(TRADES);
    let mut list = vec![Activity { code: main.0, name: main.1, is_main: true }];
    for _ in 0..draw.below(4) {
        let (code, name, _) = draw.pick(TRADES);
        if list.iter().all(|known| known.code != code) {
            list.push(Activity { code, name, is_main: false });
        }
    }
    (list, main.2)
}

const FIRST: &[&str] = &[
    "An",
    "Bảo",
    "Đại",
    "Đông",
    "Gia",
    "Hải",
    "Hoàng",
    "Hưng",
    "Khải",
    "Kim",
    "Long",
    "Minh",
    "Nam",
    "Nhật",
    "Phú",
    "Phúc",
    "Quang",
    "Tân",
    "Thái",
    "Thành",
    "Thiên",
    "Trường",
    "Việt",
    "Vĩnh",
];
const SECOND: &[&str] = &[
    "Cường", "Dương", "Đạt", "Hà", "Hòa", "Lộc", "Lợi", "Nguyên", "Phát", "Phong", "Sơn", "Tâm",
    "Tiến", "Thịnh", "Thuận", "Tín", "Trí", "Xuân",
];
/// Class code and name of VSIC (QĐ 27/2018/QĐ-TTg), and the word in the company's name.
const TRADES: &[(&str, &str, &str)] = &[
    ("0118", "Trồng rau, đậu các loại và trồng hoa", "Nông nghiệp"),
    ("0322", "Nuôi trồng thủy sản nội địa", "Thủy sản"),
    ("1071", "Sản xuất các loại bánh từ bột", "Thực phẩm"),
    ("1410", "May trang phục (trừ trang phục từ da lông thú)", "May mặc"),
    ("1811", "In ấn", "In ấn"),
    ("2592", "Gia công cơ khí; xử lý và tráng phủ kim loại", "Cơ khí"),
    ("3100", "Sản xuất giường, tủ, bàn, ghế", "Nội thất"),
    ("4101", "Xây dựng nhà để ở", "Xây dựng"),
    ("4212", "Xây dựng công trình đường bộ", "Xây dựng Cầu đường"),
    ("4321", "Lắp đặt hệ thống điện", "Điện"),
    ("4649", "Bán buôn đồ dùng khác cho gia đình", "Thương mại"),
    ("4663", "Bán buôn vật liệu, thiết bị lắp đặt khác trong xây dựng", "Vật liệu Xây dựng"),
    ("4690", "Bán buôn tổng hợp", "Thương mại và Dịch vụ"),
    ("4933", "Vận tải hàng hóa bằng đường bộ", "Vận tải"),
    ("5510", "Dịch vụ lưu trú ngắn ngày", "Du lịch"),
    ("5610", "Nhà hàng và các dịch vụ ăn uống phục vụ lưu động", "Ẩm thực"),
    ("6201", "Lập trình máy vi tính", "Công nghệ"),
    (
        "6810",
        "Kinh doanh bất động sản, quyền sử dụng đất thuộc chủ sở hữu, chủ sử dụng hoặc đi thuê",
        "Bất động sản",
    ),
    ("7020", "Hoạt động tư vấn quản lý", "Tư vấn"),
    ("8299", "Hoạt động dịch vụ hỗ trợ kinh doanh khác còn lại chưa được phân vào đâu", "Dịch vụ"),
    ("8559", "Giáo dục khác chưa được phân vào đâu", "Giáo dục"),
];
