//! `lienthong trace ID`: the way of a document, to be put on a projector; of a flow or a call, if the id is one of theirs.

use super::answer::{Answer, Exit, Failure};
use super::member::Country;
use super::{Context, Wording, api, args, evidence, flow, words};
use crate::story::flows::Folder;
use crate::topology::Lang;
use http::Method;
use serde_json::Value;

pub(super) async fn trace(id: &str, context: &Context) -> Result<Answer, Failure> {
    // Written down in the data folder, whoever runs.
    if let Ok(flow) = Folder::below(&context.data).load(id) {
        return Ok(flow::tell(&flow, context));
    }
    let story = match find(id, context).await? {
        Found::Document(story) => story,
        Found::Calls { hops, stopped_early } => {
            return Ok(evidence::tell(id, hops, stopped_early, context));
        }
    };
    if context.wording.json {
        return Ok(Answer::json(story));
    }
    Ok(Answer::data(Telling { wording: context.wording }.tell(&story)))
}

/// What has the id.
enum Found {
    Document(Value),
    /// The records of its hops; there may be more where a search stopped early.
    Calls {
        hops: Vec<Value>,
        stopped_early: bool,
    },
}

/// Every process knows its own platforms; of a document the fullest account wins, of calls all are told. Where no
/// operator answers, the member that sent or received the document is asked what its platform knows.
async fn find(id: &str, context: &Context) -> Result<Found, Failure> {
    let path = format!("/api/v1/trace/{}", api::encoded(id));
    let mut best: Option<(usize, Value)> = None;
    let (mut hops, mut stopped_early, mut refused) = (Vec::new(), false, None);
    for answer in api::ask_all(Method::GET, &path, None, context).await? {
        match answer {
            Ok(mut told) => {
                if let Some(call) = told.get("call") {
                    hops.extend_from_slice(list(call, "hops"));
                    stopped_early |= call.get("stopped_early") == Some(&Value::Bool(true));
                }
                let story = told.get_mut("document").map(Value::take);
                let weighed = story.map(|story| (weight(&story), story));
                let known = best.as_ref().map(|(known, _)| *known);
                best = weighed.filter(|(weight, _)| known.is_none_or(|k| *weight > k)).or(best);
            }
            Err(failure) => {
                refused.get_or_insert(failure);
            }
        }
    }
    if let Some((_, story)) = best {
        return Ok(Found::Document(story));
    }
    if !hops.is_empty() {
        return Ok(Found::Calls { hops, stopped_early });
    }
    if let Some(refused) = refused.filter(|refused| refused.exit != Exit::Unreachable) {
        return Err(refused);
    }
    let country = Country::find(context)?;
    let (_, story) = Box::pin(country.owner(id, &args::Actor::default(), context)).await?;
    Ok(Found::Document(story))
}

fn weight(story: &Value) -> usize {
    let of = |one: &Value| list(one, "hops").len() * 2 + list(one, "statuses").len();
    list(story, "recipients").iter().map(of).sum()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(Value::as_u64)
}

/// A story in words and lines.
struct Telling {
    wording: Wording,
}

/// What the tree is drawn with.
struct Lines {
    branch: &'static str,
    last: &'static str,
    bar: &'static str,
    stop: &'static str,
    end: &'static str,
    failed: &'static str,
    status: &'static str,
}

impl Telling {
    const fn lines(&self) -> Lines {
        if self.wording.style.ascii {
            let (branch, last, bar) = ("+- ", "`- ", "|  ");
            return Lines { branch, last, bar, stop: "o", end: "*", failed: "x", status: ">" };
        }
        let (branch, last, bar) = ("├─ ", "└─ ", "│  ");
        Lines { branch, last, bar, stop: "○", end: "●", failed: "✗", status: "»" }
    }

