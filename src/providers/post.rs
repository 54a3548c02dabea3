//! `VNPost` orders for dossiers (domain.md 4.10, likely): collect papers from a citizen, deliver results to one.
//!
//! Paths, fields and statuses are ours. A parcel moves with time: its steps are worked out from the order's number.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::input::{Object, Text, Whole};
use super::moment::{HOUR_MS, iso};
use super::seed;
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const ORDERS: Bounds = Bounds { rows_max: 50_000, bytes_max: 64 << 20 };
/// One order in so many is not met at home the first time.
const MISSED_ONE_IN: u64 = 10;

static DESCRIPTION: Description = Description {
    code: "vnpost",
    owner: "G06",
    system: "VNPOST",
    version: "1.0",
    title_vi: "Bưu chính công ích: thu gom và chuyển trả hồ sơ",
    title_en: "Public post: collection and delivery of dossiers",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("openapi/vnpost.json")),
};

pub(super) const ROUTES: &[Route<PostOrders>] = &[
    Route { method: "POST", template: "/orders", run: PostOrders::create },
    Route { method: "GET", template: "/orders", run: PostOrders::of_dossier },
    Route { method: "GET", template: "/orders/{code}", run: PostOrders::show },
    Route { method: "POST", template: "/orders/{code}/cancel", run: PostOrders::cancel },
];

#[derive(Debug)]
pub struct PostOrders {
    seed: u64,
    orders: Mutex<Table<String, Order>>,
}

#[derive(Debug)]
struct Order {
    code: String,
    wanted: Wanted,
    caller: String,
    created_at: i64,
    pace: u32,
    cancelled_at: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    ma_ho_so: Text<1, 64>,
    /// 1 collect from the citizen, 2 deliver to the citizen.
    loai_don: Whole<1, 2>,
    nguoi_gui: Object<Party>,
    nguoi_nhan: Object<Party>,
    khoi_luong_gam: Option<Whole<1, 50_000>>,
    tien_thu_ho: Option<Whole<0, 100_000_000>>,
    ghi_chu: Option<Text<0, 500>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    ho_ten: Text<1, 200>,
    dien_thoai: Text<1, 20>,
    dia_chi: Text<1, 500>,
    ma_tinh: Text<1, 8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    ma_van_don: &'a str,
    #[serde(flatten)]
    wanted: &'a Wanted,
    thoi_diem_tao: String,
    /// Of the last step.
    trang_thai: u8,
    ten_trang_thai: &'static str,
    hanh_trinh: Vec<Step>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    trang_thai: u8,
    ten_trang_thai: &'static str,
    thoi_diem: String,
}

/// Status numbers with their names.
const CREATED: (u8, &str) = (1, "Đã tạo đơn");
const COLLECTED: (u8, &str) = (2, "Đã thu gom");
const TRAVELLING: (u8, &str) = (3, "Đang vận chuyển");
const ARRIVED: (u8, &str) = (4, "Đã đến bưu cục phát");
const MISSED: (u8, &str) = (5, "Phát không thành công");
const DELIVERED: (u8, &str) = (6, "Đã phát thành công");
const CANCELLED: (u8, &str) = (7, "Đã hủy");

impl PostOrders {
    pub const fn new(seed: u64) -> Self {
        Self { seed, orders: Mutex::new(Table::new(ORDERS)) }
    }

    fn create(&self, request: &Request<'_>) -> Outcome {
        let wanted: Wanted = request.json()?;
        let Call { caller, now_ms, .. } = request.call;
        let mut orders = self.orders.lock();
        let same = |order: &&Order| {
            order.caller == *caller
                && order.wanted.ma_ho_so == wanted.ma_ho_so
                && order.wanted.loai_don == wanted.loai_don
                && order.cancelled_at.is_none()
        };
        if let Some(order) = orders.values().find(same) {
            return Err(Fault::conflict(format!("hồ sơ đã có vận đơn {}", order.code)));
        }
        let code = format!("EP{:09}VN", orders.len().saturating_add(1));
        let order = Order {
            code: code.clone(),
            wanted,
            caller: (*caller).to_owned(),
            created_at: *now_ms,
            pace: request.call.pace.max(1),
            cancelled_at: None,
        };
        let answer = self.told(&order, *now_ms);
        orders.put(code, order, request.call.body.len().saturating_add(caller.len()))?;
        Ok(answer)
    }

