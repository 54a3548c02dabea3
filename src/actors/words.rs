//! What virtual agencies say: document types with their share, subjects, names of people, reasons.
//!
//! Everything is invented and sounds like the real thing; no sentence holds a mark of secrecy.

/// A type that agencies send, and how often among a hundred documents. Assumed: official letters lead by far.
pub(super) struct Genre {
    /// As `TypeName` gives it (config/document-types.csv).
    pub(super) name: &'static str,
    /// Empty for a Công văn, which is noted `number/AGENCY-DRAFTER` (domain.md 6.2).
    pub(super) abbreviation: &'static str,
    pub(super) share: u64,
    pub(super) subjects: &'static [&'static str],
}

pub(super) const GENRES: &[Genre] = &[
    Genre { name: "Công văn", abbreviation: "", share: 46, subjects: LETTERS },
    Genre { name: "Quyết định", abbreviation: "QĐ", share: 14, subjects: DECISIONS },
    Genre { name: "Thông báo", abbreviation: "TB", share: 9, subjects: NOTICES },
    Genre { name: "Kế hoạch", abbreviation: "KH", share: 8, subjects: PLANS },
    Genre { name: "Báo cáo", abbreviation: "BC", share: 8, subjects: REPORTS },
    Genre { name: "Giấy mời", abbreviation: "GM", share: 7, subjects: INVITATIONS },
    Genre { name: "Tờ trình", abbreviation: "TTr", share: 4, subjects: SUBMISSIONS },
    Genre { name: "Hướng dẫn", abbreviation: "HD", share: 2, subjects: GUIDELINES },
    Genre { name: "Chỉ thị", abbreviation: "CT", share: 1, subjects: DIRECTIVES },
    Genre { name: "Công điện", abbreviation: "CĐ", share: 1, subjects: TELEGRAMS },
];

const LETTERS: &[&str] = &[
    "V/v đôn đốc thực hiện chế độ báo cáo định kỳ trên Hệ thống thông tin báo cáo Chính phủ",
    "V/v kết nối, liên thông phần mềm quản lý văn bản và điều hành với Trục liên thông văn bản quốc gia",
    "V/v rà soát, cập nhật mã định danh điện tử của cơ quan, đơn vị sau sắp xếp",
    "V/v góp ý dự thảo Nghị định sửa đổi, bổ sung một số điều về công tác văn thư",
    "V/v cử cán bộ tham gia Tổ công tác triển khai Đề án 06",
    "V/v tăng cường công tác phòng cháy, chữa cháy và cứu nạn, cứu hộ mùa hanh khô",
    "V/v cung cấp số liệu phục vụ quyết toán ngân sách nhà nước",
    "V/v thực hiện tái cấu trúc quy trình thủ tục hành chính liên thông",
    "V/v triển khai chữ ký số chuyên dùng công vụ cho cán bộ, công chức cấp xã",
    "V/v xử lý phản ánh, kiến nghị của người dân trên Cổng Dịch vụ công quốc gia",
    "V/v đề nghị bố trí kinh phí bảo trì hạ tầng Trung tâm dữ liệu",
    "V/v chuẩn bị nội dung phiên họp thường kỳ tháng tới",
    "V/v triển khai mô hình chính quyền địa phương 02 cấp",
    "V/v bảo đảm nguồn cung và bình ổn giá các mặt hàng thiết yếu",
    "V/v đẩy nhanh tiến độ giải ngân vốn đầu tư công",
];

const DECISIONS: &[&str] = &[
    "Về việc ban hành Quy chế quản lý, vận hành nền tảng tích hợp, chia sẻ dữ liệu",
    "Về việc thành lập Ban Chỉ đạo chuyển đổi số",
    "Về việc giao dự toán thu, chi ngân sách nhà nước",
    "Về việc công bố Danh mục thủ tục hành chính được sửa đổi, bổ sung",
    "Về việc phê duyệt chủ trương đầu tư dự án nâng cấp đường liên xã",
    "Về việc kiện toàn Hội đồng thi đua - khen thưởng",
    "Về việc phê duyệt quy hoạch sử dụng đất",
    "Về việc điều động, bổ nhiệm công chức giữ chức vụ lãnh đạo, quản lý",
];

const NOTICES: &[&str] = &[
    "Kết luận của đồng chí Chủ trì tại cuộc họp giao ban công tác tuần",
    "Về việc tạm dừng hệ thống để bảo trì, nâng cấp hạ tầng mạng truyền số liệu chuyên dùng",
    "Kết quả xếp hạng chỉ số cải cách hành chính của các cơ quan, đơn vị",
    "Lịch tiếp công dân định kỳ của lãnh đạo",
    "Về việc thay đổi địa chỉ trụ sở làm việc và mẫu dấu",
    "Kết quả kiểm tra việc chấp hành kỷ luật, kỷ cương hành chính",
];

const PLANS: &[&str] = &[
    "Thực hiện công tác cải cách hành chính năm tới",
    "Triển khai Chương trình chuyển đổi số quốc gia trên địa bàn",
    "Tổ chức kỳ thi tốt nghiệp trung học phổ thông",
    "Phòng, chống thiên tai và tìm kiếm cứu nạn",
    "Kiểm tra công tác văn thư, lưu trữ",
    "Tập huấn sử dụng chữ ký số và gửi, nhận văn bản điện tử",
];

const REPORTS: &[&str] = &[
    "Tình hình kinh tế - xã hội tháng và nhiệm vụ trọng tâm tháng tiếp theo",
    "Kết quả thực hiện Nghị quyết số 57-NQ/TW về phát triển khoa học, công nghệ",
    "Công tác tiếp công dân, giải quyết khiếu nại, tố cáo quý",
    "Tình hình gửi, nhận văn bản điện tử theo Quyết định số 28/2018/QĐ-TTg",
    "Kết quả rà soát thủ tục hành chính nội bộ",
    "Tiến độ giải ngân kế hoạch vốn đầu tư công",
];

