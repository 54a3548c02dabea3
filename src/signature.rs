//! Verifies and makes XML signatures on edXML files and on messages of signed services (`XMLDSig`, enveloped, `URI=""`).
//!
//! What a verdict means for a document is `domain::signature`. Only certificates below configured anchors are trusted,
//! whatever key the file carries. Before any digest is computed the layout is inspected: one signature in the `ds`
//! namespace, references to the whole document only, canonicalisation and the enveloped transform only, no DTD, and no
//! key fetched from elsewhere. So nothing in a file makes the verifier read another file, and a signature always covers
//! everything the gateway reads.
//!
//! The vendor's samples leave `Signature` in the namespace of edXML (domain.md 2.3). That is no XML signature and no
//! verifier can check it; it proves as much as none and counts as none, with a note.

use bergshamra_dsig::{DsigContext, VerifyResult};
use bergshamra_keys::{Key, KeysManager, build_x509_key_info_from_der, loader};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::clock::Timestamp;
use crate::domain::edxml::NAMESPACE_DSIG;
use crate::domain::envelope::SignatureState;

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

/// Canonical XML leaves content as it is; nothing else may stand between the document and its digest.
const TRANSFORMS: [&str; 7] = [
    ENVELOPED,
    EXCLUSIVE,
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
];

/// What a file's signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: SignatureState,
    /// Who signed, as the certificate names them. Believe it only when the state is `Valid`.
    pub subject: Option<String>,
    /// The signer's certificate, DER; as believable as `subject`.
    pub certificate: Option<Vec<u8>>,
    /// Why it is not valid; empty when there is nothing to say. For the log and the story, not for strangers.
    pub note: String,
}

/// The authorities that may vouch for a signer.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    certificates: Vec<Vec<u8>>,
}

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("the certificate cannot be read")]
    Certificate(#[source] rustls_pki_types::pem::Error),
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    #[error("the key cannot be read: {0}")]
    Key(String),
    #[error("signing needs an RSA or an EC P-256 key, not {0}")]
    Algorithm(&'static str),
    #[error("the file has no edXMLHeader to sign in")]
    NoHeader,
    #[error("the document has no root element with a start and an end tag to sign in")]
    NoRoot,
    #[error("the file is signed already")]
    Signed,
    #[error("{0}")]
    Failed(String),
}

impl Anchors {
    /// All certificates of a PEM file.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SignError> {
        Ok(Self { certificates: certificates(pem)? })
    }

    pub fn add_der(&mut self, certificate: Vec<u8>) {
        self.certificates.push(certificate);
    }
}

/// Verifies a file that `domain::edxml` has read. `at` is the moment at which certificates must be valid.
pub fn verify(file: &[u8], anchors: &Anchors, at: Timestamp) -> Verdict {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let Ok(text) = std::str::from_utf8(file) else { return invalid("not UTF-8") };
    let layout = match Layout::of(text) {
        Ok(layout) => layout,
        Err(note) => return invalid(note),
    };
    match (layout.genuine, layout.foreign) {
        (0, 0) => return none(""),
        (0, _) => return none("the Signature is not in the namespace of XML signatures"),
        (1, _) => {}
        (_, _) => return invalid("more than one signature"),
    }
    if layout.references == 0 {
        return invalid("the signature refers to nothing");
    }
    if !anchors.certificates.is_empty() {
        let trusting = context(anchors, at, false);
        if let Ok(VerifyResult::Valid { key_info, .. }) =
            bergshamra_dsig::verify::verify(&trusting, text)
        {
            return signed(SignatureState::Valid, key_info.x509_chain.first(), "");
        }
    }
    // Again without trust, to tell a broken signature from an unknown signer.
    let doubting = context(&Anchors::default(), at, true);
    match bergshamra_dsig::verify::verify(&doubting, text) {
        Ok(VerifyResult::Valid { key_info, .. }) => signed(
            SignatureState::Untrusted,
            key_info.x509_chain.first(),
            "no trusted authority vouches for the key",
        ),
        Ok(VerifyResult::Invalid { reason }) => invalid(&reason),
        Err(error) => invalid(&error.to_string()),
    }
}

