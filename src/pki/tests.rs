//! The chain in a folder: what is issued, what stays, what a revocation list then says.

use super::*;
use read::Revocations;
use rustls_pki_types::CertificateRevocationListDer;
use std::os::unix::fs::PermissionsExt;

const NOW: Timestamp = Timestamp::from_secs(1_795_300_000);

fn platform(name: &str) -> Platform {
    Platform { name: PlatformName::new(name).unwrap(), addresses: Vec::new() }
}

fn member(text: &str) -> MemberId {
    MemberId::parse(text).unwrap()
}

fn national(folder: &Path) -> (Pki, Vec<Platform>, Vec<MemberId>) {
    let platforms = (1..=64).map(|n| platform(&format!("lgsp-h{n:02}"))).collect();
    let members =
        (1..=136).map(|n| member(&format!("VN:GOV:000.00.{:02}.H{:02}:qlvb", n % 90, n % 64)));
    (Pki::at(folder.join("pki")), platforms, members.collect())
}

fn revocations(pki: &Pki) -> Revocations {
    let text = std::fs::read(pki.dir().join("crl.pem")).unwrap();
    let mut all = Revocations::default();
    for list in CertificateRevocationListDer::pem_slice_iter(&text) {
        all.add(&list.unwrap()).unwrap();
    }
    all
}

#[test]
fn init_issues_what_is_missing_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (pki, platforms, members) = national(folder.path());
    let first = pki.init(&platforms, &members, NOW).unwrap();
    assert_eq!(first, InitReport { authorities_made: true, issued: 200, kept: 0 });
    let index = std::fs::read(pki.dir().join("index.json")).unwrap();

    let again = pki.init(&platforms, &members, NOW).unwrap();
    assert_eq!(again, InitReport { authorities_made: false, issued: 0, kept: 200 });
    assert_eq!(std::fs::read(pki.dir().join("index.json")).unwrap(), index);

    // A lost key, a damaged certificate, another platform's key, and a new address: each is made whole again.
    let bundle = |n: usize| pki.bundle(&Holder::Platform(platforms[n].name.clone()));
    std::fs::remove_file(bundle(0).key).unwrap();
    std::fs::write(bundle(1).chain, "torn").unwrap();
    std::fs::copy(bundle(3).key, bundle(2).key).unwrap();
    let mut moved = platforms.clone();
    moved[4].addresses.push(ServerAddress::Ip("10.1.2.3".parse().unwrap()));
    let healed = pki.init(&moved, &members, NOW).unwrap();
    assert_eq!((healed.issued, healed.kept), (4, 196));
    assert_eq!(pki.init(&moved, &members, NOW).unwrap().issued, 0);

    // A year on, all have ended.
    assert_eq!(pki.init(&moved, &members, NOW.plus(days(400))).unwrap().issued, 200);
    assert!(revocations(&pki).next_update.unwrap() > NOW.plus(days(400)));
}

#[test]
fn a_certificate_names_its_holder_and_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::at(folder.path());
    let id = member("VN:GOV:000.00.13.H53:qlvb");
    pki.init(&[platform("lgsp-h53")], std::slice::from_ref(&id), NOW).unwrap();

    let read = |holder: &Holder| CertificateFacts::read(&pki.leaf(holder).unwrap()).unwrap();
    let of_member = read(&Holder::Member(id.clone()));
    assert_eq!(of_member.holder, Some(Holder::Member(id)));
    assert!(of_member.subject.contains(SANDBOX), "{}", of_member.subject);
    assert!(of_member.issuer.contains(SANDBOX));
    assert_eq!(of_member.names, Vec::<String>::new());

    let name = Holder::Platform(PlatformName::new("lgsp-h53").unwrap());
    let of_platform = read(&name);
    assert_eq!(of_platform.names, ["localhost", "127.0.0.1", "::1", "lgsp-h53"]);
    assert_eq!(of_platform.holder.as_ref(), Some(&name));
    assert!(of_platform.not_before < NOW && of_platform.not_after == NOW.plus(days(LEAF_DAYS)));
}

#[test]
fn revoking_and_renewing_show_in_the_list_and_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::at(folder.path());
    let id = member("VN:GOV:H53.13:qlvb");
    let holder = Holder::Member(id.clone());
    pki.init(&[], &[id], NOW).unwrap();
    assert!(revocations(&pki).entries.is_empty());

    let renewed = pki.renew(&holder, NOW.plus(days(1))).unwrap();
    let all = pki.list().unwrap();
    assert_eq!(all.iter().map(|r| r.current).collect::<Vec<_>>(), [false, true]);
    assert_ne!(all[0].serial, renewed.serial);

    let later = NOW.plus(days(2));
    pki.revoke(&Which::Serial(all[0].serial.clone()), Reason::Superseded, later).unwrap();
    pki.revoke(&Which::Holder(holder.clone()), Reason::KeyCompromise, later).unwrap();
    let again = pki.revoke(&Which::Holder(holder), Reason::KeyCompromise, later);
    assert!(matches!(again, Err(PkiError::AlreadyRevoked)));
    let unknown = Which::Serial(Serial::parse("42").unwrap());
    assert!(matches!(pki.revoke(&unknown, Reason::Superseded, later), Err(PkiError::Unknown)));

    let listed = revocations(&pki);
    let found: Vec<_> = all
        .iter()
        .map(|record| {
            let mut entries = listed.entries.iter();
            let (_, entry) = entries.find(|(key, _)| key.serial == record.serial).unwrap();
            (entry.at, entry.reason)
        })
        .collect();
    assert_eq!(found, [(later, 4), (later, 1)]);
    assert_eq!(pki.list().unwrap()[1].revoked.unwrap().reason, Reason::KeyCompromise);

    pki.renew_crl(NOW.plus(days(20))).unwrap();
    assert_eq!(revocations(&pki).next_update, Some(NOW.plus(days(20 + CRL_DAYS))));
    assert_eq!(revocations(&pki).entries, listed.entries);
}

#[test]
fn keys_are_for_the_owner_only_and_no_half_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::at(folder.path().join("pki"));
    pki.init(&[platform("axis")], &[member("VN:GOV:H53:qlvb")], NOW).unwrap();
    let mut files = Vec::new();
    for dir in ["", "platforms", "members"] {
        let dir = pki.dir().join(dir);
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        files.extend(std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()));
    }
    for path in files.into_iter().filter(|path| path.is_file()) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let name = path.to_string_lossy().into_owned();
        assert!(!name.ends_with(".new"), "{name}");
        assert_eq!(name.ends_with(".key"), mode == 0o600 && !name.ends_with(".lock"), "{name}");
    }
}
