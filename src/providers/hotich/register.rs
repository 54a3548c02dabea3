//! `dangKyHoTich`, `traTrangThaiHoSo` and `ketQuaDangKyHS`: a dossier from its receipt to its entry in the book.

use serde::{Deserialize, Serialize};

use super::data::Form;
use super::dossier::{Act, Dossier, ELIGIBLE_MS, Module, REGISTERED_MS, State, Subject};
use super::record::Record;
use super::trouble::{Code, Trouble};
use super::{CivilStatus, commune_of};
use crate::providers::Answer;
use crate::providers::citizen::{Birth, Slashed, day_of};
use crate::providers::http::Request;
use crate::providers::input::{Text, Whole};
use crate::providers::population::{Commune, IdentityNumber, Sex};
use crate::providers::table::Full;

/// Bytes counted for a dossier beside its texts.
const DOSSIER_BYTES: usize = 512;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    ma_don_vi: Whole<1, { i64::MAX }>,
    module: Text<1, 8>,
    ma_ho_so: Text<1, 64>,
    ngay_tiep_nhan: Slashed,
    data: Text<1, 20_000>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    ma_don_vi: Whole<1, { i64::MAX }>,
    ma_ho_so: Text<1, 64>,
}

/// `status` 1 ok; for `traTrangThaiHoSo` the state.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    status: u8,
    message: &'a str,
    ma_ho_so: &'a str,
}

#[derive(Serialize)]
struct Registered {
    status: u8,
    #[serde(flatten)]
    record: Record,
}

impl CivilStatus {
    pub(super) fn register(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let submission: Submission = request.json()?;
        let now_ms = request.call.now_ms;
        let module = module_of(&submission.module)?;
        let commune = commune_of(submission.ma_don_vi.0)?;
        let today = day_of(now_ms);
        if submission.ngay_tiep_nhan.date()? > today {
            return Err(Trouble::data("ngayTiepNhan sau hôm nay"));
        }
        let form = Form::read(&submission.data)?;
        let mut dossiers = self.dossiers.lock();
        let code = submission.ma_ho_so.to_string();
        let number = match dossiers.get(&code) {
            Some(old) if may_replace(old, module, commune) => old.number,
            Some(_) => return Err(Trouble::data("maHoSo này đã được tiếp nhận")),
            None => self.next_number(module.subject, commune, &dossiers),
        };
        let (act, refused) = self.act(module.subject, &form, today, &dossiers)?;
        if let Some(reason) = refused.filter(|_| !module.interlinked) {
            return Err(Trouble::data(reason));
        }
        let needs_supplement = form.text("giayToKemTheo").is_none();
        let mut dossier = Dossier {
            module,
            code: code.clone(),
            commune,
            received_ms: now_ms,
            eligible_ms: request.call.done_after(ELIGIBLE_MS),
            registered_ms: request.call.done_after(REGISTERED_MS),
            act,
            number,
            needs_supplement,
            refused,
        };
        let bytes = code.len().saturating_add(submission.data.len()).saturating_add(DOSSIER_BYTES);
        dossiers.put(code.clone(), dossier.clone(), bytes)?;
        if dossier.state(now_ms) == State::Received && self.admit(&mut dossier).is_err() {
            dossiers.retain(|other| other.code != code);
            return Err(Full.into());
        }
        let bytes = dossiers.bytes_of(&code);
        dossiers.put(code.clone(), dossier, bytes)?;
        Ok(Answer::json(200, &Told { status: 1, message: "Đã tiếp nhận hồ sơ", ma_ho_so: &code }))
    }

    /// A birth without open questions gets its numbers at once; no database tells of them before it is registered.
    fn admit(&self, dossier: &mut Dossier) -> Result<(), Full> {
        let commune = dossier.commune;
        let known_from_ms = dossier.registered_ms;
        if let Act::Birth { parents, name, sex, birth_date, child } = &mut dossier.act {
            let (parents, name, birth_date) = (*parents, name.clone(), *birth_date);
            let birth = Birth { parents, name, sex: *sex, birth_date, commune, known_from_ms };
            let newborn = self.newborns.register(birth)?;
            dossier.number = birth_number(newborn.number, *sex).unwrap_or(dossier.number);
            *child = Some(Box::new(newborn));
        }
        Ok(())
    }

    pub(super) fn state(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let dossier = self.which(request)?;
        let state = dossier.state(request.call.now_ms);
        let message = dossier.refused.unwrap_or_else(|| state.label());
        let told = Told { status: state.number(), message, ma_ho_so: &dossier.code };
        Ok(Answer::json(200, &told))
    }

    pub(super) fn result(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let dossier = self.which(request)?;
        let now_ms = request.call.now_ms;
        let record = Record::of_dossier(&self.population, &dossier, now_ms).ok_or_else(|| {
            let state = dossier.state(now_ms).label();
            Trouble::new(Code::Uncomplete, format!("chưa có kết quả đăng ký: {state}"))
        })?;
        Ok(Answer::json(200, &Registered { status: 1, record }))
    }

    fn which(&self, request: &Request<'_>) -> Result<Dossier, Trouble> {
        let which: Which = request.json()?;
        let commune = commune_of(which.ma_don_vi.0)?;
        let dossiers = self.dossiers.lock();
        let found = dossiers.get(&which.ma_ho_so.to_string());
        let found = found.filter(|dossier| dossier.commune == commune);
        found.cloned().ok_or_else(|| Trouble::new(Code::NotFound, "đơn vị không có hồ sơ này"))
    }
}

pub(super) fn module_of(text: &str) -> Result<Module, Trouble> {
    Module::parse(text).ok_or_else(|| {
        Trouble::new(Code::DataType, "module phải là KS, KT, KH, LTKS, LTKT hoặc LTKH")
    })
}

/// A dossier that lacked a paper is sent again, as the same thing to the same commune.
fn may_replace(old: &Dossier, module: Module, commune: Commune) -> bool {
    let open = old.needs_supplement && old.refused.is_none();
    open && old.module == module && old.commune == commune
}

/// Numbers of births follow from the identity number, as in `population::civil_status`.
fn birth_number(number: IdentityNumber, sex: Sex) -> Option<u32> {
    let serial: u32 = number.to_string().get(6..)?.parse().ok()?;
    Some(serial * 2 + u32::from(sex.insurance_code()))
}

impl Subject {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Birth => "GIẤY KHAI SINH",
            Self::Death => "TRÍCH LỤC KHAI TỬ",
            Self::Marriage => "GIẤY CHỨNG NHẬN KẾT HÔN",
        }
    }
}