// dependencies.md 9: the defaults trust only preloaded keys, and the permissive context trusts anything.
fn context(anchors: &Anchors, at: Timestamp, without_trust: bool) -> DsigContext {
    let mut keys = KeysManager::new();
    for anchor in &anchors.certificates {
        keys.add_trusted_cert(anchor.clone());
    }
    let utc = jiff::tz::Offset::UTC
        .to_datetime(jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default());
    DsigContext::new(keys)
        .with_trusted_keys_only(false)
        .with_enabled_key_data_x509(!without_trust)
        .with_verify_keys(true)
        .with_insecure(without_trust)
        .with_verification_time(utc.strftime("%Y-%m-%d+%H:%M:%S").to_string())
}

fn signed(state: SignatureState, leaf: Option<&Vec<u8>>, note: &str) -> Verdict {
    let subject = leaf.and_then(|leaf| subject(leaf));
    Verdict { state, subject, certificate: leaf.cloned(), note: note.to_owned() }
}

fn none(note: &str) -> Verdict {
    signed(SignatureState::None, None, note)
}

fn invalid(note: &str) -> Verdict {
    signed(SignatureState::Invalid, None, note)
}

fn subject(certificate: &[u8]) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(parsed.subject().to_string())
}

/// What there is to verify.
#[derive(Default)]
struct Layout {
    /// Signatures in the `ds` namespace.
    genuine: usize,
    /// Elements called Signature in another one.
    foreign: usize,
    references: usize,
}

