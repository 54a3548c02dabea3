//! Parcels by place, by certificate and by owner.

use serde::Serialize;

use super::{LandRegister, price};
use crate::providers::Answer;
use crate::providers::citizen::{agreeing, slashed};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::population::{CertificateSerial, Parcel, Population, Relative};

/// Larger numbers of a sheet or parcel are malformed.
pub(super) const NUMBER_MAX: i64 = 100_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    ma_xa: String,
    ten_xa: String,
    so_to: u32,
    so_thua: u32,
    dien_tich: u32,
    loai_dat: &'static str,
    ten_loai_dat: &'static str,
    so_serial: String,
    ngay_cap: String,
    /// Dong for a square metre.
    gia_dat: u64,
    chu_su_dung: Vec<Owner>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owner {
    ho_ten: String,
    so_dinh_danh: Option<String>,
    ngay_sinh: Option<String>,
    gioi_tinh: Option<&'static str>,
    da_chet: bool,
}

impl LandRegister {
    pub(super) fn parcel(&self, request: &Request<'_>) -> Outcome {
        let query = &request.query;
        let commune = query.required("maXa")?;
        let sheet = query.required_number("soTo", 1, NUMBER_MAX)?;
        let number = query.required_number("soThua", 1, NUMBER_MAX)?;
        let parcel = self.at(commune, sheet, number)?;
        Ok(Answer::json(200, &self.told(&parcel)))
    }

    pub(super) fn certificate(&self, request: &Request<'_>) -> Outcome {
        let serial = CertificateSerial::parse(request.query.required("soSerial")?);
        let parcel = serial.and_then(|serial| self.population.find_parcel_by_certificate(serial));
        let parcel = parcel.ok_or_else(|| Fault::not_found("không có giấy chứng nhận này"))?;
        Ok(Answer::json(200, &self.told(&parcel)))
    }

    /// Number, name and birth date must agree.
    pub(super) fn of_owner(&self, request: &Request<'_>) -> Outcome {
        let query = &request.query;
        let (number, name) = (query.required("soDinhDanh")?, query.required("hoTen")?);
        let birth_date = slashed(query.required("ngaySinh")?)?;
        let person = agreeing(&self.population, number, name, birth_date);
        let person = person
            .ok_or_else(|| Fault::not_found("số định danh, họ tên và ngày sinh không khớp"))?;
        let parcels = self.population.parcels_of(person.index);
        let told: Vec<Told> = parcels.iter().map(|parcel| self.told(parcel)).collect();
        Ok(Answer::json(200, &told))
    }

    fn told(&self, parcel: &Parcel) -> Told {
        Told {
            ma_xa: parcel.commune.code(),
            ten_xa: parcel.commune.full_name(),
            so_to: parcel.sheet,
            so_thua: parcel.number,
            dien_tich: parcel.area_m2,
            loai_dat: parcel.land_use.symbol(),
            ten_loai_dat: parcel.land_use.label(),
            so_serial: parcel.certificate.to_string(),
            ngay_cap: parcel.certified_on.slashed(),
            gia_dat: price::dong_per_m2(parcel),
            chu_su_dung: owners(&self.population, parcel),
        }
    }
}

pub(super) fn owners(population: &Population, parcel: &Parcel) -> Vec<Owner> {
    parcel.owners.iter().map(|owner| Owner::of(population, owner)).collect()
}

impl Owner {
    fn of(population: &Population, owner: &Relative) -> Self {
        let person = owner.index.and_then(|index| population.person(index));
        Self {
            ho_ten: owner.name.upper(),
            so_dinh_danh: owner.number.map(|number| number.to_string()),
            ngay_sinh: person.as_ref().map(|person| person.birth_date.slashed()),
            gioi_tinh: person.map(|person| person.sex.label()),
            da_chet: owner.deceased,
        }
    }
}
