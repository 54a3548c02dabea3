//! The pages a citizen sees. No script, nothing from elsewhere; every value escaped.

use quick_xml::escape::escape;

use super::super::Answer;
use super::Person;
use super::answer::unkept;
use super::target::{Target, Wish};

const HTML: &str = "text/html; charset=utf-8";

pub(super) fn consent(target: &Target<'_>, wish: &Wish<'_>, citizens: &[Person]) -> Answer {
    let mut form = String::from("<form method=\"post\" action=\"authorize\">\n");
    let hidden = [
        ("response_type", Some("code")),
        ("client_id", Some(target.client.id.as_str())),
        ("redirect_uri", Some(target.redirect_uri)),
        ("scope", Some(wish.scope.as_str())),
        ("state", target.state),
        ("nonce", wish.nonce),
        ("code_challenge", wish.challenge),
        ("code_challenge_method", wish.challenge.map(|_| "S256")),
    ];
    for (name, value) in hidden {
        if let Some(value) = value {
            let value = escape(value);
            form.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n"));
        }
    }
    form.push_str("<fieldset><legend>Chọn công dân</legend>\n");
    for (place, person) in citizens.iter().enumerate() {
        let checked = if place == 0 { " checked" } else { "" };
        let (number, name) = (person.number, person.name.full());
        form.push_str(&format!(
            "<p><label><input type=\"radio\" name=\"citizen\" value=\"{number}\"{checked}> {} – {number} – sinh ngày {}</label></p>\n",
            escape(&name), person.birth_date,
        ));
    }
    form.push_str("</fieldset>\n<p><button name=\"decision\" value=\"allow\">Đồng ý</button> <button name=\"decision\" value=\"deny\">Từ chối</button></p>\n</form>");
    let asked = format!(
        "<p>Ứng dụng <strong>{}</strong> xin được biết: {}.</p>\n<p>Dữ liệu mô phỏng, không phải của người thật.</p>\n{form}",
        escape(&target.client.id),
        told(&wish.scope),
    );
    page(200, "Đăng nhập VNeID (mô phỏng)", &asked)
}

pub(super) fn error(status: u16, message: &str) -> Answer {
    let text = format!("<p>{}</p>", escape(message));
    page(status, "Yêu cầu không hợp lệ", &text)
}

pub(super) fn signed_out() -> Answer {
    page(200, "Đã đăng xuất", "<p>Bạn đã đăng xuất khỏi VNeID (mô phỏng).</p>")
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    unkept(Answer::new(status, HTML, html))
        .with_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        .with_header("Referrer-Policy", "no-referrer")
}

fn told(scope: &str) -> String {
    let words = scope.split(' ').map(|scope| match scope {
        "openid" => "số định danh, họ tên, ngày sinh, giới tính",
        "profile" => "dân tộc, quê quán, quốc tịch",
        "email" => "thư điện tử",
        "phone" => "số điện thoại",
        _ => "nơi thường trú",
    });
    words.collect::<Vec<_>>().join("; ")
}
