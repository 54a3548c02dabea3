//! Builds edXML: documents of all four kinds and status messages.
//!
//! Elements come in the order of the vendor's builder, with the namespaces where its samples have them: the default
//! on `edXML`, `AttachmentEncoded` and below, the prefix `edXML` on everything in the envelope.

use jiff::civil::Date;

use super::NAMESPACE;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar::{wire_date, wire_time};
use crate::domain::envelope::{Kind, ReceiverChange, Urgency};
use crate::domain::status::BusinessStatus;

/// An agency with the name that the file shows.
#[derive(Clone, Debug)]
pub struct Party {
    pub code: AgencyCode,
    pub name: String,
}

/// Who signed, as `SignerInfo` says it.
#[derive(Clone, Debug, Default)]
pub struct Signer {
    /// TM., KT., TL., TUQ. or Q.
    pub competence: String,
    pub position: String,
    pub full_name: String,
}

/// The clerk who sends (`StaffInfo`).
#[derive(Clone, Debug, Default)]
pub struct Staff {
    pub department: String,
    pub name: String,
    pub email: String,
    pub mobile: String,
}

/// A file to attach: zipped by the caller, as the vendor's builder does, or raw.
#[derive(Clone, Debug)]
pub struct Attached<'a> {
    pub name: &'a str,
    pub content_type: &'a str,
    pub bytes: &'a [u8],
}

/// A document that a newer one replaces, for these receivers.
#[derive(Clone, Debug)]
pub struct Replaced {
    pub document_id: String,
    pub agencies: Vec<AgencyCode>,
}

/// What the message does (`Bussiness`).
#[derive(Clone, Debug)]
pub enum Purpose {
    New,
    /// Takes back the document that `Letter::document_id` names.
    Recall,
    Update {
        document_id: String,
        content: bool,
        receivers: Vec<ReceiverChange>,
    },
    Replace(Vec<Replaced>),
}

/// A document answered (`ResponseFor`).
#[derive(Clone, Debug)]
pub struct Answered {
    pub agency: AgencyCode,
    /// Number and notation, `1234/VPCP-KSTT`.
    pub code: String,
    pub document_id: String,
    pub promulgated_on: Option<Date>,
}

/// A document to write.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    pub from: Party,
    pub to: Vec<Party>,
    pub document_id: String,
    pub code_number: String,
    pub code_notation: String,
    pub place: String,
    pub promulgated_on: Date,
    pub type_name: String,
    pub subject: String,
    pub signer: Signer,
    pub due_on: Option<Date>,
    pub urgency: Urgency,
    pub answers: Vec<Answered>,
    pub purpose: Purpose,
    /// BussinessDocReason.
    pub reason: String,
    pub paper_follows: bool,
    pub staff: Staff,
    pub sent_at: Timestamp,
    pub attachments: Vec<Attached<'a>>,
}

/// A status message to write. `answers.agency` is where it goes.
#[derive(Clone, Debug)]
pub struct Notice {
    pub from: Party,
    pub answers: Answered,
    pub staff: Staff,
    pub status: BusinessStatus,
    pub description: String,
    pub at: Timestamp,
}

impl Purpose {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::New => Kind::New,
            Self::Recall => Kind::Recall,
            Self::Update { .. } => Kind::Update,
            Self::Replace(_) => Kind::Replace,
        }
    }
}

/// `<OrganId>,<yyyy/MM/dd>,<number>/<notation>`, as the samples build DocumentIds (wire/vxp.md 3.2).
pub fn document_id(from: &AgencyCode, on: Date, number: &str, notation: &str) -> String {
    format!("{},{},{number}/{notation}", from.wire(), wire_date(on))
}

