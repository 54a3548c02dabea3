//! The element names of edXML, each with its spelling as everyone writes it (`Bussiness`, `TyperNotation`).

/// One row per element: variant, spelling, the same in lower case.
macro_rules! names {
    ($($name:ident $spelling:literal $lower:literal,)*) => {
        /// An element that this gateway reads; everything else is `Other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Element { $($name,)* Other }

        impl Element {
            /// The spelling of the standard only.
            pub(super) fn exact(local: &str) -> Self {
                match local { $($spelling => Self::$name,)* _ => Self::Other }
            }

            fn lower(local: &[u8]) -> Self {
                $(if local == $lower { return Self::$name; })*
                Self::Other
            }

            pub(super) const fn spelling(self) -> &'static str {
                match self { $(Self::$name => $spelling,)* Self::Other => "*" }
            }
        }

        #[cfg(test)]
        const ALL: &[(Element, &str, &[u8])] = &[$((Element::$name, $spelling, $lower),)*];
    };
}

names! {
    EdXml "edXML" b"edxml",
    Envelope "edXMLEnvelope" b"edxmlenvelope",
    Header "edXMLHeader" b"edxmlheader",
    MessageHeader "MessageHeader" b"messageheader",
    From "From" b"from",
    To "To" b"to",
    OrganId "OrganId" b"organid",
    OrganName "OrganName" b"organname",
    DocumentId "DocumentId" b"documentid",
    Code "Code" b"code",
    CodeNumber "CodeNumber" b"codenumber",
    CodeNotation "CodeNotation" b"codenotation",
    PromulgationInfo "PromulgationInfo" b"promulgationinfo",
    Place "Place" b"place",
    PromulgationDate "PromulgationDate" b"promulgationdate",
    DocumentType "DocumentType" b"documenttype",
    Type "Type" b"type",
    TypeName "TypeName" b"typename",
    Subject "Subject" b"subject",
    Content "Content" b"content",
    SignerInfo "SignerInfo" b"signerinfo",
    FullName "FullName" b"fullname",
    DueDate "DueDate" b"duedate",
    OtherInfo "OtherInfo" b"otherinfo",
    Priority "Priority" b"priority",
    SphereOfPromulgation "SphereOfPromulgation" b"sphereofpromulgation",
    TyperNotation "TyperNotation" b"typernotation",
    PromulgationAmount "PromulgationAmount" b"promulgationamount",
    PageAmount "PageAmount" b"pageamount",
    Direction "Direction" b"direction",
    ResponseFor "ResponseFor" b"responsefor",
    SteeringType "SteeringType" b"steeringtype",
    StatusCode "StatusCode" b"statuscode",
    Description "Description" b"description",
    Timestamp "Timestamp" b"timestamp",
    TraceHeaderList "TraceHeaderList" b"traceheaderlist",
    TraceHeader "TraceHeader" b"traceheader",
    Bussiness "Bussiness" b"bussiness",
    BussinessDocType "BussinessDocType" b"bussinessdoctype",
    BussinessDocReason "BussinessDocReason" b"bussinessdocreason",
    Paper "Paper" b"paper",
    BussinessDocumentInfo "BussinessDocumentInfo" b"bussinessdocumentinfo",
    ReceiverList "ReceiverList" b"receiverlist",
    Receiver "Receiver" b"receiver",
    ReceiverType "ReceiverType" b"receivertype",
    ReplacementInfoList "ReplacementInfoList" b"replacementinfolist",
    ReplacementInfo "ReplacementInfo" b"replacementinfo",
    OrganIdList "OrganIdList" b"organidlist",
    Signature "Signature" b"signature",
    DigitalSignature "DigitalSignature" b"digitalsignature",
    Body "edXMLBody" b"edxmlbody",
    Manifest "edXMLManifest" b"edxmlmanifest",
    Reference "Reference" b"reference",
    ContentId "ContentId" b"contentid",
    ContentType "ContentType" b"contenttype",
    AttachmentName "AttachmentName" b"attachmentname",
    AttachmentEncoded "AttachmentEncoded" b"attachmentencoded",
    Attachment "Attachment" b"attachment",
    ContentTransferEncoded "ContentTransferEncoded" b"contenttransferencoded",
}

impl Element {
    // StringXpath.java of one receiver: elements are found by lower-cased local name.
    pub(super) fn any_case(local: &str) -> Self {
        let exact = Self::exact(local);
        if exact != Self::Other {
            return exact;
        }
        let mut buffer = [0_u8; 32];
        let Some(lower) = buffer.get_mut(..local.len()) else { return Self::Other };
        lower.copy_from_slice(local.as_bytes());
        lower.make_ascii_lowercase();
        Self::lower(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_row_are_the_same_word() {
        for &(name, spelling, lower) in ALL {
            assert_eq!(spelling.to_ascii_lowercase().as_bytes(), lower);
            assert!(spelling.len() <= 32, "{spelling}");
            assert_eq!(Element::exact(spelling), name);
            assert_eq!(Element::any_case(&spelling.to_ascii_uppercase()), name);
            assert_eq!(name.spelling(), spelling);
        }
        assert_eq!(Element::exact("organid"), Element::Other);
        assert_eq!(Element::any_case(&"x".repeat(40)), Element::Other);
    }
}
