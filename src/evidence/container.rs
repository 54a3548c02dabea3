//! Evidence to take away: each record of a message in a container like ASiC-E (`mimetype` first, `META-INF/`), signed
//! by the platform whose log it is from.
//!
//! It holds what the log holds: ids, times, paths, sizes and hashes. A payload is nowhere in it.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io::{self, Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{RECORD_BYTES_MAX, Signer, Trust};

/// What of a call a container holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Half {
    /// The record as it stands in the log, so that its hash can be computed again.
    #[default]
    Both,
    /// Its fields about the request alone.
    Request,
    /// Its fields about the answer alone.
    Response,
}

/// One file to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The media type of one container, and of several in one file.
pub const CONTAINER_TYPE: &str = "application/vnd.etsi.asic-e+zip";
pub const BUNDLE_TYPE: &str = "application/zip";

/// Puts one record of `platform`'s log, a line without its line feed, into a container.
pub(super) fn of_line(
    line: &str,
    half: Half,
    platform: &str,
    signer: &dyn Signer,
) -> io::Result<Container> {
    let record: Map<String, Value> = serde_json::from_str(line)?;
    let number = record.get("n").and_then(Value::as_u64).unwrap_or_default();
    let id = record.get("messageId").and_then(Value::as_str).unwrap_or_default();
    let (entry, text, word) = match half {
        Half::Both => ("record.json", line.to_owned(), ""),
        Half::Request => ("request.json", part(record.clone(), &OF_RESPONSE)?, "-request"),
        Half::Response => ("response.json", part(record.clone(), &OF_REQUEST)?, "-response"),
    };
    let name = format!("{}{word}-{platform}-{number}.asice", file_name(id));
    let readme = readme(platform, number, entry);
    let data: [Entry<'_>; 2] = [
        (entry, "application/json", text.as_bytes()),
        ("README.txt", "text/plain", readme.as_bytes()),
    ];
    let manifest = asic_manifest(&data);
    let signature = signer.sign(manifest.as_bytes());
    if signature.is_empty() {
        return Err(io::Error::other("no usable signature for the container"));
    }
    let certificate = pem(&signer.certificate());
    let listed = file_manifest(&data);
    let [record, readme] = data;
    let bytes = zipped(&[
        ("mimetype", CONTAINER_TYPE.as_bytes()),
        (record.0, record.2),
        (readme.0, readme.2),
        ("META-INF/manifest.xml", listed.as_bytes()),
        (MANIFEST, manifest.as_bytes()),
        (SIGNATURE, &signature),
        (CERTIFICATE, certificate.as_bytes()),
    ])?;
    Ok(Container { name, bytes })
}

/// What the signature of a container is checked with. The folder and `instance-identifier` are named as in X-Road's
/// archive (assumed: our protocol notes name the request only); the authorities stand in PEM, for `openssl`.
pub(super) fn verification_conf(instance: &str, trust: &Trust) -> io::Result<Vec<u8>> {
    let of = |file: &str| format!("verificationconf/{}/{file}", safe(instance, ID_CHARS_MAX));
    zipped(&[
        ("verificationconf/instance-identifier", instance.as_bytes()),
        (&of("trust-anchors.pem"), trust.anchors.as_bytes()),
        (&of("intermediates.pem"), trust.between.as_bytes()),
        (&of("revoked.crl.pem"), trust.revoked.as_bytes()),
        ("verificationconf/README.txt", verification_readme(instance).as_bytes()),
    ])
}

/// Several containers in one file; one that has a former one's name is left out.
pub fn bundle(containers: &[Container]) -> io::Result<Vec<u8>> {
    let mut names: Vec<&str> = Vec::new();
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for container in containers {
        if !names.contains(&container.name.as_str()) {
            names.push(&container.name);
            files.push((&container.name, &container.bytes));
        }
    }
    zipped(&files)
}