const INVITATIONS: &[&str] = &[
    "Dự Hội nghị trực tuyến toàn quốc sơ kết công tác chuyển đổi số",
    "Họp thẩm định hồ sơ đề nghị công nhận xã đạt chuẩn nông thôn mới",
    "Dự Lễ khai giảng năm học mới",
    "Họp bàn phương án sắp xếp trụ sở sau sáp nhập đơn vị hành chính",
    "Dự Hội thảo an toàn thông tin mạng",
];

const SUBMISSIONS: &[&str] = &[
    "Đề nghị phê duyệt danh mục dự án đầu tư trung hạn",
    "Đề nghị ban hành Nghị quyết quy định mức thu phí, lệ phí",
    "Đề nghị bổ sung biên chế sự nghiệp giáo dục",
    "Đề nghị phê duyệt cấp độ an toàn hệ thống thông tin",
];

const GUIDELINES: &[&str] = &[
    "Thực hiện số hóa hồ sơ, kết quả giải quyết thủ tục hành chính",
    "Áp dụng định dạng mã định danh của cơ quan, tổ chức theo Quyết định số 20/2020/QĐ-TTg",
    "Đánh giá, xếp loại chất lượng công chức, viên chức",
];

const DIRECTIVES: &[&str] = &[
    "Về tăng cường kỷ luật, kỷ cương trong giải quyết công việc cho người dân, doanh nghiệp",
    "Về việc đẩy mạnh sử dụng văn bản điện tử, thay thế văn bản giấy",
];

const TELEGRAMS: &[&str] = &[
    "Về việc tập trung ứng phó bão và mưa lũ",
    "Về việc khắc phục sự cố sạt lở, bảo đảm an toàn giao thông",
    "Về phòng, chống dịch bệnh trên đàn vật nuôi",
];

/// Who drafted an official letter: the unit behind the agency in `UBND-KGVX`.
pub(super) const DRAFTERS: &[&str] =
    &["VP", "KGVX", "TH", "NC", "KT", "CNTT", "TCCB", "KSTT", "QLNS", "HCQT"];

/// Reasons of a refusal (QĐ 28/2018 Art. 5.4, 9): each ends a real conversation between clerks.
pub(super) const REFUSALS: &[&str] = &[
    "Văn bản gửi nhầm địa chỉ, nội dung không thuộc thẩm quyền giải quyết của đơn vị",
    "Tệp đính kèm bị lỗi, không mở được; đề nghị gửi lại",
    "Văn bản thiếu phụ lục kèm theo như nội dung đã nêu",
    "Văn bản chưa được ký số theo quy định",
    "Văn bản đã nhận trùng, đề nghị đơn vị gửi kiểm tra lại",
];

/// Reasons why a receiver keeps a document that its sender wants back or changed.
pub(super) const DECLINES: &[&str] = &[
    "Văn bản đã được xử lý xong, không thể lấy lại",
    "Đơn vị đã ban hành văn bản triển khai, đề nghị gửi văn bản thay thế",
];

/// Reasons of a sender.
pub(super) const RECALLS: &[&str] = &[
    "Thu hồi do sai thể thức văn bản",
    "Thu hồi do gửi nhầm nơi nhận",
    "Thu hồi do ban hành nhầm dự thảo",
];
pub(super) const UPDATES: &[&str] = &[
    "Cập nhật phụ lục kèm theo",
    "Cập nhật thời hạn thực hiện",
    "Đính chính số liệu tại Phụ lục I",
];

pub(super) const FAMILY: &[&str] = &[
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Nông", "Lò",
    "Ksor", "Thạch",
];
pub(super) const MIDDLE: &[&str] =
    &["Văn", "Thị", "Đức", "Minh", "Thu", "Quang", "Hồng", "Ngọc", "Thanh", "Hữu"];
pub(super) const GIVEN: &[&str] = &[
    "An", "Bình", "Cường", "Dũng", "Giang", "Hà", "Hạnh", "Hùng", "Lan", "Long", "Mai", "Nam",
    "Oanh", "Phúc", "Quỳnh", "Sơn", "Thảo", "Tuấn", "Vân", "Yến",
];

/// Files that travel with a document, the main one first.
pub(super) const ENCLOSURES: &[&str] =
    &["Phu luc I.pdf", "Phu luc II.pdf", "Bieu mau tong hop.pdf", "Danh sach kem theo.pdf"];

/// Million people at the end of 2024 (domain.md 3.4): how much a province writes.
pub(super) const POPULATIONS: &[(&str, f64)] = &[
    ("H60", 1.87),
    ("H38", 1.78),
    ("H55", 1.80),
    ("H44", 4.02),
    ("H05", 3.62),
    ("H31", 3.57),
    ("H24", 4.66),
    ("H42", 4.41),
    ("H50", 1.87),
    ("H17", 3.07),
    ("H48", 2.16),
    ("H21", 3.58),
    ("H32", 2.24),
    ("H18", 0.67),
    ("H37", 0.88),
    ("H56", 4.32),
    ("H27", 1.62),
    ("H36", 3.87),
    ("H15", 3.35),
    ("H29", 14.00),
    ("H19", 4.49),
    ("H53", 3.25),
    ("H13", 4.20),
    ("H61", 4.26),
    ("H20", 4.37),
    ("H12", 2.61),
    ("H01", 4.95),
    ("H26", 8.81),
    ("H57", 1.43),
    ("H35", 0.51),
    ("H52", 1.40),
    ("H49", 1.50),
    ("H41", 3.83),
    ("H14", 0.57),
];
