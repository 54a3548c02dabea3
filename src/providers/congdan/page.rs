//! The pages of the citizen's portal. No script, nothing from elsewhere; every value escaped.

use quick_xml::escape::escape;
use serde_json::Value;

use super::super::Answer;

const HTML: &str = "text/html; charset=utf-8";
const NAMES: [&str; 10] = [
    "Mới đăng ký",
    "Được tiếp nhận",
    "Không được tiếp nhận",
    "Đang xử lý",
    "Yêu cầu bổ sung giấy tờ",
    "Yêu cầu thực hiện nghĩa vụ tài chính",
    "Công dân yêu cầu rút hồ sơ",
    "Dừng xử lý",
    "Đã xử lý xong",
    "Đã trả kết quả",
];

pub(super) fn front() -> Answer {
    page("Cổng Dịch vụ công (mô phỏng)", "<p><a href=\"dang-nhap\">Đăng nhập bằng VNeID</a></p>")
}

pub(super) fn refused() -> Answer {
    page("Chưa đăng nhập", "<p>Bạn đã từ chối. <a href=\"dang-nhap\">Đăng nhập lại</a></p>")
}

pub(super) fn dossiers(name: &str, dossiers: &[Value]) -> Answer {
    let mut body = format!("<p>Xin chào <strong>{}</strong>.</p>\n", escape(name));
    if dossiers.is_empty() {
        body.push_str("<p>Chưa có hồ sơ nào.</p>");
        return page("Hồ sơ của tôi", &body);
    }
    body.push_str("<table>\n<tr><th>Mã hồ sơ<th>Thủ tục<th>Trạng thái\n");
    for dossier in dossiers {
        let text = |name: &str| dossier.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = text("TrangThaiHoSo").parse::<usize>().ok();
        let status = status.and_then(|code| NAMES.get(code.checked_sub(1)?)).unwrap_or(&"");
        body.push_str(&format!(
            "<tr><td>{}<td>{}<td>{status}\n",
            escape(text("MaHoSo")),
            escape(text("TenTTHC"))
        ));
    }
    body.push_str("</table>");
    page("Hồ sơ của tôi", &body)
}

fn page(title: &str, body: &str) -> Answer {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    Answer::new(200, HTML, html)
        .with_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}