    fn tell(&self, story: &Value) -> String {
        let bold = anstyle::Style::new().bold();
        let wording = self.wording;
        let mut out = String::new();
        let title = [text(story, "type_name"), text(story, "notation")].join(" ");
        let kind = match text(story, "kind") {
            "new" => String::new(),
            kind => format!(" [{}]", words::kind_named(kind, wording)),
        };
        out.push_str(&format!("{bold}{}{bold:#}{kind}\n", title.trim()));
        let subject = text(story, "subject");
        if !subject.is_empty() {
            out.push_str(&format!("{subject}\n"));
        }
        let bytes = number(story, "bytes").unwrap_or_default();
        let facts = [
            (wording.pick("Từ", "From"), text(story, "from").to_owned()),
            (wording.pick("Gửi lúc", "Sent"), clock_time(text(story, "sent_at"), true)),
            ("DocumentId", text(story, "document_id").to_owned()),
            ("DocId", text(story, "doc_id").to_owned()),
            (wording.pick("Mã theo dõi", "Correlation"), text(story, "correlation_id").to_owned()),
            (wording.pick("Về văn bản", "About"), about(story)),
            (wording.pick("Thay thế", "Replaces"), replaced(story)),
            (wording.pick("Kích thước", "Size"), size(bytes)),
            (wording.pick("Chữ ký", "Signature"), self.signature(text(story, "signature"))),
        ];
        for (name, value) in facts {
            if !value.is_empty() {
                out.push_str(&format!("  {name:<12} {value}\n"));
            }
        }
        let recipients = list(story, "recipients");
        out.push('\n');
        for (ix, recipient) in recipients.iter().enumerate() {
            self.recipient(recipient, ix + 1 == recipients.len(), &mut out);
        }
        self.related(story, &mut out);
        out
    }

    /// Recalls, updates and replacements of this document, or the one that this is about. The recipients'
    /// statuses stand with the recipients.
    fn related(&self, story: &Value, out: &mut String) {
        let mut related = list(story, "related").iter().filter(|one| text(one, "kind") != "status");
        let Some(first) = related.next() else { return };
        out.push_str(&format!("\n{}\n", self.wording.pick("Liên quan", "Related")));
        for one in std::iter::once(first).chain(related) {
            let at = clock_time(text(one, "sent_at"), true);
            let kind = words::kind_named(text(one, "kind"), self.wording);
            let reason = match text(one, "reason") {
                "" => String::new(),
                reason => format!(" — {reason}"),
            };
            let mark = self.lines().status;
            out.push_str(&format!("  {mark} {at}  {kind}{reason}\n"));
            out.push_str(&format!("    {}  {}\n", text(one, "document_id"), text(one, "doc_id")));
        }
    }

    fn recipient(&self, recipient: &Value, is_last: bool, out: &mut String) {
        let (lines, wording) = (self.lines(), self.wording);
        let bold = anstyle::Style::new().bold();
        let (head, bar) = if is_last { (lines.last, "   ") } else { (lines.branch, lines.bar) };
        let state = words::state(text(recipient, "state"), wording);
        let took = number(recipient, "travelled_ms").map(|ms| match wording.lang {
            Lang::Vi => format!(" · tới nơi sau {}", span(ms)),
            Lang::En => format!(" · there after {}", span(ms)),
        });
        let took = took.unwrap_or_default();
        let agency = text(recipient, "agency");
        out.push_str(&format!("{head}{bold}{agency}{bold:#}  {state}{took}\n"));
        let hops = list(recipient, "hops");
        for (ix, hop) in hops.iter().enumerate() {
            self.hop(hop, ix + 1 == hops.len(), bar, out);
        }
        let refused = text(recipient, "refused");
        if !refused.is_empty() {
            let red = anstyle::AnsiColor::Red.on_default();
            let why = crate::domain::rejection::Reason::from_code(refused)
                .map(|reason| crate::texts::sentence(reason, wording.lang))
                .unwrap_or_default();
            out.push_str(&format!("{bar}{red}{} {refused} {why}{red:#}\n", lines.failed));
        }
        for status in list(recipient, "statuses") {
            self.status(status, bar, out);
        }
        let destroyed = recipient.get("destroyed_at").and_then(Value::as_str);
        let is_asked = recipient.get("recall_asked").and_then(Value::as_bool).unwrap_or_default();
        if is_asked && destroyed.is_none() {
            let said = wording.pick(
                "đã có yêu cầu thu hồi, nội dung chưa hủy",
                "the sender asked to recall it; the content is not destroyed",
            );
            out.push_str(&format!("{bar}{} {said}\n", lines.failed));
        }
        if let Some(destroyed) = destroyed {
            let said =
                wording.pick("nội dung đã hủy sau thu hồi", "content destroyed after the recall");
            out.push_str(&format!(
                "{bar}{} {}  {said}\n",
                lines.failed,
                clock_time(destroyed, false)
            ));
        }
    }