pub fn document(letter: &Letter<'_>) -> String {
    let carried: usize = letter.attachments.iter().map(|file| file.bytes.len() / 3 * 4 + 600).sum();
    let mut xml = Xml::begin(4_096 + letter.to.len() * 256 + carried);
    xml.within("edXMLHeader", |xml| {
        xml.within("MessageHeader", |xml| message_header(xml, letter));
        xml.within("TraceHeaderList", |xml| {
            xml.within("TraceHeader", |xml| {
                xml.leaf("OrganId", &letter.from.code.wire());
                xml.leaf("Timestamp", &wire_time(letter.sent_at));
            });
            xml.within("Bussiness", |xml| bussiness(xml, letter));
        });
    });
    xml.within("edXMLBody", |xml| {
        xml.open_with("edXMLManifest", " version=\"1.0\"");
        for (number, file) in letter.attachments.iter().enumerate() {
            xml.within("Reference", |xml| {
                xml.leaf("ContentId", &format!("cid:{}", number + 1));
                xml.leaf("ContentType", file.content_type);
                xml.leaf("Description", file.name);
                xml.leaf("AttachmentName", file.name);
            });
        }
        xml.close("edXMLManifest");
    });
    xml.end(&letter.attachments)
}

pub fn status(notice: &Notice) -> String {
    let mut xml = Xml::begin(2_048);
    xml.within("edXMLHeader", |xml| {
        xml.within("MessageHeader", |xml| {
            party(xml, "From", &notice.from);
            // The samples of status messages have DocumentId last here.
            xml.within("ResponseFor", |xml| {
                xml.leaf("OrganId", &notice.answers.agency.wire());
                xml.leaf("Code", &notice.answers.code);
                xml.date("PromulgationDate", notice.answers.promulgated_on);
                xml.leaf("DocumentId", &notice.answers.document_id);
            });
            staff(xml, &notice.staff);
            xml.leaf("StatusCode", &notice.status.to_string());
            xml.leaf("Description", &notice.description);
            xml.leaf("Timestamp", &wire_time(notice.at));
        });
    });
    xml.end(&[])
}

fn message_header(xml: &mut Xml, letter: &Letter<'_>) {
    party(xml, "From", &letter.from);
    for receiver in &letter.to {
        party(xml, "To", receiver);
    }
    xml.leaf("DocumentId", &letter.document_id);
    xml.within("Code", |xml| {
        xml.leaf("CodeNumber", &letter.code_number);
        xml.leaf("CodeNotation", &letter.code_notation);
    });
    xml.within("PromulgationInfo", |xml| {
        xml.leaf("Place", &letter.place);
        xml.date("PromulgationDate", Some(letter.promulgated_on));
    });
    xml.within("DocumentType", |xml| {
        // The numbers have no list that all agree on (domain.md 2.3); the vendor's sample writes 1 and 0.
        xml.leaf("Type", "1");
        xml.leaf("TypeDetail", "0");
        xml.leaf("TypeName", &letter.type_name);
    });
    xml.leaf("Subject", &letter.subject);
    xml.leaf("Content", &letter.subject);
    xml.within("SignerInfo", |xml| {
        xml.leaf("Competence", &letter.signer.competence);
        xml.leaf("Position", &letter.signer.position);
        xml.leaf("FullName", &letter.signer.full_name);
    });
    xml.date("DueDate", letter.due_on);
    xml.within("OtherInfo", |xml| {
        xml.leaf("Priority", &letter.urgency.level().to_string());
        xml.leaf("Direction", "false");
    });
    for answered in &letter.answers {
        xml.within("ResponseFor", |xml| {
            xml.leaf("OrganId", &answered.agency.wire());
            xml.leaf("Code", &answered.code);
            xml.leaf("DocumentId", &answered.document_id);
            xml.date("PromulgationDate", answered.promulgated_on);
        });
    }
    xml.leaf("SteeringType", "1");
}

fn bussiness(xml: &mut Xml, letter: &Letter<'_>) {
    if let Purpose::Update { document_id, .. } = &letter.purpose {
        xml.leaf("DocumentId", document_id);
    }
    let kind = letter.purpose.kind() as u8;
    xml.leaf("BussinessDocType", &kind.to_string());
    xml.leaf("BussinessDocReason", &letter.reason);
    xml.leaf("Paper", if letter.paper_follows { "1" } else { "0" });
    match &letter.purpose {
        Purpose::New | Purpose::Recall => {}
        Purpose::Update { content, receivers, .. } => {
            xml.within("BussinessDocumentInfo", |xml| {
                xml.leaf("DocumentInfo", if *content { "1" } else { "0" });
                xml.leaf("DocumentReceiver", if receivers.is_empty() { "0" } else { "1" });
                xml.within("ReceiverList", |xml| {
                    for change in receivers {
                        xml.within("Receiver", |xml| {
                            xml.leaf("OrganId", &change.agency.wire());
                            xml.leaf("ReceiverType", if change.added { "1" } else { "0" });
                        });
                    }
                });
            });
        }
        Purpose::Replace(replaced) => xml.within("ReplacementInfoList", |xml| {
            for old in replaced {
                xml.within("ReplacementInfo", |xml| {
                    xml.leaf("DocumentId", &old.document_id);
                    xml.within("OrganIdList", |xml| {
                        for agency in &old.agencies {
                            xml.leaf("OrganId", &agency.wire());
                        }
                    });
                });
            }
        }),
    }
    staff(xml, &letter.staff);
}

