//! Each operation of the population database, asked as its clients ask.

use http::{HeaderMap, Method};

use super::super::soap::Element;
use super::*;
use crate::providers::population::Date;

const NOW_MS: i64 = 1_767_569_400_000;
const HEADER: &str = "<soapenv:Header>\n <xrd:client id:objectType=\"SUBSYSTEM\" xmlns:id=\"http://x-road.eu/xsd/identifiers\"><id:xRoadInstance>VN</id:xRoadInstance></xrd:client><xrd:id>Đ-1</xrd:id></soapenv:Header>";

fn population() -> Arc<Population> {
    Arc::new(Population::new(7, 10_000, Date::new(2026, 1, 5).unwrap()).unwrap())
}

fn people() -> (Arc<Population>, Arc<Newborns>) {
    let population = population();
    let newborns = Arc::new(Newborns::new(7, &population));
    (population, newborns)
}

fn ask(operation: Operation, access: Option<Access>, headers: &HeaderMap, body: &str) -> Answer {
    let database = PopulationDatabase::new(people(), operation, access.map(Arc::new));
    database.answer(&call(&Method::POST, "", None, headers, body))
}

fn call<'a>(
    method: &'a Method,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
    body: &'a str,
) -> Call<'a> {
    let caller = "VN:GOV:000.00.06.H60:MCDT";
    let body = body.as_bytes();
    Call { method, path, query, headers, body, caller, correlation: "c", now_ms: NOW_MS, pace: 1 }
}

fn envelope(operation: &str, fields: &str) -> String {
    format!(
        "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xrd=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:dan=\"{NAMESPACE}\">{HEADER}<soapenv:Body><dan:{operation}>{fields}</dan:{operation}></soapenv:Body></soapenv:Envelope>"
    )
}

fn fields(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("<dan:{name}>{value}</dan:{name}>")).collect()
}

fn asking(number: &str, name: &str, birth: &str) -> String {
    let place = if number.len() == 9 { "SoCMND" } else { "SoDinhDanh" };
    let asker =
        [("MaYeuCau", "R1"), ("MaDVC", "VPCP"), ("MaTichHop", "037"), ("MaCanBo", "cb.lan")];
    let birth = if birth.len() == 4 {
        format!("<dan:Nam>{birth}</dan:Nam>")
    } else {
        format!("<dan:NgayThangNam>{birth}</dan:NgayThangNam>")
    };
    let who = [(place, number), ("HoVaTen", name), ("NgayThangNamSinh", birth.as_str())];
    fields(&asker) + &fields(&who)
}

/// The answer's root, after the header was found unchanged.
fn body_of(operation: Operation, fields: &str) -> Element {
    let name = PopulationDatabase::new(people(), operation, None).description().code;
    let answer = ask(operation, None, &HeaderMap::new(), &envelope(name, fields));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains(HEADER), "{text}");
    Envelope::read(text.as_bytes()).unwrap().root
}

fn path<'a>(element: &'a Element, names: &[&str]) -> Option<&'a Element> {
    names.iter().try_fold(element, |at, name| at.children.iter().find(|child| child.name == *name))
}

fn value<'a>(element: &'a Element, names: &[&str]) -> &'a str {
    path(element, names).map_or("-", |found| found.text.as_str())
}

fn fault_text(operation: Operation, fields: &str) -> String {
    let root = body_of(operation, fields);
    assert_eq!((root.name.as_str(), value(&root, &["faultcode"])), ("Fault", "soap:Client"));
    value(&root, &["faultstring"]).to_owned()
}