impl Layout {
    fn of(text: &str) -> Result<Self, &'static str> {
        let mut layout = Self::default();
        // A file without the word holds no signature; most files are such.
        if memchr::memmem::find(text.as_bytes(), b"Signature").is_none() {
            return Ok(layout);
        }
        let mut reader = NsReader::from_str(text);
        loop {
            match reader.read_event().map_err(|_error| "not well-formed")? {
                Event::Start(tag) | Event::Empty(tag) => {
                    let is_ds = matches!(
                        reader.resolver().resolve_element(tag.name()).0,
                        ResolveResult::Bound(namespace) if namespace.as_ref() == NAMESPACE_DSIG
                    );
                    layout.note(&tag, is_ds)?;
                }
                Event::DocType(_) => return Err("document type declaration"),
                Event::Eof => return Ok(layout),
                Event::End(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn note(&mut self, tag: &BytesStart<'_>, is_ds: bool) -> Result<(), &'static str> {
        let local = tag.local_name();
        if !is_ds {
            self.foreign += usize::from(local.as_ref() == "Signature");
            return Ok(());
        }
        let attribute = |name: &str| {
            tag.try_get_attribute(name).ok().flatten().map(|found| found.value.into_owned())
        };
        match local.as_ref() {
            "Signature" => self.genuine += 1,
            "Reference" => {
                self.references += 1;
                if attribute("URI").as_deref() != Some("") {
                    return Err("a reference does not cover the whole document");
                }
            }
            "Transform" => {
                let algorithm = attribute("Algorithm").unwrap_or_default();
                if !TRANSFORMS.contains(&algorithm.as_str()) {
                    return Err("a transform may hide part of the document");
                }
            }
            "RetrievalMethod" | "KeyInfoReference" | "Manifest" | "Object" => {
                return Err("the signature refers to something outside of it");
            }
            _ => {}
        }
        Ok(())
    }
}

/// A key with its certificate, ready to sign.
pub struct Signer {
    key: Key,
    method: &'static str,
    key_info: String,
}

/// The key is never shown.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Signer {
    /// A PKCS #8 key and a certificate file whose first certificate is the signer's.
    pub fn from_pem(key: &[u8], certificate: &[u8]) -> Result<Self, SignError> {
        let chain = certificates(certificate)?;
        let mut key =
            loader::load_pem_auto(key, None).map_err(|error| SignError::Key(error.to_string()))?;
        let method = match key.algorithm_name() {
            "RSA" => RSA_SHA256,
            "EC-P256" => ECDSA_SHA256,
            other => return Err(SignError::Algorithm(other)),
        };
        let key_info = build_x509_key_info_from_der(&chain);
        key.x509_chain = chain;
        Ok(Self { key, method, key_info })
    }

    /// The file with a signature as the last child of its header. No other byte changes.
    pub fn sign(&self, file: &str) -> Result<String, SignError> {
        self.sign_at(
            file,
            end_of(file, |_, name| name == "edXMLHeader")?.ok_or(SignError::NoHeader)?,
        )
    }

    /// A document with a signature as the last child of its root. No other byte changes. It must stand alone: what
    /// it uses of namespaces it declares.
    pub fn sign_root(&self, document: &str) -> Result<String, SignError> {
        self.sign_at(document, end_of(document, |depth, _| depth == 1)?.ok_or(SignError::NoRoot)?)
    }

    fn sign_at(&self, file: &str, at: usize) -> Result<String, SignError> {
        let (before, after) = file.split_at_checked(at).ok_or(SignError::NoRoot)?;
        let mut template = String::with_capacity(file.len() + self.key_info.len() + 2_048);
        template.push_str(before);
        template.push_str(&self.template());
        template.push_str(after);
        let mut keys = KeysManager::new();
        keys.add_key(self.key.clone());
        bergshamra_dsig::sign::sign_owned(&DsigContext::new(keys), template)
            .map_err(|error| SignError::Failed(error.to_string()))
    }

    fn template(&self) -> String {
        let (method, key_info) = (self.method, &self.key_info);
        format!(
            "<ds:Signature xmlns:ds=\"{NAMESPACE_DSIG}\"><ds:SignedInfo>\
             <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>\
             <ds:SignatureMethod Algorithm=\"{method}\"/>\
             <ds:Reference URI=\"\"><ds:Transforms>\
             <ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE}\"/>\
             </ds:Transforms><ds:DigestMethod Algorithm=\"{SHA256}\"/>\
             <ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>\
             <ds:SignatureValue></ds:SignatureValue>{key_info}</ds:Signature>"
        )
    }
}

/// Where the last end tag begins whose element, by its depth from 1 and its local name, is the wanted one.
fn end_of(file: &str, is_wanted: impl Fn(usize, &str) -> bool) -> Result<Option<usize>, SignError> {
    let mut reader = NsReader::from_str(file);
    let (mut found, mut depth) = (None, 0_usize);
    loop {
        let at = reader.buffer_position();
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag))
                if tag.local_name().as_ref() == "Signature" =>
            {
                return Err(SignError::Signed);
            }
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(tag)) => {
                if is_wanted(depth, tag.local_name().as_ref()) {
                    found = usize::try_from(at).ok();
                }
                depth = depth.saturating_sub(1);
            }
            Ok(Event::Eof) => return Ok(found),
            Ok(_) => {}
            Err(error) => return Err(SignError::Failed(error.to_string())),
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, SignError> {
    let list: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|found| found.map(|der| der.to_vec())).collect();
    let list = list.map_err(SignError::Certificate)?;
    if list.is_empty() { Err(SignError::NoCertificate) } else { Ok(list) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    const SAMPLE: &str = include_str!("../tests/data/edxml/new.edxml");
    /// 20/05/2030, inside the validity that rcgen gives by default.
    const NOW: Timestamp = Timestamp::from_secs(1_905_465_600);

    struct Pki {
        anchors: Anchors,
        signer: Signer,
    }

    fn pki(algorithm: &'static rcgen::SignatureAlgorithm) -> Pki {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "CA thử nghiệm");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Văn phòng Chính phủ");
        let certificate = leaf.signed_by(&key, &issuer).unwrap();
        let pem = certificate.pem();
        let signer = Signer::from_pem(key.serialize_pem().as_bytes(), pem.as_bytes()).unwrap();
        let anchors = Anchors::from_pem(authority_certificate.pem().as_bytes()).unwrap();
        Pki { anchors, signer }
    }

    fn state(file: &str, anchors: &Anchors) -> SignatureState {
        verify(file.as_bytes(), anchors, NOW).state
    }

    #[test]
    fn a_signed_file_is_valid_only_below_a_trusted_authority() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_RSA_SHA256] {
            let ours = pki(algorithm);
            let signed = ours.signer.sign(SAMPLE).unwrap();
            let verdict = verify(signed.as_bytes(), &ours.anchors, NOW);
            assert_eq!(verdict.state, SignatureState::Valid, "{}", verdict.note);
            assert_eq!(verdict.subject.as_deref(), Some("CN=Văn phòng Chính phủ"));
            let theirs = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
            assert_eq!(state(&signed, &theirs.anchors), SignatureState::Untrusted);
            assert_eq!(state(&signed, &Anchors::default()), SignatureState::Untrusted);
            let late = Timestamp::from_secs(100_000_000_000 / 8);
            let expired = verify(signed.as_bytes(), &ours.anchors, late).state;
            // rcgen's certificates end in 4096.
            assert_eq!(expired, SignatureState::Valid);
            let early = verify(signed.as_bytes(), &ours.anchors, Timestamp::ZERO).state;
            assert_eq!(early, SignatureState::Untrusted);
        }
    }

