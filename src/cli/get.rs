//! `lienthong get` and `lienthong confirm`: the content of a document, and the recipient's word about it.

use super::answer::{Answer, Exit, Failure};
use super::member::{Country, Line};
use super::{Context, args, say};
use crate::domain::edxml::{self, Mode, XmlLimits};
use crate::wire::v1;
use std::path::Path;

pub(super) async fn get(given: &args::Get, context: &Context) -> Result<Answer, Failure> {
    let country = Country::find(context)?;
    let (mut line, _) = Box::pin(country.owner(&given.doc_id, &given.actor, context)).await?;
    let content = fetch(&mut line, &given.doc_id, context).await?;
    let mut files = Vec::new();
    if let Some(path) = &given.output {
        std::fs::write(path, &content).map_err(|error| Failure::file(path, &error))?;
        files.push(path.clone());
    }
    if let Some(folder) = &given.attachments {
        files.extend(unpack(&content, folder)?);
    }
    let wording = context.wording;
    if wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "doc_id": given.doc_id, "bytes": content.len(), "files": files,
        })));
    }
    if files.is_empty() {
        return Ok(Answer::data(String::from_utf8_lossy(&content)));
    }
    let lines = files.iter().map(|path| format!("{}\n", path.display()));
    Ok(Answer::data(lines.collect::<String>()))
}

async fn fetch(line: &mut Line, doc_id: &str, context: &Context) -> Result<Vec<u8>, Failure> {
    let asked = line.exchange.get(v1::GetRequest { doc_id: doc_id.to_owned() }).await;
    let mut chunks = asked.map_err(|status| line.failed(&status))?.into_inner();
    let mut content = Vec::new();
    let mut total = 0;
    let is_shown = !context.is_quiet && say::is_watched();
    loop {
        let chunk = chunks.message().await.map_err(|status| line.failed(&status))?;
        let Some(chunk) = chunk else { break };
        total = total.max(chunk.bytes_total);
        content.extend_from_slice(&chunk.data);
        if is_shown && total > SHOWN_FROM {
            let percent = (content.len() as u64).saturating_mul(100) / total;
            say::message(&format!("\r{percent:3} %"));
        }
    }
    if is_shown && total > SHOWN_FROM {
        say::message("\r     \r");
    }
    Ok(content)
}

/// Smaller files are there before anybody looks.
const SHOWN_FROM: u64 = 8 << 20;

fn unpack(content: &[u8], folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let document =
        edxml::read(content, Mode::Lenient, XmlLimits::default()).map_err(|refused| {
            Failure::new(
                Exit::Failed,
                "nội dung không phải là edXML nên không có tệp đính kèm",
                "the content is not edXML, so it has no attachments",
            )
            .detail(refused.to_string())
        })?;
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut files = Vec::new();
    for (number, attachment) in document.attachments.iter().enumerate() {
        let name = attachment.file_name().unwrap_or_else(|| format!("{}.bin", number + 1));
        let path = folder.join(name);
        let bytes = attachment.decode(content).map_err(|error| {
            Failure::new(Exit::Failed, "tệp đính kèm hỏng", "an attachment is damaged")
                .detail(error.to_string())
        })?;
        std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))?;
        files.push(path);
    }
    Ok(files)
}

pub(super) async fn confirm(given: &args::Confirm, context: &Context) -> Result<Answer, Failure> {
    let country = Country::find(context)?;
    let (mut line, _) = Box::pin(country.owner(&given.doc_id, &given.actor, context)).await?;
    let (state, key) = match given.word {
        args::Word::Processing => (v1::DeliveryState::Processing, "processing"),
        args::Word::Done => (v1::DeliveryState::Done, "done"),
        args::Word::Fail => (v1::DeliveryState::Fail, "fail"),
    };
    let request = v1::ConfirmRequest {
        doc_id: given.doc_id.clone(),
        state: state as i32,
        description: given.note.clone(),
    };
    let answer = line.exchange.confirm(request).await;
    let reply = answer.map_err(|status| line.failed(&status))?.into_inner();
    if let Some(refusal) = reply.refusal {
        return Err(Failure::refused(refusal));
    }
    let wording = context.wording;
    if wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "doc_id": given.doc_id, "state": key,
        })));
    }
    let named = super::words::state(key, wording);
    Ok(Answer::data(format!("{}  {named}\n", given.doc_id)))
}