#[test]
fn a_citizen_exists_only_when_number_name_and_date_agree() {
    let people = population();
    let person = people.person(4_321).unwrap();
    let other = people.person(4_322).unwrap();
    let (number, name) = (person.number.to_string(), person.name.upper());
    let (date, year) = (person.birth_date.compact(), person.birth_date.year().to_string());
    let next_day = person.birth_date.plus_days(1).compact();
    let table = [
        (number.clone(), name.clone(), date.clone(), "true"),
        (number.clone(), person.name.full().to_lowercase(), year, "true"),
        (number.clone(), name.clone(), next_day, "false"),
        (number.clone(), name.clone(), "1890".to_owned(), "false"),
        (number.clone(), other.name.upper() + " X", date.clone(), "false"),
        (number, "NGUYEN".to_owned(), date.clone(), "false"),
        (other.number.to_string(), name.clone(), date.clone(), "false"),
        ("000000000000".to_owned(), name, date, "false"),
    ];
    for (number, name, birth, exists) in table {
        let root = body_of(Operation::Authenticate, &asking(&number, &name, &birth));
        assert_eq!(
            (root.name.as_str(), root.namespace.as_str()),
            ("XacThucThongTinCongDanResponse", NAMESPACE)
        );
        assert_eq!(value(&root, &["KetQuaXacThuc", "TonTai"]), exists, "{number} {name} {birth}");
    }
}

#[test]
fn a_lookup_gives_the_whole_record() {
    let people = population();
    let with_card = |person: &Person| person.old_number.is_some() && person.spouse.is_some();
    let person = (0..).filter_map(|index| people.person(index)).find(with_card).unwrap();
    let old_number = person.old_number.unwrap().to_string();
    for number in [person.number.to_string(), old_number.clone()] {
        let asked = asking(&number, &person.name.upper(), &person.birth_date.compact());
        let root = body_of(Operation::Lookup, &asked);
        assert_eq!(root.name, "TraCuuThongTinCongDanResponse");
        let citizen = path(&root, &["CongdanCollection", "CongDan"]).unwrap();
        assert_eq!(citizen.namespace, "http://www.mic.gov.vn/dancu/1.0");
        let spouse = person.spouse.unwrap();
        let table: [(&[&str], String); 9] = [
            (&["SoDinhDanh"], person.number.to_string()),
            (&["SoCMND"], old_number.clone()),
            (&["HoVaTen", "Ten"], person.name.given.to_uppercase()),
            (&["NgayThangNamSinh", "Nam"], person.birth_date.year().to_string()),
            (&["ThuongTru", "ChiTiet"], person.permanent_address.full_text()),
            (&["ThuongTru", "MaPhuongXa"], person.permanent_address.commune.code()),
            (&["VoChong", "HoVaTen"], spouse.name.upper()),
            (&["ChuHo", "QuanHe"], person.relation_to_head.label().to_owned()),
            (&["SoSoHoKhau"], format!("{:09}", person.household.book)),
        ];
        for (names, wanted) in table {
            assert_eq!(value(citizen, names), wanted, "{names:?}");
        }
    }
    let asked = asking(&person.number.to_string(), &person.name.upper(), "18900101");
    let nobody = body_of(Operation::Lookup, &asked);
    assert!(path(&nobody, &["CongdanCollection"]).unwrap().children.is_empty());
}