fn party(xml: &mut Xml, role: &str, party: &Party) {
    xml.within(role, |xml| {
        xml.leaf("OrganId", &party.code.wire());
        xml.leaf("OrganName", &party.name);
    });
}

fn staff(xml: &mut Xml, staff: &Staff) {
    xml.within("StaffInfo", |xml| {
        xml.leaf("Department", &staff.department);
        xml.leaf("Staff", &staff.name);
        xml.leaf("Email", &staff.email);
        xml.leaf("Mobile", &staff.mobile);
    });
}

/// Text so far, and how deep.
struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    fn begin(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<edXML xmlns=\"");
        text.push_str(NAMESPACE);
        text.push_str("\">\n  <edXML:edXMLEnvelope xmlns:edXML=\"");
        text.push_str(NAMESPACE);
        text.push_str("\">\n");
        Self { text, depth: 2 }
    }

    fn end(mut self, attachments: &[Attached<'_>]) -> String {
        self.text.push_str("  </edXML:edXMLEnvelope>\n");
        if !attachments.is_empty() {
            self.text.push_str("  <AttachmentEncoded>\n");
            for (number, file) in attachments.iter().enumerate() {
                self.attachment(number + 1, file);
            }
            self.text.push_str("  </AttachmentEncoded>\n");
        }
        self.text.push_str("</edXML>\n");
        self.text
    }

    fn attachment(&mut self, number: usize, file: &Attached<'_>) {
        self.text.push_str("    <Attachment>\n");
        let id = format!("cid:{number}");
        let fields = [
            ("ContentId", id.as_str()),
            ("AttachmentName", file.name),
            ("Description", file.name),
            ("ContentType", file.content_type),
        ];
        for (name, value) in fields {
            self.text.push_str("      <");
            self.text.push_str(name);
            self.text.push('>');
            self.escaped(value);
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
        // The samples declare the prefix once more here, because it is bound only inside the envelope.
        self.text.push_str("      <edXML:ContentTransferEncoded xmlns:edXML=\"");
        self.text.push_str(NAMESPACE);
        self.text.push_str("\">");
        base64_simd::STANDARD.encode_append(file.bytes, &mut self.text);
        self.text.push_str("</edXML:ContentTransferEncoded>\n    </Attachment>\n");
    }

    fn within(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open_with(name, "");
        inside(self);
        self.close(name);
    }

    fn open_with(&mut self, name: &str, attributes: &str) {
        self.indent();
        for part in ["<edXML:", name, attributes, ">\n"] {
            self.text.push_str(part);
        }
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.indent();
        for part in ["</edXML:", name, ">\n"] {
            self.text.push_str(part);
        }
    }

    fn leaf(&mut self, name: &str, value: &str) {
        self.indent();
        for part in ["<edXML:", name, ">"] {
            self.text.push_str(part);
        }
        self.escaped(value);
        for part in ["</edXML:", name, ">\n"] {
            self.text.push_str(part);
        }
    }

    fn date(&mut self, name: &str, value: Option<Date>) {
        if let Some(date) = value {
            self.leaf(name, &wire_date(date));
        }
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// Escapes, and leaves out what no XML document may hold.
    fn escaped(&mut self, value: &str) {
        for character in value.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '\r' => self.text.push_str("&#13;"),
                '\u{fffe}' | '\u{ffff}' => {}
                '\t' | '\n' | ' '.. => self.text.push(character),
                _ => {}
            }
        }
    }
}
