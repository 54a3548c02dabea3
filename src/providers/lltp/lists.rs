//! The list of changes and its acknowledgement, and the catalogues.

use serde::{Deserialize, Serialize};

use super::{CriminalRecords, owner_of};
use crate::providers::Answer;
use crate::providers::citizen::{Choice, NATIONALITIES};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::input::Text;
use crate::providers::population::{EthnicGroup, PROVINCES};

/// Changes of one list; the next list has the rest, after these are acknowledged.
const CHANGES_MAX: usize = 200;

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Acknowledged {
    ids: Text<1, 4_000>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    loai_danh_muc: Choice<1, 5>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Listed<T> {
    status: u8,
    description: &'static str,
    data: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Change {
    id: u64,
    id_received_dec: String,
    dec_status_id: u8,
    approve_date: Option<String>,
    issue_date: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Entry {
    id: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Done {
    status: u8,
    description: &'static str,
}

impl CriminalRecords {
    /// Every dossier whose state the caller has not acknowledged.
    pub(super) fn changes(&self, request: &Request<'_>) -> Outcome {
        let Nothing {} = request.json()?;
        let (owner, now_ms) = (owner_of(request.call.caller), request.call.now_ms);
        let mut dossiers = self.dossiers.lock();
        let changed: Vec<u64> = dossiers
            .iter()
            .filter(|(_, one)| one.owner == owner && one.status(now_ms) > one.acknowledged)
            .map(|(id, _)| *id)
            .take(CHANGES_MAX)
            .collect();
        let mut data = Vec::with_capacity(changed.len());
        for id in changed {
            let Some(dossier) = dossiers.get_mut(&id) else { continue };
            dossier.told = dossier.status(now_ms);
            let day = dossier.issued_on(now_ms).map(|day| day.slashed());
            data.push(Change {
                id,
                id_received_dec: dossier.code.clone(),
                dec_status_id: dossier.told,
                approve_date: day.clone(),
                issue_date: day,
            });
        }
        Ok(listed(data))
    }

    /// Ids joined by `;`. All of them or none: what was told last counts as read, not what happened since.
    pub(super) fn acknowledge(&self, request: &Request<'_>) -> Outcome {
        let Acknowledged { ids } = request.json()?;
        let owner = owner_of(request.call.caller);
        let ids = ids.split(';').map(|id| id.trim().parse().ok()).collect::<Option<Vec<u64>>>();
        let unknown = || Fault::not_found("đơn vị không có hồ sơ mang một trong các ID này");
        let ids = ids.ok_or_else(unknown)?;
        let mut dossiers = self.dossiers.lock();
        for id in &ids {
            let dossier = dossiers.get(id).filter(|one| one.owner == owner).ok_or_else(unknown)?;
            if dossier.told == 0 {
                return Err(Fault::conflict("hồ sơ chưa từng được trả trong traDsTrangThaiHs"));
            }
        }
        for id in &ids {
            if let Some(dossier) = dossiers.get_mut(id) {
                dossier.acknowledged = dossier.told;
            }
        }
        Ok(Answer::json(200, &Done { status: 1, description: "Đã đánh dấu" }))
    }

    pub(super) fn catalogue(&self, request: &Request<'_>) -> Outcome {
        let Which { loai_danh_muc } = request.json()?;
        let provinces = |name: fn(String) -> String| {
            let entry = move |one: &crate::providers::population::Province| Entry {
                id: format!("{:02}", one.code),
                name: name(one.full_name()),
            };
            PROVINCES.iter().map(entry).collect::<Vec<_>>()
        };
        Ok(listed(match loai_danh_muc.0 {
            1 => provinces(|name| name),
            2 => NATIONALITIES
                .iter()
                .map(|(id, name)| Entry { id: (*id).to_owned(), name: (*name).to_owned() })
                .collect(),
            3 => EthnicGroup::ALL
                .iter()
                .map(|one| Entry { id: format!("{:02}", one.code), name: one.name.to_owned() })
                .collect(),
            4 => provinces(|name| format!("Sở Tư pháp {name}")),
            _ => provinces(|name| format!("UBND {name}")),
        }))
    }
}

fn listed<T: Serialize>(data: Vec<T>) -> Answer {
    Answer::json(200, &Listed { status: 1, description: "Thành công", data })
}