#[test]
fn a_minor_has_a_guardian_and_relatives_come_without_the_rest() {
    let people = population();
    let is_child = |person: &Person| person.birth_date.year() > 2015 && person.mother.is_some();
    let child = (0..).filter_map(|index| people.person(index)).find(is_child).unwrap();
    let asked = asking(&child.number.to_string(), &child.name.upper(), &child.birth_date.compact());
    let root = body_of(Operation::VerifyRelatives, &asked);
    let citizen = path(&root, &["CongdanCollection", "CongDan"]).unwrap();
    assert_eq!(value(citizen, &["Me", "HoVaTen"]), child.mother.unwrap().name.upper());
    assert!(path(citizen, &["NguoiDaiDien"]).is_some());
    assert!(path(citizen, &["ThuongTru"]).is_none() && path(citizen, &["DanToc"]).is_none());
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let good = asking("001099000001", "NGUYỄN VĂN A", "19900101");
    let table = [
        (good.replace("001099000001", "00109900000"), "SoDinhDanh phải là 12 chữ số"),
        (good.replace("SoDinhDanh", "SoCMND"), "SoCMND phải là 9 chữ số"),
        (good.replace("001099000001", " "), "thiếu SoDinhDanh hoặc SoCMND"),
        (good.replace("NGUYỄN VĂN A", ""), "thiếu HoVaTen"),
        (good.replace("19900101", "19900231"), "NgayThangNam phải là"),
        (good.replace("19900101", "01/01/1990"), "NgayThangNam phải là"),
        (good.replace("<dan:NgayThangNam>19900101</dan:NgayThangNam>", ""), "đúng một trong hai"),
        (good.replace("R1", ""), "thiếu MaYeuCau"),
        (good.replace("R1", &"R".repeat(65)), "MaYeuCau phải là văn bản"),
        (good.replace("cb.lan", ""), "thiếu MaCanBo"),
        (good.replace("037", "003"), "MaTichHop 037"),
        (good.replace("MaDVC", "MaDvc"), "không có trường MaDvc"),
        (good.replace("dan:MaDVC", "xrd:MaDVC"), "không gian tên"),
        (format!("{good}{good}"), "lặp lại"),
        (format!("chữ{good}"), "không được có văn bản"),
        (good.replace("R1", "<dan:X/>"), "MaYeuCau phải là văn bản"),
    ];
    for (fields, wanted) in table {
        let told = fault_text(Operation::Lookup, &fields);
        assert!(told.contains(wanted), "{wanted} <> {told}");
    }
    let told = fault_text(Operation::Authenticate, &format!("{good}<dan:TuNgay>1</dan:TuNgay>"));
    assert!(told.contains("không có trường TuNgay"), "{told}");
}

#[test]
fn a_service_takes_its_own_operation_only() {
    let body = envelope("XacThucThongTinCongDan", &asking("001099000001", "A", "1990"));
    let answer = ask(Operation::Lookup, None, &HeaderMap::new(), &body);
    assert_eq!(answer.status, 500);
    assert!(String::from_utf8(answer.body).unwrap().contains("chỉ nhận TraCuuThongTinCongDan"));
    let elsewhere = body.replace(NAMESPACE, "urn:other");
    assert_eq!(ask(Operation::Authenticate, None, &HeaderMap::new(), &elsewhere).status, 500);
}

fn feed(pairs: &[(&str, &str)]) -> String {
    let mut all = vec![("MaYeuCau", "R1"), ("Loai", "1")];
    all.extend_from_slice(pairs);
    fields(&all)
}

#[test]
fn the_pages_of_the_feed_make_up_the_whole_and_meet_nobody_twice_a_day() {
    let day = [("TuNgay", "20260101"), ("DenNgay", "20260101")];
    let numbers = |extra: &[(&str, &str)]| -> (String, Vec<String>) {
        let root = body_of(Operation::Lookup, &feed(&[&day[..], extra].concat()));
        let list = path(&root, &["CongdanCollection"]).unwrap();
        let rows = list.children.iter().filter(|one| one.name == "CongDan");
        let rows = rows.map(|citizen| value(citizen, &["SoDinhDanh"]).to_owned()).collect();
        (value(list, &["SoCongDan"]).to_owned(), rows)
    };
    let (total, whole) = numbers(&[]);
    assert_eq!((total.as_str(), whole.len()), ("6", 6));
    let pages: Vec<String> = ["1", "2", "3"]
        .iter()
        .flat_map(|page| numbers(&[("Trang", page), ("SoBanGhi", "4")]).1)
        .collect();
    assert_eq!(pages, whole);
    let mut once = whole.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), whole.len());
}

