//! Pages for the codes that are not refusals of documents: faults of TLS, of links, of HTTP heads, of requests to
//! the operator's API, and of configurations.

use crate::domain::service::Trouble;
use crate::ingress::wso2::AdapterFault;
use crate::operator::fault::Problem;
use crate::texts;
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
    if let Some(problem) = Problem::ALL.iter().find(|problem| problem.code() == code) {
        let title = of((problem.vi(), problem.en()), lang);
        return Some(ShortPage { title, fix: of(OPERATOR, lang) });
    }
    if let Some(trouble) = Trouble::from_code(code) {
        let told = texts::call(trouble, lang);
        return Some(ShortPage { title: told.title, fix: told.fix });
    }
    if let Some(fault) = AdapterFault::ALL.iter().find(|fault| fault.code() == code) {
        return Some(ShortPage {
            title: of((fault.vi(), fault.en()), lang),
            fix: of(ADAPTER, lang),
        });
    }
    let is_config = Code::ALL.iter().any(|known| known.as_str() == code);
    is_config.then(|| ShortPage { title: of(CONFIG.0, lang), fix: of(CONFIG.1, lang) })
}

pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    let pages = PAGES.iter().map(|(code, ..)| *code);
    let problems = Problem::ALL.iter().map(|problem| problem.code());
    let troubles = Trouble::ALL.iter().map(|trouble| trouble.code());
    let adapter = AdapterFault::ALL.iter().map(|fault| fault.code());
    pages
        .chain(problems)
        .chain(troubles)
        .chain(adapter)
        .chain(Code::ALL.iter().map(|code| code.as_str()))
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

const HEAD: Both = (
    "Máy khách hoặc một proxy ở giữa gửi phần đầu HTTP sai; so với RFC 9112 hoặc dùng một thư viện HTTP.",
    "The client, or a proxy in between, sends a malformed HTTP head; compare RFC 9112, or use an HTTP library.",
);

const LENGTH: Both = (
    "Gửi đúng một Content-Length với số byte của nội dung, không dùng Transfer-Encoding.",
    "Send one Content-Length with the number of bytes of the body, and no Transfer-Encoding.",
);

const LIMIT: Both = (
    "Giới hạn ở mục [limits] của cấu hình: head_bytes_max, head_timeout_ms, body_bytes_max (`lienthong config schema`).",
    "The limits are in [limits] of the topology: head_bytes_max, head_timeout_ms, body_bytes_max (`lienthong config schema`).",
);

const ADAPTER: Both = (
    "Địa chỉ đúng: /XrdAdapter/RestService/forward/<đường dẫn>?dstcode=VN:GOV:<mã định danh>:<hệ thống>.",
    "The right address: /XrdAdapter/RestService/forward/<path>?dstcode=VN:GOV:<agency code>:<system>.",
);

const OPERATOR: Both = (
    "Câu trả lời có chỗ sai (at), chi tiết và tên gần nhất; mô tả API ở /api/v1/openapi.json.",
    "The answer tells the place (at), the detail and the nearest names; the API is described at /api/v1/openapi.json.",
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
    ("LT-H001", ("Dữ liệu nhận được không phải HTTP.", "What came is not HTTP."), HEAD),
    (
        "LT-H002",
        (
            "Một dòng của phần đầu thiếu ký tự CR trước LF.",
            "A line of the head ends without a carriage return.",
        ),
        HEAD,
    ),
    (
        "LT-H003",
        ("Ký tự CR đứng một mình trong phần đầu.", "A carriage return stands alone in the head."),
        HEAD,
    ),
    (
        "LT-H004",
        (
            "Dòng đầu không gồm phương thức, đích và phiên bản.",
            "The first line is not method, target and version.",
        ),
        HEAD,
    ),
    (
        "LT-H005",
        ("Cổng này chỉ nói HTTP/1.1 và HTTP/1.0.", "Only HTTP/1.1 and HTTP/1.0 are spoken here."),
        HEAD,
    ),
    (
        "LT-H006",
        ("Đích của yêu cầu không phải là đường dẫn.", "The target of the request is not a path."),
        HEAD,
    ),
    (
        "LT-H007",
        (
            "Tên trường phần đầu trống hoặc có ký tự cấm.",
            "A header name is missing or holds a forbidden character.",
        ),
        HEAD,
    ),
    (
        "LT-H008",
        (
            "Giá trị của một trường kéo sang dòng sau.",
            "A header value is continued on the next line.",
        ),
        HEAD,
    ),
    ("LT-H009", ("Giá trị của một trường có ký tự NUL.", "A header value holds NUL."), HEAD),
    (
        "LT-H010",
        ("Content-Length không phải là một số.", "Content-Length is not a plain number."),
        LENGTH,
    ),
    (
        "LT-H011",
        ("Content-Length có nhiều lần.", "Content-Length is given more than once."),
        LENGTH,
    ),
    ("LT-H012", ("Không nhận Transfer-Encoding.", "Transfer-Encoding is not accepted."), LENGTH),
    (
        "LT-H013",
        (
            "Vừa có Transfer-Encoding vừa có Content-Length.",
            "Transfer-Encoding and Content-Length come together.",
        ),
        LENGTH,
    ),
    ("LT-H014", ("Host có nhiều lần.", "Host is given more than once."), HEAD),
    ("LT-H015", ("Expect đòi điều không biết.", "Expect asks for something unknown."), HEAD),
    ("LT-H016", ("Phần đầu quá lớn.", "The head is too large."), LIMIT),
    ("LT-H017", ("Phần đầu có quá nhiều trường.", "The head has too many fields."), LIMIT),
    (
        "LT-H018",
        ("Câu trả lời không cho biết dài bao nhiêu.", "The answer does not say how long it is."),
        LENGTH,
    ),
    ("LT-H019", ("Phần đầu đến quá chậm.", "The head came too slowly."), LIMIT),
    ("LT-H020", ("Nội dung lớn hơn mức cho phép.", "The body is larger than is allowed."), LIMIT),
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
        for code in (1..=20).map(|number| format!("LT-H{number:03}")) {
            assert!(page(&code, Lang::Vi).is_some(), "{code}");
        }
        for problem in Problem::ALL {
            assert!(page(problem.code(), Lang::En).is_some(), "{}", problem.code());
        }
        for trouble in Trouble::ALL {
            let code = trouble.code();
            assert_ne!(page(code, Lang::Vi), page(code, Lang::En), "{code}");
        }
        assert!(page("LT-C0302", Lang::Vi).is_some());
        assert_eq!(page("LT-C9999", Lang::Vi), None);
    }
}
