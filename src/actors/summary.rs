//! What the traffic came to: numbers, sentences in both languages, JSON.

use super::audit::Findings;
use super::tally::Counts;
use crate::texts::Lang;
use std::fmt::Write;

/// One platform's part.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PlatformCounts {
    pub name: String,
    /// Messages that its virtual members handed in, statuses included.
    pub sent: u64,
    /// Messages that they found in their inboxes.
    pub delivered: u64,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    pub members: usize,
    /// How long documents were written.
    pub seconds: f64,
    pub counts: Counts,
    pub findings: Findings,
    /// From the beginning of handing in to the reader's inbox, documents only.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub platforms: Vec<PlatformCounts>,
}

/// A heading, or a row of the table.
struct Row(&'static str, &'static str, u64);

impl Summary {
    /// Every accepted (document, recipient) is in exactly one inbox, as it was sent.
    pub const fn is_clean(&self) -> bool {
        self.findings.are_clean()
    }

    /// Documents with a receipt, per second of writing.
    #[expect(clippy::cast_precision_loss, reason = "shown, not counted with")]
    pub fn documents_per_s(&self) -> f64 {
        self.counts.documents as f64 / self.seconds.max(0.001)
    }

    pub fn text(&self, lang: Lang) -> String {
        let (counts, found) = (&self.counts, &self.findings);
        let mut text = String::new();
        let rows = [
            Row("văn bản đã gửi", "documents sent", counts.documents),
            Row("lượt nhận (văn bản × nơi nhận)", "recipients of them", counts.recipients),
            Row("văn bản đã đến", "documents delivered", counts.delivered),
            Row(
                "văn bản đến từ bên khác (luồng)",
                "documents of others (flows)",
                counts.delivered_of_others,
            ),
            Row("trạng thái đã về bên gửi", "statuses back at senders", counts.statuses_back),
            Row("từ chối tiếp nhận (02)", "refused by recipients (02)", counts.declined),
            Row("văn bản phúc đáp", "replies", counts.replies),
            Row(
                "thu hồi, cập nhật, thay thế",
                "recalls, updates, replacements",
                counts.corrections,
            ),
            Row("nền tảng không nhận", "refused at the door", counts.refused),
        ];
        for row in rows {
            line(&mut text, lang, &row);
        }
        let times = match lang {
            Lang::Vi => {
                format!("  từ gửi đến nhận: p50 {:.0} ms · p99 {:.0} ms", self.p50_ms, self.p99_ms)
            }
            Lang::En => {
                format!("  end to end: p50 {:.0} ms · p99 {:.0} ms", self.p50_ms, self.p99_ms)
            }
        };
        text.push_str(&times);
        text.push('\n');
        let wrong = [
            Row("mất", "lost", found.lost),
            Row("chưa đến nơi", "still under way", found.under_way),
            Row("bị trả lại", "given back", found.returned),
            Row("nhận hai lần", "twice", found.twice),
            Row("sai nơi nhận", "in a wrong inbox", found.astray),
            Row("sai nội dung", "altered", found.altered),
        ];
        for row in wrong.iter().filter(|row| row.2 > 0) {
            line(&mut text, lang, row);
        }
        text.push_str(&self.verdict(lang));
        text.push('\n');
        text
    }

    /// One sentence that says whether all is well.
    pub fn verdict(&self, lang: Lang) -> String {
        let accepted = number(self.findings.accepted, lang);
        match (lang, self.is_clean()) {
            (Lang::Vi, true) => {
                format!(
                    "✓ {accepted} lượt gửi đã nhận đều đến đúng một hộp thư: không mất, không trùng"
                )
            }
            (Lang::En, true) => {
                format!(
                    "✓ each of {accepted} accepted deliveries is in exactly one inbox: none lost, none twice"
                )
            }
            (Lang::Vi, false) => format!(
                "✗ chỉ {} trong {accepted} lượt gửi đã nhận đến đúng một hộp thư",
                number(self.findings.seen, lang)
            ),
            (Lang::En, false) => format!(
                "✗ only {} of {accepted} accepted deliveries are in exactly one inbox",
                number(self.findings.seen, lang)
            ),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("version".to_owned(), 1.into());
            object.insert("clean".to_owned(), self.is_clean().into());
        }
        value
    }
}

/// One live line: `đã gửi 512 · đã đến 1.204 · …`.
pub fn summary_line(counts: &Counts, lang: Lang) -> String {
    let rows = [
        Row("đã gửi", "sent", counts.documents),
        Row("đã đến", "delivered", counts.delivered),
        Row("đã xác nhận", "confirmed", counts.confirmed),
        Row("trạng thái về", "statuses back", counts.statuses_back),
        Row("từ chối", "refused", counts.declined),
        Row("đang đi", "under way", counts.in_flight),
    ];
    let mut text = String::new();
    for row in rows {
        if !text.is_empty() {
            text.push_str(" · ");
        }
        text.push_str(word(&row, lang));
        text.push(' ');
        text.push_str(&number(row.2, lang));
    }
    text
}

/// One line about the members, for a banner.
pub fn banner_line(members: usize, platforms: usize, speed: f64, lang: Lang) -> String {
    let (members, platforms) = (number(members as u64, lang), number(platforms as u64, lang));
    match lang {
        Lang::Vi => format!(
            "{members} cơ quan ảo trên {platforms} nền tảng, thời gian xử lý nhanh gấp {speed} lần"
        ),
        Lang::En => {
            format!(
                "{members} virtual agencies at {platforms} platforms, their delays {speed} times as fast"
            )
        }
    }
}

fn line(text: &mut String, lang: Lang, row: &Row) {
    // A String takes every write.
    writeln!(text, "  {:<34} {:>10}", word(row, lang), number(row.2, lang)).ok();
}

const fn word(row: &Row, lang: Lang) -> &'static str {
    match lang {
        Lang::Vi => row.0,
        Lang::En => row.1,
    }
}

/// With the thousands apart, as each language has it.
fn number(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mark = if lang == Lang::Vi { '.' } else { ',' };
    let mut text = String::with_capacity(digits.len() + 4);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_thousands_as_its_language_has_them() {
        let counts =
            Counts { documents: 512, delivered: 1_204, in_flight: 1_000_000, ..Counts::default() };
        let vi = summary_line(&counts, Lang::Vi);
        assert!(vi.starts_with("đã gửi 512 · đã đến 1.204 · "), "{vi}");
        assert!(summary_line(&counts, Lang::En).ends_with("under way 1,000,000"));
    }
}