#[test]
fn the_feed_knows_milliseconds_and_nothing_of_tomorrow() {
    // 2026-01-04T23:30Z is the 5th in Vietnam.
    let now = NOW_MS.to_string();
    let root = body_of(Operation::Lookup, &feed(&[("TuNgay", &now), ("DenNgay", "20260120")]));
    assert_eq!(value(&root, &["CongdanCollection", "SoCongDan"]), "6");
    let ahead =
        body_of(Operation::Lookup, &feed(&[("TuNgay", "20260106"), ("DenNgay", "20260107")]));
    assert_eq!(value(&ahead, &["CongdanCollection", "SoCongDan"]), "0");
    let days = [("TuNgay", "20251231"), ("DenNgay", "20260101")];
    for wrong in [
        feed(&[("TuNgay", "20260101")]),
        feed(&[("TuNgay", "20260102"), ("DenNgay", "20260101")]),
        feed(&[("TuNgay", "20250102"), ("DenNgay", "20260101")]),
        feed(&[days[0], days[1], ("SoBanGhi", "101")]),
        feed(&[days[0], days[1], ("Trang", "0")]),
        feed(&[days[0], days[1], ("Trang", "99999999999999999999")]),
        feed(&days).replace("<dan:Loai>1", "<dan:Loai>9"),
    ] {
        fault_text(Operation::Lookup, &wrong);
    }
    let far = feed(&[days[0], days[1], ("Trang", "100000"), ("SoBanGhi", "100")]);
    let far = body_of(Operation::Lookup, &far);
    assert_eq!(path(&far, &["CongdanCollection"]).unwrap().children.len(), 1);
}

#[test]
fn configured_credentials_are_asked_for() {
    let access = || Access {
        sv_url: "/dancu".to_owned(),
        user: "mcdt".to_owned(),
        secret: "bí mật".to_owned(),
        api_key: "k1".to_owned(),
    };
    let body = envelope("TraCuuThongTinCongDan", &asking("001099000001", "A", "1990"));
    let status = |timestamp: &str, authorization: &str, key: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("Timestamp", timestamp.parse().unwrap());
        headers.insert("Authorization", authorization.parse().unwrap());
        headers.insert("ApiKey", key.parse().unwrap());
        ask(Operation::Lookup, Some(access()), &headers, &body).status
    };
    let now = NOW_MS.to_string();
    let old = (NOW_MS - 6 * 60_000).to_string();
    let good = access().authorization(&now);
    assert_eq!(status(&now, &good, "k1"), 200);
    assert_eq!(status(&now, &good, "k2"), 401);
    assert_eq!(status(&now, &access().authorization(&old), "k1"), 401);
    assert_eq!(status(&old, &access().authorization(&old), "k1"), 401);
    assert_eq!(status("x", &access().authorization("x"), "k1"), 401);
    let none = ask(Operation::Lookup, Some(access()), &HeaderMap::new(), &body);
    assert_eq!((none.status, none.headers.len()), (401, 1));
    // printf '/dancumcdt1bí mật' | sha256sum
    let hash = "mcdt:7cf08fbb3df6daaa9a6e8f9ed76701f96c946a4ad16ba52b41ec76c45f4ceeef";
    let wanted = format!("Basic {}", base64_simd::STANDARD.encode_to_string(hash));
    assert_eq!(access().authorization("1"), wanted);
    assert!(!format!("{:?}", access()).contains("bí mật"));
}

#[test]
fn the_wsdl_is_given_to_whoever_asks_and_other_methods_are_refused() {
    let headers = HeaderMap::new();
    for service in PopulationDatabase::services(&people().0, &people().1, None) {
        let ask = |method: &Method, path, query| {
            service.answer(&call(method, path, query, &headers, "")).status
        };
        assert_eq!(ask(&Method::GET, "", Some("wsdl")), 200);
        assert_eq!(ask(&Method::GET, "/", Some("WSDL")), 200);
        assert_eq!(ask(&Method::GET, "", None), 405);
        assert_eq!(ask(&Method::PUT, "", None), 405);
        assert_eq!(ask(&Method::POST, "/x", None), 404);
        assert_eq!(ask(&Method::POST, "", None), 500);
        let operation = format!("<wsdl:operation name=\"{}\">", service.description().code);
        assert_eq!(WSDL.matches(&operation).count(), 2);
    }
}