/// The containers of a `bundle`; of no more than `CONTAINERS_MAX`, nor larger than one of ours can be.
pub fn unbundle(bytes: &[u8]) -> io::Result<Vec<Container>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(io::Error::other)?;
    let mut found = Vec::new();
    for place in 0..archive.len().min(CONTAINERS_MAX) {
        let file = archive.by_index(place).map_err(io::Error::other)?;
        let name = safe(&file.name().map_err(io::Error::other)?, NAME_CHARS_MAX);
        let mut bytes = Vec::new();
        file.take(CONTAINER_BYTES_MAX).read_to_end(&mut bytes)?;
        found.push(Container { name, bytes });
    }
    Ok(found)
}

/// A message's id as part of a file's name.
pub fn file_name(id: &str) -> String {
    safe(id, ID_CHARS_MAX)
}

/// Bounded, and nothing that a shell or a path takes for itself.
fn safe(name: &str, chars_max: usize) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.trim_start_matches(['.', '-']).chars().map(allowed).collect();
    let name = name.get(..chars_max).unwrap_or(&name);
    if name.is_empty() { "message".to_owned() } else { name.to_owned() }
}

/// Stored, not packed: whoever looks finds the media type at its place, and every byte as it was signed.
fn zipped(files: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in files {
        writer.start_file(*name, stored).map_err(io::Error::other)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish().map_err(io::Error::other)?.into_inner())
}

/// The record without the fields of its other half, and without its hash, which is of the whole.
fn part(mut record: Map<String, Value>, without: &[&str]) -> io::Result<String> {
    record
        .retain(|name, _| !without.contains(&name.as_str()) && !OF_WHOLE.contains(&name.as_str()));
    Ok(serde_json::to_string(&record)?)
}

type Entry<'a> = (&'static str, &'static str, &'a [u8]);

fn asic_manifest(data: &[Entry<'_>]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <asic:ASiCManifest xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
         <asic:SigReference URI=\"{SIGNATURE}\" MimeType=\"application/octet-stream\"/>"
    );
    for (name, media_type, bytes) in data {
        let digest = base64_simd::STANDARD.encode_to_string(Sha256::digest(bytes));
        text.push_str(&format!(
            "<asic:DataObjectReference URI=\"{name}\" MimeType=\"{media_type}\">\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
             <ds:DigestValue>{digest}</ds:DigestValue></asic:DataObjectReference>"
        ));
    }
    text.push_str("</asic:ASiCManifest>\n");
    text
}

fn file_manifest(data: &[Entry<'_>]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" \
         manifest:version=\"1.2\">\
         <manifest:file-entry manifest:full-path=\"/\" manifest:media-type=\"{CONTAINER_TYPE}\"/>"
    );
    for (name, media_type, _) in data {
        text.push_str(&format!(
            "<manifest:file-entry manifest:full-path=\"{name}\" manifest:media-type=\"{media_type}\"/>"
        ));
    }
    text.push_str("</manifest:manifest>\n");
    text
}

