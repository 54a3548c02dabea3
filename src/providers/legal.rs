//! CSDL quốc gia về pháp luật, "VBQPPL" (domain.md 4.10, likely): search legal documents, read one by its number.
//!
//! The documents are those that domain.md 1.4 and 2.1 name, each with how sure its data are; paths and fields are ours.

use serde::Serialize;

use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::input::Page;
use super::moment::parse_date;
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const DOCUMENTS: &str = include_str!("data/legal/documents.csv");
const COLUMNS: usize = 10;
/// Characters of a search word.
const WORDS_CHARS_MAX: usize = 200;
const EFFECTS: [&str; 3] = ["con_hieu_luc", "het_hieu_luc", "chua_xac_dinh"];

static DESCRIPTION: Description = Description {
    code: "vbqppl",
    owner: "G15",
    system: "VBQPPL",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu văn bản quy phạm pháp luật",
    title_en: "Legal documents database",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("openapi/vbqppl.json")),
};

pub(super) const ROUTES: &[Route<LegalDocuments>] = &[
    Route { method: "GET", template: "/documents", run: LegalDocuments::search },
    Route { method: "GET", template: "/documents/detail", run: LegalDocuments::detail },
];

#[derive(Debug)]
pub struct LegalDocuments {
    documents: Vec<Document>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    so_ky_hieu: &'static str,
    loai_van_ban: &'static str,
    trich_yeu: &'static str,
    co_quan_ban_hanh: &'static str,
    /// Empty when it is not known, like the next.
    ngay_ban_hanh: &'static str,
    ngay_hieu_luc: &'static str,
    tinh_trang: &'static str,
    thay_the: Vec<&'static str>,
    bi_thay_the_boi: Vec<&'static str>,
    do_tin_cay: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    tong_so: usize,
    van_ban: Vec<&'a Document>,
}

impl Default for LegalDocuments {
    fn default() -> Self {
        Self::new()
    }
}

impl LegalDocuments {
    pub fn new() -> Self {
        Self { documents: DOCUMENTS.lines().skip(1).filter_map(document).collect() }
    }

    fn search(&self, request: &Request<'_>) -> Outcome {
        let query = &request.query;
        let words = query.text("tuKhoa")?.unwrap_or_default().to_lowercase();
        if words.chars().count() > WORDS_CHARS_MAX {
            return Err(Fault::bad_request(format!("tuKhoa dài quá {WORDS_CHARS_MAX} ký tự")));
        }
        let (kind, issuer) = (query.text("loaiVanBan")?, query.text("coQuanBanHanh")?);
        let effect = query.text("tinhTrang")?;
        if effect.is_some_and(|effect| !EFFECTS.contains(&effect)) {
            return Err(Fault::bad_request(format!("tinhTrang phải là {}", EFFECTS.join(", "))));
        }
        let from = date_of(request, "tuNgay")?.unwrap_or_default();
        let to = date_of(request, "denNgay")?.unwrap_or_else(|| "9999-12-31".to_owned());
        let page: Page = query.page()?;
        let fits = |document: &&Document| {
            let text = format!("{} {}", document.so_ky_hieu, document.trich_yeu).to_lowercase();
            words.split_whitespace().all(|word| text.contains(word))
                && kind.is_none_or(|kind| document.loai_van_ban == kind)
                && issuer.is_none_or(|issuer| document.co_quan_ban_hanh == issuer)
                && effect.is_none_or(|effect| document.tinh_trang == effect)
                && (from.as_str()..=to.as_str()).contains(&document.ngay_ban_hanh)
        };
        let found: Vec<_> = self.documents.iter().filter(fits).collect();
        let tong_so = found.len();
        Ok(Answer::json(200, &Found { tong_so, van_ban: page.of(found.into_iter()) }))
    }

    /// The number stands in the query, because it holds slashes.
    fn detail(&self, request: &Request<'_>) -> Outcome {
        let number = request.query.required("soKyHieu")?;
        let wanted = number.trim().to_lowercase();
        let found =
            self.documents.iter().find(|document| document.so_ky_hieu.to_lowercase() == wanted);
        let found = found.ok_or_else(|| Fault::not_found("không có văn bản với số ký hiệu này"))?;
        Ok(Answer::json(200, found))
    }
}

