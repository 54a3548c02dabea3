//! Whether a provider's answer fits the request (wire/xroad.md 2.9, 2.13).

use super::SoapMessage;
use super::envelope::{self, Envelope};
use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;

/// An answer that goes back to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    Message(Box<SoapMessage<'a>>),
    /// The provider's own fault passes unchanged.
    Fault,
}

/// Reads an answer and compares it with its request. Errors are
/// `server.serverproxy.service_failed.…`: those of a request, and `inconsistent_response` when a
/// field is not repeated or the root is not the service code with `Response`.
pub(crate) fn check_answer<'a>(
    request: &SoapMessage<'_>,
    bytes: &'a [u8],
    charset: Option<&str>,
) -> Result<Answer<'a>, Fault> {
    let answer = match envelope::read(bytes, charset).map_err(Fault::into_service_failure)? {
        Envelope::Fault(_) => return Ok(Answer::Fault),
        Envelope::Message(answer) => answer,
    };
    let (asked, told) = (&request.header, &answer.header);
    let repeated = [
        ("client", asked.client == told.client),
        ("service", asked.service == told.service),
        ("id", asked.id == told.id),
        ("userId", asked.user_id == told.user_id),
        ("issue", asked.issue == told.issue),
        ("representedParty", asked.represented_party == told.represented_party),
    ];
    if let Some((name, _)) = repeated.iter().find(|(_, is_same)| !is_same) {
        let message = format!("Field '{name}' does not match in request and response");
        return Err(inconsistent(message));
    }
    let code = asked.service.service_code.as_str();
    if answer.body_root.strip_suffix("Response") != Some(code) {
        return Err(inconsistent(format!("The body of the answer is not {code}Response")));
    }
    Ok(Answer::Message(answer))
}

fn inconsistent(message: String) -> Fault {
    Fault::client(Code::InconsistentResponse, message).into_service_failure()
}
