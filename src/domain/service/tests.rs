//! What services promise: who gets in, and that changes rebuild them.

use super::*;

pub(crate) fn service(id: &str) -> Service {
    Service {
        id: id.parse().unwrap(),
        version: "1.0".to_owned(),
        title_vi: "Danh mục dùng chung".to_owned(),
        title_en: "Shared catalogues".to_owned(),
        kind: ServiceKind::OpenApi,
        state: ServiceState::Published,
        way: Way::Central,
        home: PlatformIx(1),
        target: Target::Simulated("dmdc".to_owned()),
        timeout_ms: 1_000,
        calls_max: 10,
        body_bytes_max: 1_000,
        description: "{}".into(),
        rights: vec![Right::whole("H60".parse().unwrap())],
        is_changed: false,
    }
}

const ID: &str = "VN:GOV:000.00.00.G06:DMDC/dmdc";

fn services() -> Services {
    let mut services = Services::default();
    services.put(service(ID));
    services
}

fn platform(name: &str) -> Option<PlatformIx> {
    name.strip_prefix('p').and_then(|ix| ix.parse().ok()).map(PlatformIx)
}

fn asked(services: &Services, who: &str) -> Result<(), Denial> {
    let path = ServicePath::parse("/a").unwrap();
    let caller = who.parse().unwrap();
    services.by_id(ID).unwrap().authorise(&caller, "GET", &path, services.groups())
}

#[test]
fn each_state_lets_in_whom_it_should() {
    const OWNER: &str = "VN:GOV:G06:DMDC";
    const GRANTED: &str = "VN:GOV:H60.06:QLVB";
    const STRANGER: &str = "VN:GOV:H26:QLVB";
    for (state, owner, granted) in [
        (ServiceState::Draft, Ok(()), Err(Denial::NoRight)),
        (ServiceState::Test, Ok(()), Ok(())),
        (ServiceState::Published, Ok(()), Ok(())),
        (ServiceState::Deprecated, Ok(()), Ok(())),
        (ServiceState::Disabled, Err(Denial::Disabled), Err(Denial::Disabled)),
    ] {
        let mut services = Services::default();
        services.put(Service { state, ..service(ID) });
        assert_eq!(asked(&services, OWNER), owner, "{state}");
        assert_eq!(asked(&services, GRANTED), granted, "{state}");
        assert_eq!(asked(&services, STRANGER), Err(Denial::NoRight), "{state}");
    }
}

#[test]
fn a_revoked_right_is_gone_and_a_granted_one_is_there() {
    let mut services = services();
    let right = RightRecord { to: "H60".to_owned(), ..RightRecord::default() };
    let fact = ServiceChanged {
        service: ID.to_owned(),
        revoked: vec![right],
        granted: vec![RightRecord { to: "H26".to_owned(), ..RightRecord::default() }],
        ..ServiceChanged::default()
    };
    assert!(services.change(&fact, platform));
    assert_eq!(asked(&services, "VN:GOV:H60.06:QLVB"), Err(Denial::NoRight));
    assert_eq!(asked(&services, "VN:GOV:H26:QLVB"), Ok(()));
    assert!(services.change(&fact, platform), "again is the same");
    assert_eq!(services.by_id(ID).unwrap().rights.len(), 1);
}

#[test]
fn changes_rebuild_the_same_services() {
    let mut changed = services();
    let mut other = service("VN:GOV:G12:THUE/ma-so-thue");
    other.home = PlatformIx(3);
    changed.change(&other.to_fact(|ix| format!("p{}", ix.0)), platform);
    let target = ServiceChanged {
        service: ID.to_owned(),
        target: "real".to_owned(),
        target_name: "https://127.0.0.1:1".to_owned(),
        state: "test".to_owned(),
        ..ServiceChanged::default()
    };
    assert!(changed.change(&target, platform));
    let mut copy = services();
    for fact in changed.changes(|ix| format!("p{}", ix.0)) {
        assert!(copy.change(&fact, platform));
    }
    assert_eq!(copy.iter().collect::<Vec<_>>(), changed.iter().collect::<Vec<_>>());
    assert_eq!(copy.by_id(ID).unwrap().target, Target::Real("https://127.0.0.1:1".to_owned()));
    let gone =
        ServiceChanged { service: ID.to_owned(), removed: true, ..ServiceChanged::default() };
    assert!(copy.change(&gone, platform));
    assert_eq!((copy.len(), copy.by_id(ID).is_none()), (1, true));
    let mut restarted = services();
    for fact in copy.changes(|ix| format!("p{}", ix.0)) {
        restarted.change(&fact, platform);
    }
    assert!(restarted.by_id(ID).is_none(), "removed stays removed");
}

#[test]
fn a_change_of_nothing_that_is_changes_nothing() {
    let mut services = services();
    let unknown = "VN:GOV:G06:DMDC/other".to_owned();
    let fact = ServiceChanged { service: unknown, state: "test".to_owned(), ..Default::default() };
    assert!(!services.change(&fact, platform));
    let nowhere = service("VN:GOV:G06:DMDC/other").to_fact(|_| "nowhere".to_owned());
    assert!(!services.change(&nowhere, platform));
    assert_eq!(services.len(), 1);
}

#[test]
fn a_mistyped_name_finds_the_one_that_was_meant() {
    let services = services();
    let near = services.nearest("VN:GOV:000.00.00.G06:DMDC/dmcd", 3);
    assert_eq!(near.first().map(|service| service.id.to_string()).as_deref(), Some(ID));
    assert!(services.nearest("x", 3).is_empty());
}