fn document(line: &'static str) -> Option<Document> {
    let fields: Vec<&str> = line.split('|').collect();
    let fields: [&str; COLUMNS] = fields.try_into().ok()?;
    let [number, kind, abstract_, issuer, issued, in_force, effect, replaces, replaced, sure] =
        fields;
    let list = |text: &'static str| text.split(';').filter(|one| !one.is_empty()).collect();
    Some(Document {
        so_ky_hieu: number,
        loai_van_ban: kind,
        trich_yeu: abstract_,
        co_quan_ban_hanh: issuer,
        ngay_ban_hanh: issued,
        ngay_hieu_luc: in_force,
        tinh_trang: effect,
        thay_the: list(replaces),
        bi_thay_the_boi: list(replaced),
        do_tin_cay: sure,
    })
}

fn date_of(request: &Request<'_>, name: &str) -> Result<Option<String>, Fault> {
    let Some(text) = request.query.text(name)? else {
        return Ok(None);
    };
    let date = parse_date(text)
        .ok_or_else(|| Fault::bad_request(format!("{name} phải có dạng yyyy-MM-dd")))?;
    Ok(Some(date.to_string()))
}

impl Provider for LegalDocuments {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Asker, PROVINCE};
    use super::*;

    #[test]
    fn the_file_is_read_whole_and_its_references_meet() {
        let documents = LegalDocuments::new().documents;
        assert_eq!(documents.len(), DOCUMENTS.lines().count() - 1);
        let find = |number: &str| documents.iter().find(|document| document.so_ky_hieu == number);
        for document in &documents {
            let issued = document.ngay_ban_hanh;
            assert!(issued.is_empty() || parse_date(issued).is_some(), "{}", document.so_ky_hieu);
            assert!(
                document.ngay_hieu_luc.is_empty()
                    || document.ngay_hieu_luc >= document.ngay_ban_hanh
            );
            assert!(EFFECTS.contains(&document.tinh_trang));
            for replaced in &document.thay_the {
                assert!(
                    find(replaced).unwrap().bi_thay_the_boi.contains(&document.so_ky_hieu),
                    "{replaced}"
                );
            }
        }
    }

    #[test]
    fn a_document_is_found_by_number_and_by_words() {
        let provider = LegalDocuments::new();
        let asker = Asker::new(&provider, PROVINCE);
        let (status, one) = asker.get("/documents/detail?soKyHieu=47%2F2020%2Fn%C4%91-cp");
        assert_eq!(
            (status, &one["tinhTrang"], &one["biThayTheBoi"]),
            (200, &json!("het_hieu_luc"), &json!(["278/2025/NĐ-CP"]))
        );
        let total =
            |query: &str| asker.get(&format!("/documents?{query}")).1["tongSo"].as_u64().unwrap();
        assert_eq!(total("tuKhoa=chia+s%E1%BA%BB+b%E1%BA%AFt+bu%E1%BB%99c"), 1);
        assert_eq!(total("loaiVanBan=Lu%E1%BA%ADt"), 4);
        assert_eq!(total("tuNgay=2025-01-01&denNgay=2025-12-31&tinhTrang=con_hieu_luc"), 4);
        assert_eq!(asker.get("/documents?soBanGhi=3").1["vanBan"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn wrong_questions_are_refused() {
        let provider = LegalDocuments::new();
        let asker = Asker::new(&provider, PROVINCE);
        let long = format!("/documents?tuKhoa={}", "x".repeat(WORDS_CHARS_MAX + 1));
        let table = [
            ("/documents/detail", 400),
            ("/documents/detail?soKyHieu=1", 404),
            ("/documents?tuNgay=2025", 400),
            ("/documents?tinhTrang=x", 400),
            ("/documents?trang=0", 400),
            (&long, 400),
        ];
        for (target, status) in table {
            assert_eq!(asker.get(target).0, status, "{target}");
        }
    }
}
