//! `nhanHoSoDangKy`, and what is told about one dossier.

use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::{CriminalRecords, Dossier, owner_of};
use crate::providers::Answer;
use crate::providers::citizen::{Choice, Slashed, agreeing};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::input::{Many, Object, Text};
use crate::providers::population::{IdentityNumber, Sex};

const DOSSIER_BYTES: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    #[serde(rename = "idMinistryJustice")]
    _id_ministry_justice: Text<1, 64>,
    id_received_dec: Text<1, 64>,
    date_received_dec: Slashed,
    date_promissory_dec: Slashed,
    #[serde(default, rename = "idMoneyReceipt")]
    _id_money_receipt: Option<Text<0, 64>>,
    #[serde(rename = "declarationWSForm")]
    declaration: Object<Declaration>,
    #[serde(default, rename = "residenceWSForm")]
    _residences: Many<Object<Residence>, 50>,
    #[serde(default, rename = "mandatorWSForm")]
    _mandator: Option<Object<Mandator>>,
}

/// The field names inside the forms are assumed. Unused ones are read so that a malformed form is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Declaration {
    full_name: Text<1, 200>,
    identify_no: Text<1, 20>,
    birth_date: Slashed,
    gender_id: Choice<1, 2>,
    form_type: Choice<1, 2>,
}

#[derive(Deserialize)]
struct Residence {
    #[serde(rename = "residencePlace")]
    _residence_place: Text<1, 500>,
}

#[derive(Deserialize)]
struct Mandator {
    #[serde(rename = "fullName")]
    _full_name: Text<1, 200>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    id_received_dec: Text<1, 64>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) struct Taken<'a> {
    pub(super) status: u8,
    pub(super) description: &'a str,
    pub(super) id: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct State {
    status: u8,
    description: &'static str,
    id: u64,
    dec_status_id: u8,
    approve_date: Option<String>,
    issue_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Option<Certificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfVneid {
    ma_ho_so: Text<1, 64>,
    so_dinh_danh: Text<1, 20>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result {
    status_code: &'static str,
    message: &'static str,
    ket_qua_xu_ly: Processed,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Processed {
    #[serde(rename = "phieuLLTP")]
    certificate: Option<String>,
    ly_do_tu_choi: Option<&'static str>,
    ngay_hen_tra_ket_qua: String,
}

impl CriminalRecords {
    pub(super) fn submit(&self, request: &Request<'_>) -> Outcome {
        let submission: Submission = request.json()?;
        let declaration = submission.declaration.0;
        let received_on = submission.date_received_dec.date()?;
        let promised_on = submission.date_promissory_dec.date()?;
        if promised_on < received_on {
            return Err(Fault::conflict("datePromissoryDec trước dateReceivedDec"));
        }
        let birth_date = declaration.birth_date.date()?;
        let (number, name) = (&declaration.identify_no, &declaration.full_name);
        let person = agreeing(&self.population, number, name, birth_date)
            .filter(|person| Sex::insurance_code(person.sex) == declaration.gender_id.0);
        let person = person.ok_or_else(|| {
            Fault::not_found("số định danh, họ tên, ngày sinh và giới tính không khớp")
        })?;
        let (owner, code) = (owner_of(request.call.caller), submission.id_received_dec.to_string());
        let mut dossiers = self.dossiers.lock();
        if dossiers.values().any(|other| other.owner == owner && other.code == code) {
            return Err(Fault::conflict("idReceivedDec này đã được nhận"));
        }
        let id = u64::try_from(dossiers.len()).unwrap_or(u64::MAX).saturating_add(1);
        let bytes = code.len().saturating_add(owner.len()).saturating_add(DOSSIER_BYTES);
        let dossier = Dossier {
            owner,
            code,
            person: person.index,
            form: declaration.form_type.0,
            processing_ms: request.call.done_after(super::PROCESSING_MS),
            ready_ms: request.call.done_after(super::READY_MS),
            promised_on,
            refused: (!person.alive).then_some("người được cấp phiếu đã được đăng ký khai tử"),
            told: 0,
            acknowledged: 0,
        };
        dossiers.put(id, dossier, bytes)?;
        Ok(Answer::json(200, &Taken { status: 1, description: "Đã nhận hồ sơ", id }))
    }

    pub(super) fn state(&self, request: &Request<'_>) -> Outcome {
        let Which { id_received_dec } = request.json()?;
        let (id, dossier) = self.own(request.call.caller, &id_received_dec)?;
        Ok(Answer::json(200, &State::of(id, &dossier, request.call.now_ms)))
    }

    pub(super) fn show(&self, request: &Request<'_>) -> Outcome {
        let Which { id_received_dec } = request.json()?;
        let now_ms = request.call.now_ms;
        let (id, dossier) = self.own(request.call.caller, &id_received_dec)?;
        let certificate = Certificate::of(&self.population, id, &dossier, now_ms);
        let state = State { certificate: Some(certificate), ..State::of(id, &dossier, now_ms) };
        Ok(Answer::json(200, &state))
    }

    /// VNeID asks for a dossier of any agency; it must know whose it is.
    pub(super) fn result(&self, request: &Request<'_>) -> Outcome {
        let wanted: OfVneid = request.json()?;
        let number = IdentityNumber::parse(&wanted.so_dinh_danh);
        let person = number.and_then(|number| self.population.find_index(number));
        let dossiers = self.dossiers.lock();
        let mut found = dossiers
            .iter()
            .filter(|(_, one)| one.code == *wanted.ma_ho_so && Some(one.person) == person);
        let (id, dossier) =
            found.next().ok_or_else(|| Fault::not_found("không có hồ sơ của người này"))?;
        let certificate = Certificate::of(&self.population, *id, dossier, request.call.now_ms);
        // The refusal is known when the processing would be over.
        let over = request.call.now_ms >= dossier.ready_ms;
        let ket_qua_xu_ly = Processed {
            certificate: certificate
                .map(|paper| base64_simd::STANDARD.encode_to_string(paper.text().as_bytes())),
            ly_do_tu_choi: dossier.refused.filter(|_| over),
            ngay_hen_tra_ket_qua: dossier.promised_on.slashed(),
        };
        Ok(Answer::json(200, &Result { status_code: "00", message: "Thành công", ket_qua_xu_ly }))
    }
}

impl State {
    fn of(id: u64, dossier: &Dossier, now_ms: i64) -> Self {
        let day = dossier.issued_on(now_ms).map(|day| day.slashed());
        Self {
            status: 1,
            description: "Thành công",
            id,
            dec_status_id: dossier.status(now_ms),
            approve_date: day.clone(),
            issue_date: day,
            certificate: None,
        }
    }
}