    fn show(&self, request: &Request<'_>) -> Outcome {
        let orders = self.orders.lock();
        let order = orders.get(&request.parameter().to_owned());
        let mine = order.filter(|order| order.caller == request.call.caller);
        Ok(self.told(mine.ok_or_else(no_order)?, request.call.now_ms))
    }

    fn of_dossier(&self, request: &Request<'_>) -> Outcome {
        let dossier = request.query.required("maHoSo")?;
        let page = request.query.page()?;
        let orders = self.orders.lock();
        let mine = orders.values().filter(|order| {
            order.caller == request.call.caller && *order.wanted.ma_ho_so == *dossier
        });
        let shown: Vec<_> =
            page.of(mine).into_iter().map(|order| self.shown(order, request.call.now_ms)).collect();
        Ok(Answer::json(200, &shown))
    }

    /// As long as the papers have not been collected.
    fn cancel(&self, request: &Request<'_>) -> Outcome {
        let now_ms = request.call.now_ms;
        let mut orders = self.orders.lock();
        let order = orders.get_mut(&request.parameter().to_owned());
        let order = order.filter(|order| order.caller == request.call.caller);
        let order = order.ok_or_else(no_order)?;
        if order.cancelled_at.is_some() {
            return Err(Fault::conflict("vận đơn đã hủy"));
        }
        if self.steps(order, now_ms).len() > 1 {
            return Err(Fault::conflict("bưu gửi đã được thu gom, không hủy được"));
        }
        order.cancelled_at = Some(now_ms);
        Ok(self.told(order, now_ms))
    }

    fn told(&self, order: &Order, now_ms: i64) -> Answer {
        Answer::json(200, &self.shown(order, now_ms))
    }

    fn shown<'a>(&self, order: &'a Order, now_ms: i64) -> Shown<'a> {
        let hanh_trinh = self.steps(order, now_ms);
        let (trang_thai, ten_trang_thai) =
            hanh_trinh.last().map_or(CREATED, |step| (step.trang_thai, step.ten_trang_thai));
        Shown {
            ma_van_don: &order.code,
            wanted: &order.wanted,
            thoi_diem_tao: iso(order.created_at),
            trang_thai,
            ten_trang_thai,
            hanh_trinh,
        }
    }

    /// The steps up to now: collected within hours, under way for a day inside a province and three across.
    fn steps(&self, order: &Order, now_ms: i64) -> Vec<Step> {
        let drawn = |name: &str, bound: u64| {
            i64::try_from(seed::below(self.seed, &[name, &order.code], bound)).unwrap_or(0)
        };
        let is_near = order.wanted.nguoi_gui.0.ma_tinh == order.wanted.nguoi_nhan.0.ma_tinh;
        let travel_hours = if is_near { 18 } else { 60 } + drawn("travel", 12);
        let collected = 2 + drawn("collect", 5);
        let arrived = collected + travel_hours;
        let first_try = arrived + 2 + drawn("deliver", 6);
        let mut planned = vec![
            (0, CREATED),
            (collected, COLLECTED),
            (collected + 4, TRAVELLING),
            (arrived, ARRIVED),
        ];
        if drawn("missed", MISSED_ONE_IN) == 0 {
            planned.extend([(first_try, MISSED), (first_try + 24, DELIVERED)]);
        } else {
            planned.push((first_try, DELIVERED));
        }
        let until = order.cancelled_at.unwrap_or(now_ms).min(now_ms);
        let mut steps: Vec<_> = planned
            .into_iter()
            .map(|(hours, status)| {
                (order.created_at.saturating_add(hours * HOUR_MS / i64::from(order.pace)), status)
            })
            .filter(|(at, status)| *at <= until || *status == CREATED)
            .map(|(at, status)| step(at, status))
            .collect();
        steps.extend(order.cancelled_at.map(|at| step(at, CANCELLED)));
        steps
    }
}

