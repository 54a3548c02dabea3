//! An opinion ballot of the Government (phiếu lấy ý kiến, domain.md 4.10): the Government Office makes it in e-Cabinet,
//! the ministries answer, and the result goes to them as a document over the national axis.

use super::stage::{Stage, Stop, Todo, done, when_ready};
use crate::actors::reaction::fnv;
use crate::clock::Timestamp;
use crate::domain::calendar::date_of;
use crate::domain::edxml::write::{self, Letter, Party, Purpose, Signer, Staff};
use crate::domain::envelope::Urgency;
use crate::providers::moment;
use http::Method;
use serde_json::{Value, json};

pub(super) const GOVERNMENT: &str = "government";
/// Roles of the ministries that are asked.
pub(super) const ASKED: [&str; 3] = ["ministry-1", "ministry-2", "ministry-3"];
/// What one of them says.
const CHOICES: [&str; 3] = ["dong_y", "dong_y", "y_kien_khac"];
const OPEN_MS: i64 = 3 * moment::DAY_MS;

pub(super) async fn run(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let id = create(stage).await?;
    for (place, role) in ASKED.into_iter().enumerate() {
        if stage.flow.parties.contains_key(role) {
            answer(stage, id, (place, role)).await?;
        }
    }
    let title = ("VPCP tổng hợp kết quả", "The Government Office counts");
    let path = format!("/ballots/{id}/result");
    let todo = Todo::get(("result", GOVERNMENT), title, ("ecabinet", &path));
    let tally = stage.take(todo, when_ready).await?;
    let title = ("Gửi văn bản thông báo kết quả qua Trục", "The result goes out over the axis");
    let file = notice(stage, id, &tally);
    let sent = stage.send(("notice", GOVERNMENT), title, file).await?;
    let counted = |name: &str| tally.get(name).cloned().unwrap_or_default();
    Ok(json!({
        "ma_phieu": id, "dong_y": counted("dongY"), "y_kien_khac": counted("yKienKhac"),
        "doc_id": sent.get("doc_id"),
    }))
}

/// The same ballot asked for again is the one that is there.
async fn create(stage: &mut Stage<'_>) -> Result<u64, Stop> {
    let members: Vec<String> = ASKED
        .iter()
        .filter_map(|role| stage.flow.parties.get(*role))
        .map(|party| party.agency.wire())
        .collect();
    let began = i64::try_from(stage.flow.began_ms).unwrap_or(0);
    let body = json!({
        "tieuDe": format!("Phiếu lấy ý kiến {}", stage.flow.id),
        "noiDung": "Về dự thảo Nghị định sửa đổi, bổ sung quy định về kết nối, chia sẻ dữ liệu số",
        "thanhVien": members, "hanTraLoi": moment::iso(began.saturating_add(OPEN_MS)),
    });
    let title = ("VPCP lập phiếu lấy ý kiến", "The Government Office makes the ballot");
    let todo = Todo::post(("ballot", GOVERNMENT), title, ("ecabinet", "/ballots"), body);
    let made = stage.take(todo, done).await?;
    made.get("maPhieu").and_then(Value::as_u64).ok_or(Stop::Refused)
}

async fn answer(
    stage: &mut Stage<'_>,
    id: u64,
    (place, role): (usize, &'static str),
) -> Result<(), Stop> {
    let choice = CHOICES.get(place).copied().unwrap_or("dong_y");
    let body = json!({ "luaChon": choice, "yKien": "Đã xem xét hồ sơ kèm theo" });
    let title = ("Bộ trả lời phiếu", "A ministry answers");
    let (step, path) = (format!("vote-{}", place + 1), format!("/ballots/{id}/vote"));
    let todo = Todo::new(
        (&step, role),
        title,
        ("ecabinet", Method::POST),
        &path,
        super::line::Content::Json(body),
    );
    stage.take(todo, done).await.map(|_| ())
}

fn notice(stage: &Stage<'_>, ballot: u64, tally: &Value) -> String {
    // Of the flow, not of the moment: a flow taken up again sends the same bytes.
    let now = Timestamp::from_ms(stage.flow.began_ms);
    let party = |role: &str| {
        let party = stage.flow.parties.get(role)?;
        Some(Party { code: party.agency, name: party.name.clone() })
    };
    let Some(from) = party(GOVERNMENT) else { return String::new() };
    let to: Vec<Party> = ASKED.into_iter().filter_map(party).collect();
    let on = date_of(now);
    let number = (fnv(&stage.flow.id) % 90_000 + 10_000).to_string();
    let notation = "TB-VPCP";
    let count = |name: &str| tally.get(name).and_then(Value::as_u64).unwrap_or(0);
    write::document(&Letter {
        document_id: write::document_id(&from.code, on, &number, notation),
        from,
        to,
        code_number: number,
        code_notation: notation.to_owned(),
        place: "Hà Nội".to_owned(),
        promulgated_on: on,
        type_name: "Thông báo".to_owned(),
        subject: format!(
            "V/v kết quả phiếu lấy ý kiến số {ballot}: {} đồng ý, {} ý kiến khác (hồ sơ {})",
            count("dongY"),
            count("yKienKhac"),
            stage.flow.id
        ),
        signer: Signer {
            competence: "KT.".to_owned(),
            position: "Phó Chủ nhiệm".to_owned(),
            full_name: "Nguyễn Văn Mẫu".to_owned(),
        },
        due_on: None,
        urgency: Urgency::default(),
        answers: Vec::new(),
        purpose: Purpose::New,
        reason: "Văn bản điện tử mới".to_owned(),
        paper_follows: false,
        staff: Staff {
            department: "Văn thư".to_owned(),
            name: "Văn thư".to_owned(),
            email: "vanthu@example.gov.vn".to_owned(),
            mobile: "0900000000".to_owned(),
        },
        sent_at: now,
        attachments: Vec::new(),
    })
}
