//! A citizen's record as XML: `CongdanCollection` of domain.md 4.2. Codes are those of the shared code lists
//! (domain.md 4.9: magioitinh, madantoc, matongiao, matinhtranghonnhan, manhommau).

use super::super::citizen::Newborn;
use super::super::soap::Xml;
use crate::providers::population::{
    BloodGroup, Date, MaritalStatus, Name, Person, Place, Population, Relative,
};

const NAMESPACE: &str = "http://www.mic.gov.vn/dancu/1.0";
/// A guardian stands on the record until this age.
const MAJORITY_YEARS: u16 = 18;

/// With `total`, the number of all rows of which these are one page.
pub(super) fn collection(xml: &mut Xml, total: Option<u64>, rows: impl FnOnce(&mut Xml)) {
    xml.open(&format!("CongdanCollection xmlns=\"{NAMESPACE}\""));
    if let Some(total) = total {
        xml.leaf("SoCongDan", &total.to_string());
    }
    rows(xml);
    xml.close("CongdanCollection");
}

/// Every field.
pub(super) fn whole(xml: &mut Xml, population: &Population, person: &Person) {
    xml.open("CongDan");
    who(xml, person);
    xml.leaf("GioiTinh", &person.sex.insurance_code().to_string());
    xml.leaf("DanToc", &format!("{:02}", person.ethnic_group.code));
    xml.leaf("TonGiao", &format!("{:02}", person.religion.code()));
    xml.leaf("TinhTrangHonNhan", marital_code(person.marital_status));
    xml.leaf("NhomMau", blood_code(person.blood_group));
    birth(xml, person.birth_date);
    place(xml, "NoiDangKyKhaiSinh", &person.birth_place);
    xml.leaf("QuocTich", person.nationality);
    place(xml, "QueQuan", &person.home_town);
    place(xml, "ThuongTru", &person.permanent_address);
    place(xml, "NoiOHienTai", &person.current_address);
    relatives(xml, population, person);
    xml.leaf("SoSoHoKhau", &format!("{:09}", person.household.book));
    xml.close("CongDan");
}

/// What a birth certificate says; a child has no card, no house of its own and nobody but its parents.
pub(super) fn newborn(xml: &mut Xml, population: &Population, child: &Newborn) {
    xml.open("CongDan");
    xml.leaf("SoDinhDanh", &child.number.to_string());
    xml.leaf("SoCMND", "");
    xml.open("HoVaTen");
    let upper = child.name.to_uppercase();
    let (family, rest) = upper.split_once(' ').unwrap_or((upper.as_str(), ""));
    let (middle, given) = rest.rsplit_once(' ').unwrap_or(("", rest));
    xml.leaf("Ho", family);
    xml.leaf("ChuDem", middle);
    xml.leaf("Ten", given);
    xml.close("HoVaTen");
    xml.leaf("GioiTinh", &child.sex.insurance_code().to_string());
    birth(xml, child.birth_date);
    let place = Place { commune: child.commune, detail: String::new() };
    self::place(xml, "NoiDangKyKhaiSinh", &place);
    xml.leaf("QuocTich", "VN");
    for (name, parent) in [("Cha", child.parents.father), ("Me", child.parents.mother)] {
        if let Some(parent) = parent.and_then(|index| population.person(index)) {
            let number = Some(parent.number);
            let (index, deceased) = (Some(parent.index), !parent.alive);
            let old_number = parent.old_number;
            relation(
                xml,
                name,
                &Relative { name: parent.name, index, number, old_number, deceased },
            );
        }
    }
    xml.close("CongDan");
}

/// Who it is and the relatives.
pub(super) fn family(xml: &mut Xml, population: &Population, person: &Person) {
    xml.open("CongDan");
    who(xml, person);
    birth(xml, person.birth_date);
    relatives(xml, population, person);
    xml.close("CongDan");
}

fn who(xml: &mut Xml, person: &Person) {
    let Name { family, middle, given } = person.name;
    xml.leaf("SoDinhDanh", &person.number.to_string());
    xml.leaf("SoCMND", &person.old_number.map(|number| number.to_string()).unwrap_or_default());
    xml.open("HoVaTen");
    xml.leaf("Ho", &family.to_uppercase());
    xml.leaf("ChuDem", &middle.to_uppercase());
    xml.leaf("Ten", &given.to_uppercase());
    xml.close("HoVaTen");
}

fn birth(xml: &mut Xml, date: Date) {
    xml.open("NgayThangNamSinh");
    xml.leaf("Nam", &format!("{:04}", date.year()));
    xml.leaf("NgayThangNam", &date.compact());
    xml.close("NgayThangNamSinh");
}

fn place(xml: &mut Xml, name: &str, place: &Place) {
    xml.open(name);
    xml.leaf("MaTinhThanh", &format!("{:02}", place.province().code));
    // There are no districts since 1/7/2025; the field stays.
    xml.leaf("MaQuanHuyen", "");
    xml.leaf("MaPhuongXa", &place.commune.code());
    xml.leaf("ChiTiet", &place.full_text());
    xml.leaf("QuocGia", "VN");
    xml.close(name);
}

fn relatives(xml: &mut Xml, population: &Population, person: &Person) {
    let is_minor = person.birth_date.years_until(population.on()) < MAJORITY_YEARS;
    let parents = [person.father, person.mother];
    let guardian = parents.into_iter().flatten().find(|parent| is_minor && !parent.deceased);
    let relatives = [
        ("Cha", person.father),
        ("Me", person.mother),
        ("VoChong", person.spouse),
        ("NguoiDaiDien", guardian),
    ];
    for (name, relative) in relatives {
        if let Some(relative) = relative {
            relation(xml, name, &relative);
        }
    }
    let Some(head) = population.person(person.household.head) else {
        return;
    };
    xml.open("ChuHo");
    xml.leaf("QuanHe", person.relation_to_head.label());
    xml.leaf("SoDinhDanh", &head.number.to_string());
    xml.leaf("SoCMND", &head.old_number.map(|number| number.to_string()).unwrap_or_default());
    xml.leaf("HoVaTen", &head.name.upper());
    xml.close("ChuHo");
}

fn relation(xml: &mut Xml, name: &str, relative: &Relative) {
    xml.open(name);
    xml.leaf("HoVaTen", &relative.name.upper());
    xml.leaf("QuocTich", "VN");
    xml.leaf("SoDinhDanh", &relative.number.map(|number| number.to_string()).unwrap_or_default());
    xml.leaf("SoCMND", &relative.old_number.map(|number| number.to_string()).unwrap_or_default());
    xml.close(name);
}

fn marital_code(status: MaritalStatus) -> &'static str {
    match status {
        MaritalStatus::Single => "1",
        MaritalStatus::Married => "2",
        // One code for both.
        MaritalStatus::Widowed | MaritalStatus::Divorced => "3",
    }
}

fn blood_code(group: BloodGroup) -> &'static str {
    match group {
        BloodGroup::A => "01",
        BloodGroup::B => "02",
        BloodGroup::Ab => "03",
        BloodGroup::O => "04",
    }
}