fn pem(der: &[u8]) -> String {
    let encoded = base64_simd::STANDARD.encode_to_string(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(PEM_CHARS).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

fn readme(platform: &str, number: u64, entry: &str) -> String {
    format!(
        "SANDBOX\n\n\
         Bằng chứng số {number} của nền tảng {platform}. Tệp {entry} chỉ có mã, thời điểm, đường dẫn, kích thước và giá trị băm;\n\
         nội dung của lời gọi và của câu trả lời không được lưu và không có ở đây.\n\n\
         Record {number} of the evidence of the platform {platform}. {entry} holds ids, times, paths, sizes and hashes only;\n\
         what was asked and answered is not kept, and is not in here.\n\n\
         Kiểm tra chữ ký / To check the signature:\n\
         \x20 openssl x509 -in {CERTIFICATE} -pubkey -noout > key.pem\n\
         \x20 openssl dgst -sha256 -verify key.pem -signature {SIGNATURE} {MANIFEST}\n\
         {MANIFEST} có SHA-256 (base64) của từng tệp / has the SHA-256 (base64) of each file.\n\n\
         record.json: \"chain\" = SHA-256(\"prev\" 32 byte + dòng tới trước / the line up to ,\"chain\":).\n\
         request.json, response.json: một nửa bản ghi, không kèm giá trị băm chuỗi / half a record, without its chain.\n"
    )
}

fn verification_readme(instance: &str) -> String {
    let folder = safe(instance, ID_CHARS_MAX);
    format!(
        "SANDBOX\n\n\
         Chứng thư gốc và danh sách thu hồi của môi trường thử {instance}, để kiểm tra chứng thư đã ký bằng chứng.\n\
         The authorities of the sandbox {instance} and its list of revoked certificates: what the certificate that\n\
         signed a piece of evidence is checked against. They are trusted in this sandbox and nowhere else.\n\n\
         Kiểm tra một tệp .asice / To check an .asice file:\n\
         \x20 unzip verificationconf.zip && unzip FILE.asice -d record\n\
         \x20 cat verificationconf/{folder}/trust-anchors.pem verificationconf/{folder}/revoked.crl.pem > trusted.pem\n\
         \x20 openssl verify -crl_check -CAfile trusted.pem -untrusted verificationconf/{folder}/intermediates.pem \\\n\
         \x20   record/{CERTIFICATE}\n\
         Chữ ký và giá trị băm: xem README.txt trong tệp .asice / signature and digests: README.txt of the .asice file.\n"
    )
}

const MANIFEST: &str = "META-INF/ASiCManifest.xml";
const SIGNATURE: &str = "META-INF/signature.der";
const CERTIFICATE: &str = "META-INF/certificate.pem";
const PEM_CHARS: usize = 64;
/// The platform's name and the record's number come behind it.
const ID_CHARS_MAX: usize = 100;
const NAME_CHARS_MAX: usize = 200;
const CONTAINERS_MAX: usize = 10_000;
/// A record, and what stands around it.
const CONTAINER_BYTES_MAX: u64 = RECORD_BYTES_MAX as u64 + (64 << 10);

/// Fields of a record that speak of one half of its call only, in the names of `CallRecord`.
const OF_REQUEST: [&str; 5] =
    ["requestInTs", "requestOutTs", "requestSize", "requestSha256", "peerChain"];
const OF_RESPONSE: [&str; 11] = [
    "nextChain",
    "responseInTs",
    "responseOutTs",
    "responseSize",
    "responseSha256",
    "succeeded",
    "faultCode",
    "faultString",
    "faultSide",
    "faultAt",
    "statusCode",
];
const OF_WHOLE: [&str; 2] = ["prev", "chain"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_a_message_and_is_nothing_else() {
        for (id, name) in [
            ("DEV-1", "DEV-1"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("-rf \"x\"\r\n", "rf__x___"),
            ("Đơn", "__n"),
            ("..", "message"),
            ("", "message"),
        ] {
            assert_eq!(file_name(id), name, "{id}");
        }
        assert_eq!(file_name(&"x".repeat(1 << 20)).len(), ID_CHARS_MAX);
    }

    #[test]
    fn a_bundle_is_read_back_and_holds_each_name_once() {
        let one = Container { name: "a.asice".to_owned(), bytes: b"1".to_vec() };
        let again = Container { bytes: b"2".to_vec(), ..one.clone() };
        let other = Container { name: "b.asice".to_owned(), ..again.clone() };
        let bytes = bundle(&[one.clone(), again, other.clone()]).unwrap();
        assert_eq!(unbundle(&bytes).unwrap(), [one, other]);
        for cut in 0..bytes.len() {
            assert!(unbundle(bytes.get(..cut).unwrap()).is_err(), "{cut}");
        }
    }
}
