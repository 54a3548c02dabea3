//! The price table of land: one for the country, three times as high in the six cities (assumed; real tables are made
//! by each province).

use crate::providers::population::{LandUse, Parcel};

/// Dong for a square metre.
pub fn dong_per_m2(parcel: &Parcel) -> u64 {
    let price = of_use(parcel.land_use);
    if parcel.commune.province().is_city { price * 3 } else { price }
}

/// Dong: the value that taxes are computed from.
pub(super) fn value(parcel: &Parcel) -> u64 {
    dong_per_m2(parcel) * u64::from(parcel.area_m2)
}

/// What the parcel would be worth more as land for living, in dong; 0 for land that is.
pub(super) fn gain_as_home(parcel: &Parcel) -> u64 {
    let home = of_use(LandUse::Ont) * if parcel.commune.province().is_city { 3 } else { 1 };
    home.saturating_sub(dong_per_m2(parcel)) * u64::from(parcel.area_m2)
}

fn of_use(land_use: LandUse) -> u64 {
    match land_use {
        LandUse::Odt => 8_000_000,
        LandUse::Ont => 1_500_000,
        LandUse::Cln => 90_000,
        LandUse::Luc | LandUse::Hnk => 70_000,
        LandUse::Rsx => 20_000,
        LandUse::Nts => 60_000,
    }
}
