//! A periodic report (NĐ 09/2019, domain.md 4.8): the province enters and sends it, the Government Office gives it back,
//! the province mends it, the Government Office approves.

use super::ballot::GOVERNMENT;
use super::portal::OFFICE;
use super::stage::{Stage, Stop, Todo, done};
use http::Method;
use serde_json::{Value, json};

pub(super) async fn run(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let office = stage.office_code();
    let title = ("Xem các chỉ tiêu phải báo cáo", "Which indicators are to be reported");
    let path = format!("/indicators/office/hasdata/{office}");
    let listed = stage.take(Todo::get(("indicators", OFFICE), title, ("bc", &path)), done).await?;
    let codes = indicators(&listed);
    let about = |name: &str| stage.flow.input.get(name).cloned().unwrap_or_default();
    let about = [about("dataTypeId"), about("periodId"), about("dataYear")];
    let entry = |values: Vec<f64>| {
        let values: Vec<Value> = codes
            .iter()
            .zip(values)
            .map(|(code, value)| json!({ "indicatorCode": code, "value": value }))
            .collect();
        let [kind, period, year] = &about;
        json!({
            "officeCode": office, "dataTypeId": kind, "periodId": period, "dataYear": year,
            "values": values,
        })
    };
    let title = ("Tỉnh nhập số liệu", "The province enters the figures");
    let first =
        Todo::post(("enter", OFFICE), title, ("bc", "/reports"), entry(vec![7.4, 52.0, 3.1]));
    let entered = stage.take(first, done).await?;
    let id = number(&entered).ok_or(Stop::Refused)?;
    let title = ("Tỉnh gửi báo cáo", "The province sends the report");
    step(stage, ("send", OFFICE), title, (id, "send", None)).await?;
    let title = ("VPCP trả lại để đính chính", "The Government Office gives it back");
    let reason = Some(json!({ "reason": "Chỉ tiêu thứ ba chưa khớp kỳ trước" }));
    step(stage, ("give-back", GOVERNMENT), title, (id, "return", reason)).await?;
    let title = ("Tỉnh nhập lại số liệu", "The province enters it anew");
    let mended =
        Todo::post(("enter-again", OFFICE), title, ("bc", "/reports"), entry(vec![7.4, 52.0, 3.3]));
    stage.take(mended, done).await?;
    let title = ("Tỉnh gửi lại báo cáo", "The province sends it again");
    step(stage, ("send-again", OFFICE), title, (id, "send", None)).await?;
    let title = ("VPCP soát xét", "The Government Office reviews");
    step(stage, ("review", GOVERNMENT), title, (id, "review", None)).await?;
    let title = ("VPCP duyệt", "The Government Office approves");
    step(stage, ("approve", GOVERNMENT), title, (id, "approve", None)).await?;
    Ok(json!({ "so_bao_cao": id }))
}

async fn step(
    stage: &mut Stage<'_>,
    who: (&'static str, &'static str),
    title: (&'static str, &'static str),
    (id, verb, body): (u64, &str, Option<Value>),
) -> Result<(), Stop> {
    let content = super::line::Content::Json(body.unwrap_or_else(|| json!({})));
    let path = format!("/reports/{id}/{verb}");
    let todo = Todo::new(who, title, ("bc", Method::POST), &path, content);
    stage.take(todo, done).await.map(|_| ())
}

fn number(answer: &Value) -> Option<u64> {
    answer.pointer("/data/reportId").or_else(|| answer.get("reportId")).and_then(Value::as_u64)
}

/// The first three codes that the system lists.
fn indicators(listed: &Value) -> Vec<String> {
    let rows = listed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let code = |row: &Value| {
        let code = row.get("indicatorCode").unwrap_or(row);
        code.as_str().map(str::to_owned)
    };
    rows.iter().filter_map(code).take(3).collect()
}