    fn hop(&self, hop: &Value, is_end: bool, bar: &str, out: &mut String) {
        let (lines, wording) = (self.lines(), self.wording);
        let dim = anstyle::Style::new().dimmed();
        let mark = if is_end { lines.end } else { lines.stop };
        let at = clock_time(text(hop, "received_at"), false);
        let platform = text(hop, "platform");
        let stayed = number(hop, "stayed_ms").map(|ms| match wording.lang {
            Lang::Vi => format!("ở lại {}", span(ms)),
            Lang::En => format!("stayed {}", span(ms)),
        });
        let attempts = number(hop, "attempts").filter(|attempts| *attempts > 1);
        let attempts = attempts.map(|count| match wording.lang {
            Lang::Vi => format!(", {count} lần giao"),
            Lang::En => format!(", {count} attempts"),
        });
        let (stayed, attempts) = (stayed.unwrap_or_default(), attempts.unwrap_or_default());
        let who = [text(hop, "peer"), text(hop, "tls")];
        let who = who.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        let by = wording.pick("từ", "from");
        out.push_str(&format!(
            "{bar}{mark} {at}  {platform:<12} {stayed}{attempts}\n{bar}  {dim}{by} {who}{dim:#}\n"
        ));
    }

    fn status(&self, status: &Value, bar: &str, out: &mut String) {
        let green = anstyle::AnsiColor::Green.on_default();
        let code = number(status, "status").and_then(|code| u32::try_from(code).ok());
        let named = words::business(code.unwrap_or_default(), self.wording);
        let at = clock_time(text(status, "at"), false);
        let said = text(status, "description");
        let said = if said.is_empty() { String::new() } else { format!(" — {said}") };
        let odd = status.get("out_of_order").and_then(Value::as_bool).unwrap_or_default();
        let odd =
            if odd { self.wording.pick(" (trái thứ tự)", " (out of order)") } else { "" };
        let mark = self.lines().status;
        out.push_str(&format!("{bar}{mark} {at}  {green}{named}{green:#}{said}{odd}\n"));
    }

    fn signature(&self, name: &str) -> String {
        use crate::domain::envelope::SignatureState as State;
        use crate::texts::Named;
        let state = match name {
            "valid" => State::Valid,
            "invalid" => State::Invalid,
            "untrusted" => State::Untrusted,
            "none" => State::None,
            _ => return String::new(),
        };
        state.name(self.wording.lang).to_owned()
    }
}

/// The document that a message is about, as `trace` takes it.
fn about(story: &Value) -> String {
    let Some(about) = story.get("answers").filter(|about| about.is_object()) else {
        return String::new();
    };
    format!("{}/{}", text(about, "sender"), text(about, "document_id"))
}

fn replaced(story: &Value) -> String {
    list(story, "replaces").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// The clock of an RFC 3339 moment, with milliseconds; the day too where it is wanted.
fn clock_time(moment: &str, with_day: bool) -> String {
    let Some((day, time)) = moment.split_once('T') else { return moment.to_owned() };
    let time = time.split(['+', 'Z']).next().unwrap_or(time);
    if !with_day {
        return time.to_owned();
    }
    let parts: Vec<&str> = day.rsplit('-').collect();
    format!("{time} {}", parts.join("/"))
}

fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        1..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