    #[test]
    fn one_changed_byte_is_found_wherever_it_is() {
        let ours = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
        let signed = ours.signer.sign(SAMPLE).unwrap();
        for (from, to) in [
            ("V/v kết", "V/v hết"),
            ("000.00.00.H53", "000.00.00.H54"),
            ("UEsDB", "UEsDC"),
            ("</edXML>", "<!-- x --> </edXML>"),
        ] {
            let changed = signed.replacen(from, to, 1);
            assert_ne!(changed, signed);
            assert_eq!(state(&changed, &ours.anchors), SignatureState::Invalid, "{to}");
        }
    }

    #[test]
    fn without_a_signature_there_is_none() {
        let ours = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(verify(SAMPLE.as_bytes(), &ours.anchors, NOW), none(""));
        // domain.md 2.3: the vendor's samples leave Signature in the default namespace.
        let foreign = SAMPLE.replace("</edXML:edXMLHeader>", "<Signature/></edXML:edXMLHeader>");
        let verdict = verify(foreign.as_bytes(), &ours.anchors, NOW);
        assert_eq!(verdict.state, SignatureState::None);
        assert!(!verdict.note.is_empty());
    }

    #[test]
    fn a_signature_that_hides_something_is_invalid() {
        let ours = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
        let signed = ours.signer.sign(SAMPLE).unwrap();
        let signature =
            signed.split("<ds:Signature ").nth(1).unwrap().split("</ds:Signature>").next();
        let twice =
            format!("<ds:Signature {}</ds:Signature></edXML:edXMLHeader>", signature.unwrap());
        let (covers, hides, outside) =
            ("a reference does", "a transform may", "the signature refers");
        // (piece, its replacement, how the note begins): the inspection must refuse before a digest does.
        for (from, to, note) in [
            ("Reference URI=\"\"", "Reference URI=\"#a\"", covers),
            ("Reference URI=\"\"", "Reference URI=\"file:///etc/passwd\"", covers),
            (ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116", hides),
            ("<ds:X509Data>", "<ds:RetrievalMethod URI=\"x\"/><ds:X509Data>", outside),
            ("<edXML xmlns", "<!DOCTYPE edXML><edXML xmlns", "document type"),
            ("</edXML:edXMLHeader>", twice.as_str(), "more than one"),
        ] {
            let changed = signed.replacen(from, to, 1);
            assert_ne!(changed, signed, "{from}");
            let verdict = verify(changed.as_bytes(), &ours.anchors, NOW);
            assert_eq!(verdict.state, SignatureState::Invalid, "{to}");
            assert!(verdict.note.starts_with(note), "{to}: {}", verdict.note);
        }
    }

    #[test]
    fn any_document_is_signed_inside_its_root_and_names_its_signer() {
        let ours = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
        let document = "<t:Hoi xmlns:t=\"urn:t\"><t:A>1</t:A><t:Hoi>2</t:Hoi></t:Hoi>";
        let signed = ours.signer.sign_root(document).unwrap();
        assert!(signed.ends_with("</ds:Signature></t:Hoi>"), "{signed}");
        let verdict = verify(signed.as_bytes(), &ours.anchors, NOW);
        assert_eq!((verdict.state, verdict.certificate.is_some()), (SignatureState::Valid, true));
        let changed = signed.replacen(">2<", ">3<", 1);
        assert_eq!(state(&changed, &ours.anchors), SignatureState::Invalid);
        assert!(matches!(ours.signer.sign_root(&signed), Err(SignError::Signed)));
        assert!(matches!(ours.signer.sign_root("<a/>"), Err(SignError::NoRoot)));
    }

    #[test]
    fn signing_adds_the_signature_and_changes_nothing_else() {
        let ours = pki(&rcgen::PKCS_ECDSA_P256_SHA256);
        let signed = ours.signer.sign(SAMPLE).unwrap();
        let begin = signed.find("<ds:Signature ").unwrap();
        let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        assert_eq!(format!("{}{}", &signed[..begin], &signed[end..]), SAMPLE);
        assert!(matches!(ours.signer.sign(&signed), Err(SignError::Signed)));
        assert!(matches!(ours.signer.sign("<a/>"), Err(SignError::NoHeader)));
        let header = crate::domain::edxml::read(
            signed.as_bytes(),
            crate::domain::edxml::Mode::Strict,
            crate::domain::edxml::XmlLimits::default(),
        );
        assert_eq!(header.unwrap().header.signatures, 1);
    }
}
