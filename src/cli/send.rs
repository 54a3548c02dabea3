//! `lienthong send FILE`: an edXML file as it is, any other file inside a new edXML document, or unread.

use super::answer::{Answer, Failure};
use super::letter::{self, Draft, File};
use super::member::{Country, Line};
use super::{Context, args, inbox};
use crate::clock::Clock;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar;
use crate::domain::edxml::write::{self, Purpose};
use crate::domain::edxml::{self, Mode, Prefix, XmlLimits};
use crate::wire::v1;
use bytes::Bytes;

pub(super) async fn send(given: &args::Send, context: &Context) -> Result<Answer, Failure> {
    let file = File::read(&given.file)?;
    let country = Country::find(context)?;
    let stated = match given.content_type {
        args::ContentType::Edxml => Stated::read(&file),
        args::ContentType::Opaque => None,
    };
    let from = given.from.as_deref().or_else(|| stated.as_ref().map(|stated| &*stated.from));
    let from = from.filter(|from| !from.is_empty()).map(inbox::parse).transpose()?;
    let member = match &from {
        Some(from) => {
            *country.able(&given.actor, Some(from))?.first().ok_or_else(inbox::no_agency)?
        }
        None => country.only(&given.actor)?,
    };
    let own = || member.agencies.first().and_then(|own| AgencyCode::parse(own).ok());
    let from = from.or_else(own).ok_or_else(inbox::no_agency)?;
    let mut line = country.connect(member, context).await?;
    let mut to = Vec::new();
    for text in &given.to {
        to.push(line.agency(text).await?);
    }
    let (receipt, document_id) = match stated {
        Some(stated) => (as_it_is(&mut line, file, to, given).await?, stated.document_id),
        None if to.is_empty() => {
            return Err(Failure::usage("thiếu nơi nhận", "no receiver is given")
                .help("thêm --to MÃ hoặc --to TÊN", "add --to CODE or --to NAME"));
        }
        None if given.content_type == args::ContentType::Opaque => {
            unread(&mut line, file, &from, &to, given, context).await?
        }
        None => wrapped(&mut line, file, &from, &to, given, context).await?,
    };
    letter::receipt(receipt, &document_id, context.wording)
}

/// What an edXML file says of itself.
struct Stated {
    from: String,
    document_id: String,
}

impl Stated {
    /// `None` for a file that is no edXML and does not claim to be.
    fn read(file: &File) -> Option<Self> {
        let first = file.bytes.get(..HEADER_MAX).unwrap_or(&file.bytes);
        if let Ok(Prefix::Complete(header)) =
            edxml::read_header(first, Mode::Lenient, XmlLimits::default())
            && header.has_message
        {
            return Some(Self {
                from: header.from.organ_id.as_str().to_owned(),
                document_id: header.document_id.as_str().to_owned(),
            });
        }
        // A damaged one goes as it is: the platform says where the fault is.
        let claims = file.name().to_ascii_lowercase().ends_with(".edxml");
        claims.then(|| Self { from: String::new(), document_id: String::new() })
    }
}

/// Longer than the header of a document to all agencies of the country.
const HEADER_MAX: usize = 4 << 20;

fn header(given: &args::Send) -> v1::Submission {
    let declaration = match (&given.secret, given.no_secret) {
        (Some(_), _) => v1::Declaration::Secret,
        (None, true) => v1::Declaration::NoSecret,
        (None, false) => v1::Declaration::Unspecified,
    };
    v1::Submission { declaration: declaration as i32, ..v1::Submission::default() }
}

async fn as_it_is(
    line: &mut Line,
    file: File,
    to: Vec<v1::Agency>,
    given: &args::Send,
) -> Result<v1::Receipt, Failure> {
    let content = if given.letterhead.sign {
        letter::sign(&String::from_utf8_lossy(&file.bytes), line)?.into_bytes()
    } else {
        file.bytes
    };
    let only_to = to.into_iter().map(|agency| agency.code).collect();
    letter::submit(line, content, v1::Submission { only_to, ..header(given) }).await
}

async fn wrapped(
    line: &mut Line,
    file: File,
    from: &AgencyCode,
    to: &[v1::Agency],
    given: &args::Send,
    context: &Context,
) -> Result<(v1::Receipt, String), Failure> {
    let from = letter::party(&line.agency(from.as_str()).await?)?;
    let subject = given.letterhead.subject.clone().unwrap_or_else(|| file.name().to_owned());
    let mut files = vec![file];
    files.extend(File::read_all(&given.letterhead.attach.iter().collect::<Vec<_>>())?);
    let draft = Draft {
        from,
        to: to.iter().map(letter::party).collect::<Result<_, _>>()?,
        document_id: String::new(),
        notation: None,
        subject,
        purpose: Purpose::New,
        reason: String::new(),
        head: &given.letterhead,
        files: &files,
    };
    let (mut document, document_id) = letter::write(draft, context);
    if given.letterhead.sign {
        document = letter::sign(&document, line)?;
    }
    Ok((letter::submit(line, document.into_bytes(), header(given)).await?, document_id))
}

async fn unread(
    line: &mut Line,
    file: File,
    from: &AgencyCode,
    to: &[v1::Agency],
    given: &args::Send,
    context: &Context,
) -> Result<(v1::Receipt, String), Failure> {
    let now = context.clock.now();
    let today = calendar::date_of(now);
    let head = &given.letterhead;
    let notation = head.notation.clone().unwrap_or_else(|| format!("{}/CV", now.ms()));
    let (number, mark) = notation.split_once('/').unwrap_or((&notation, "CV"));
    let document_id = write::document_id(from, today, number, mark);
    let envelope = v1::Envelope {
        from: from.as_str().to_owned(),
        to: to.iter().map(|agency| agency.code.clone()).collect(),
        document_id: document_id.clone(),
        type_name: head.type_name.clone(),
        subject: head.subject.clone().unwrap_or_else(|| file.name().to_owned()),
        urgency: u32::from(head.urgency),
        promulgated_on: today.to_string(),
        due_on: head.due.map(|due| due.to_string()).unwrap_or_default(),
        notation,
        ..v1::Envelope::default()
    };
    let submission = v1::Submission {
        content: Some(v1::submission::Content::Envelope(envelope)),
        payload: Bytes::from(file.bytes),
        ..header(given)
    };
    let answer = line.exchange.submit(submission).await;
    Ok((answer.map_err(|status| line.failed(&status))?.into_inner(), document_id))
}
