//! Pages for the codes that are not refusals of documents: faults of TLS, of links, and of configurations.

use crate::topology::{Code, Lang};

/// What `explain` says about such a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShortPage {
    pub(super) title: &'static str,
    pub(super) fix: &'static str,
}

/// The page of a code in its full form.
pub(super) fn page(code: &str, lang: Lang) -> Option<ShortPage> {
    if let Some((_, title, fix)) = PAGES.iter().find(|(known, ..)| *known == code) {
        return Some(ShortPage { title: of(*title, lang), fix: of(*fix, lang) });
    }
    let is_config = Code::ALL.iter().any(|known| known.as_str() == code);
    is_config.then(|| ShortPage { title: of(CONFIG.0, lang), fix: of(CONFIG.1, lang) })
}

pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, ..)| *code).chain(Code::ALL.iter().map(|code| code.as_str()))
}

const fn of(both: (&'static str, &'static str), lang: Lang) -> &'static str {
    match lang {
        Lang::Vi => both.0,
        Lang::En => both.1,
    }
}

type Both = (&'static str, &'static str);

const CONFIG: (Both, Both) = (
    (
        "Tệp cấu hình có lỗi ở chỗ được chỉ ra.",
        "The topology file has a mistake at the place shown.",
    ),
    (
        "Sửa theo gợi ý rồi kiểm tra lại bằng `lienthong check TỆP`; mọi lỗi được báo cùng lúc.",
        "Follow the help line and run `lienthong check FILE`; all mistakes are told at once.",
    ),
);

const RENEW: Both = (
    "Cấp lại bằng `lienthong pki renew NGƯỜI-GIỮ`.",
    "Make a new one with `lienthong pki renew HOLDER`.",
);

const UP: Both = (
    "Xem nền tảng có đang chạy không (`lienthong up`), cổng và địa chỉ trong run.json.",
    "See whether the platform runs (`lienthong up`), and the address in run.json.",
);

const SPEAK: Both = (
    "Dùng TLS 1.3, hoặc mở TLS 1.2 ở mục [tls] cho máy khách cũ.",
    "Speak TLS 1.3, or allow TLS 1.2 in [tls] for old clients.",
);

const REPORT: Both = (
    "Chạy lại với -vv và xem nhật ký ở cả hai đầu.",
    "Run it again with -vv and read the logs of both ends.",
);

const PAGES: &[(&str, Both, Both)] = &[
    (
        "LT-T001",
        ("Chứng thư do cơ quan cấp không được tin cậy.", "The certificate's authority is unknown."),
        (
            "Hai bên phải dùng chung chuỗi trong DATA/pki; đừng trộn hai thư mục dữ liệu.",
            "Both ends need the chain of the same DATA/pki; do not mix two data folders.",
        ),
    ),
    ("LT-T002", ("Chứng thư đã hết hạn.", "The certificate has expired."), RENEW),
    (
        "LT-T003",
        ("Chứng thư chưa có hiệu lực.", "The certificate is not valid yet."),
        ("Kiểm tra đồng hồ của cả hai máy.", "Check the clocks of both machines."),
    ),
    ("LT-T004", ("Chứng thư đã bị thu hồi.", "The certificate was revoked."), RENEW),
    (
        "LT-T005",
        ("Chứng thư được cấp cho tên khác.", "The certificate is for another name."),
        (
            "Kết nối bằng tên hoặc địa chỉ có trong chứng thư; `lienthong pki init` thêm địa chỉ mới.",
            "Connect by a name that the certificate has; `lienthong pki init` adds new addresses.",
        ),
    ),
    (
        "LT-T006",
        ("Máy khách không đưa chứng thư.", "The client sent no certificate."),
        (
            "Cổng mtls cần chứng thư của hệ thống: tệp cert và key ghi trong run.json.",
            "The mtls port needs the member's certificate: cert and key are named in run.json.",
        ),
    ),
    (
        "LT-T007",
        ("Chứng thư không dùng được cho việc này.", "The certificate is not for this purpose."),
        RENEW,
    ),
    (
        "LT-T008",
        ("Chữ ký khi bắt tay không đúng.", "A signature of the handshake is wrong."),
        RENEW,
    ),
    ("LT-T009", ("Chứng thư sai định dạng.", "The certificate is malformed."), RENEW),
    (
        "LT-T010",
        ("Không có danh sách thu hồi của cơ quan cấp.", "No revocation list covers the authority."),
        ("Chạy `lienthong pki init`.", "Run `lienthong pki init`."),
    ),
    (
        "LT-T011",
        ("Danh sách thu hồi đã quá hạn.", "The revocation list is out of date."),
        ("Chạy `lienthong pki init`.", "Run `lienthong pki init`."),
    ),
    (
        "LT-T012",
        ("Hai bên không có phiên bản hay bộ mã chung.", "No common TLS version or cipher."),
        SPEAK,
    ),
    (
        "LT-T013",
        ("Dữ liệu nhận được không phải TLS.", "What came is not TLS."),
        (
            "Đừng gửi HTTP thường vào cổng TLS; HTTP thường chỉ dùng cho cổng local của máy chủ bảo mật.",
            "Send no plain HTTP to a TLS port; only a security server's local port takes it.",
        ),
    ),
    ("LT-T014", ("Bên kia không theo đúng giao thức.", "The protocol was not kept."), REPORT),
    ("LT-T015", ("Kết nối bị đóng khi đang bắt tay.", "Closed during the handshake."), UP),
    ("LT-T016", ("Bắt tay quá thời hạn.", "The handshake took too long."), UP),
    ("LT-T017", ("Không kết nối được.", "It cannot be reached."), UP),
    ("LT-T018", ("Bên kia báo một cảnh báo TLS.", "The peer sent a TLS alert."), REPORT),
    (
        "LT-T019",
        ("Chưa nạp chứng thư của chính mình.", "No certificate of our own is loaded."),
        ("Chạy `lienthong pki init`.", "Run `lienthong pki init`."),
    ),
    (
        "LT-L001",
        ("Không giao được sang nền tảng bên cạnh.", "The neighbour cannot be reached."),
        UP,
    ),
    (
        "LT-L002",
        ("Nền tảng bên cạnh không trả lời kịp.", "The neighbour did not answer in time."),
        (
            "Xem điều kiện của đường truyền: `lienthong link show`.",
            "See the conditions of the link: `lienthong link show`.",
        ),
    ),
    (
        "LT-L003",
        ("Không đọc được nội dung trong nhật ký.", "A body cannot be read from the journal."),
        REPORT,
    ),
    ("LT-L004", ("Không có đường sang nền tảng đó.", "There is no such link."), REPORT),
    ("LT-L005", ("Nền tảng bên cạnh trả lời lạ.", "The neighbour gave an odd answer."), REPORT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_tls_and_of_configurations_has_a_page() {
        let mut known: Vec<_> = codes().collect();
        let count = known.len();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), count);
        for number in 1..=19 {
            let code = format!("LT-T{number:03}");
            assert_ne!(page(&code, Lang::Vi), page(&code, Lang::En), "{code}");
        }
        assert!(page("LT-C0302", Lang::Vi).is_some());
        assert_eq!(page("LT-C9999", Lang::Vi), None);
    }
}