fn step(at: i64, (trang_thai, ten_trang_thai): (u8, &'static str)) -> Step {
    Step { trang_thai, ten_trang_thai, thoi_diem: iso(at) }
}

fn no_order() -> Fault {
    Fault::not_found("không có vận đơn này")
}

impl Provider for PostOrders {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::moment::DAY_MS;
    use super::super::tests::{Asker, NOW, OTHER, PROVINCE};
    use super::*;

    fn order(dossier: &str, kind: i64) -> Value {
        let party = |province: &str| json!({"hoTen": "NGUYỄN VĂN AN", "dienThoai": "0900000000", "diaChi": "Số 1", "maTinh": province});
        json!({"maHoSo": dossier, "loaiDon": kind, "nguoiGui": party("08"), "nguoiNhan": party("01")})
    }

    #[test]
    fn an_order_moves_with_time_until_it_is_delivered() {
        let provider = PostOrders::new(7);
        let asker = Asker::new(&provider, PROVINCE);
        let (status, made) = asker.post("/orders", &order("H60-260105-1", 2));
        assert_eq!(
            (status, &made["trangThai"], &made["maVanDon"]),
            (200, &json!(1), &json!("EP000000001VN"))
        );
        let mut last = 0;
        for hours in 0..24 * 7 {
            let (_, seen) = asker.at(NOW + hours * HOUR_MS).get("/orders/EP000000001VN");
            let steps = seen["hanhTrinh"].as_array().unwrap().len();
            assert!(steps >= last);
            last = steps;
        }
        let (_, end) = asker.at(NOW + 7 * DAY_MS).get("/orders?maHoSo=H60-260105-1");
        assert_eq!(end[0]["tenTrangThai"], "Đã phát thành công");
        assert_eq!(end[0]["hanhTrinh"][0]["thoiDiem"], "2026-01-05T08:00:00+07:00");
    }

    #[test]
    fn an_order_is_its_senders_and_there_is_one_for_each_way() {
        let provider = PostOrders::new(7);
        let (asker, other) = (Asker::new(&provider, PROVINCE), Asker::new(&provider, OTHER));
        assert_eq!(asker.post("/orders", &order("a", 1)).0, 200);
        assert_eq!(asker.post("/orders", &order("a", 2)).0, 200);
        assert_eq!(asker.post("/orders", &order("a", 1)).0, 409);
        assert_eq!(other.post("/orders", &order("a", 1)).0, 200);
        assert_eq!(other.get("/orders/EP000000001VN").0, 404);
        assert_eq!(other.get("/orders?maHoSo=a").1.as_array().unwrap().len(), 1);
        assert_eq!(asker.get("/orders").0, 400);
        assert_eq!(asker.post("/orders", &order("b", 3)).0, 400);
    }

    #[test]
    fn an_order_is_cancelled_before_it_is_collected_only() {
        let provider = PostOrders::new(7);
        let asker = Asker::new(&provider, PROVINCE);
        asker.post("/orders", &order("a", 1));
        let cancel = "/orders/EP000000001VN/cancel";
        assert_eq!(asker.at(NOW + DAY_MS).ask("POST", cancel, b"").0, 409);
        let (status, gone) = asker.ask("POST", cancel, b"");
        assert_eq!((status, &gone["trangThai"]), (200, &json!(7)));
        assert_eq!(asker.ask("POST", cancel, b"").0, 409);
        assert_eq!(asker.ask("POST", "/orders/x/cancel", b"").0, 404);
        assert_eq!(asker.at(NOW + DAY_MS).get("/orders/EP000000001VN").1["trangThai"], 7);
        assert_eq!(asker.post("/orders", &order("a", 1)).1["maVanDon"], "EP000000002VN");
    }

    #[test]
    fn a_full_post_office_says_so() {
        let provider = PostOrders::new(7);
        *provider.orders.lock() = Table::new(Bounds { rows_max: 1, bytes_max: 10_000 });
        let asker = Asker::new(&provider, PROVINCE);
        assert_eq!(asker.post("/orders", &order("a", 1)).0, 200);
        let (status, full) = asker.post("/orders", &order("b", 1));
        assert_eq!(
            (status, &full["ErrorCode"], &full["status"]),
            (503, &json!("STORAGE_FULL"), &json!("FAIL"))
        );
    }

    #[test]
    fn some_parcels_need_a_second_try() {
        let provider = PostOrders::new(7);
        let asker = Asker::new(&provider, PROVINCE);
        let tries = (0..60).filter(|number| {
            let code = asker.post("/orders", &order(&number.to_string(), 1)).1["maVanDon"].clone();
            let target = format!("/orders/{}", code.as_str().unwrap());
            asker.at(NOW + 9 * DAY_MS).get(&target).1["hanhTrinh"].as_array().unwrap().len() == 6
        });
        assert!((1..20).contains(&tries.count()));
    }
}
