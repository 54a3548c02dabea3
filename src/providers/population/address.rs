//! The part of an address below the commune: invented streets in wards, hamlets elsewhere.

use super::commune::{Commune, CommuneKind};
use super::draw::Draw;

pub(super) fn address_detail(commune: Commune, draw: &mut Draw) -> String {
    let (unit, house) = (draw.between(1, 12), draw.between(1, 400));
    match commune.kind() {
        CommuneKind::Ward => {
            format!("Số {house}, đường {}, tổ dân phố {unit}", draw.pick(STREETS))
        }
        CommuneKind::Rural | CommuneKind::Special => {
            format!("{} {unit}", hamlet(commune.province().code))
        }
    }
}

/// The mountains of the north say bản, the south ấp, the rest thôn.
fn hamlet(province_code: u8) -> &'static str {
    match province_code {
        11 | 12 | 14 => "Bản",
        75.. => "Ấp",
        _ => "Thôn",
    }
}

const STREETS: &[&str] = &[
    "Hoa Sen",
    "Hoa Mai",
    "Hoa Phượng",
    "Hoa Sữa",
    "Bằng Lăng",
    "Ngọc Lan",
    "Hướng Dương",
    "Cây Đa",
    "Giếng Nước",
    "Bờ Sông",
    "Chợ Mới",
    "Đồi Thông",
    "Bến Đò",
    "Cầu Gỗ",
    "Sân Vận Động",
    "Nhà Máy Nước",
];
