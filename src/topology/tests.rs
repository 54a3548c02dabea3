//! Claims about whole topology files: the shipped ones, broken ones, and what people are shown.

use super::*;
use crate::domain::directory::{MemberKind, Standing};
use crate::domain::routing::Hop;
use std::fmt::Write as _;
use std::path::Path;

fn given(today: &str) -> Given {
    Given { today: today.parse().unwrap(), seed: 1, systems: crate::providers::SYSTEMS }
}

fn load(text: &str) -> Result<Topology, Mistakes> {
    Topology::load_str("test.toml", text, given("2026-11-22"))
}

/// The shortest topology with a tree; tests add to it.
const SMALL: &str = r#"version = 1
[[platform]]
name = "axis"
kind = "axis"
[[platform]]
name = "lgsp-h60"
kind = "lgsp"
parent = "axis"
agencies = ["H60"]
[[platform]]
name = "ss-h60"
kind = "ss"
parent = "lgsp-h60"
"#;

fn with(more: &str) -> Result<Topology, Mistakes> {
    load(&format!("{SMALL}{more}"))
}

#[test]
fn the_sandbox_is_a_small_country() {
    let topology = Topology::load("sandbox", given("2026-11-22")).unwrap_or_else(|m| panic!("{m}"));
    let lgsps: Vec<_> =
        topology.platforms.iter().filter(|p| p.kind == PlatformKind::Lgsp).collect();
    assert_eq!(lgsps.len(), 6);
    for lgsp in lgsps {
        let members = topology.members.iter().filter(|m| m.platform == lgsp.ix).count();
        assert!((8..=10).contains(&members), "{}: {members}", lgsp.name);
    }
    let ss = topology.platform_named("ss-h60").unwrap();
    let at = |kind, offset: u16| Listener { kind, port: 7100 + 80 + offset };
    let (local, tls) = (at(ListenerKind::Local, 2), at(ListenerKind::Tls, 1));
    assert_eq!(ss.listeners, [local, tls, at(ListenerKind::Mtls, 0)]);
    let caller = topology.members.by_systemid("000.00.06.H60").unwrap();
    assert_eq!(caller.id().as_ref(), "VN:GOV:000.00.06.H60:QLVB");
    assert_eq!(caller.member.kind, MemberKind::External);
    assert_eq!(caller.member.security_server, Some(ss.ix));
    assert_eq!(Some(caller.member.platform), ss.parent);
    let hanoi = topology.directory.lookup_text("H26.101").unwrap();
    let axis = topology.platform_named("axis").unwrap().ix;
    assert_eq!(topology.routes.next_hop(caller.member.platform, hanoi), Hop::Link(axis));
}

#[test]
fn the_country_is_whole_before_and_after_the_mergers() {
    for (name, lgsps, day, members) in [
        ("national", 34 + 17, "2026-11-22", 34 * 3 + 17 * 2),
        ("national-2024", 63 + 22, "2024-12-01", 85 * 3),
    ] {
        let topology = Topology::load(name, given("2026-11-22")).unwrap_or_else(|m| panic!("{m}"));
        assert_eq!(topology.platforms.iter().filter(|p| p.carries()).count(), lgsps + 1, "{name}");
        assert_eq!(topology.directory.today().to_string(), day);
        assert_eq!(topology.members.len(), members, "{name}");
        let (first, last) =
            (topology.platforms.first().unwrap(), topology.platforms.last().unwrap());
        let way = topology.call_routes.next_hop_to_platform(last.ix, first.ix);
        assert_ne!(way, Hop::NoRoute, "{name}: calls pass through NDXP");
        for member in topology.members.iter() {
            for id in &member.agencies {
                assert_eq!(
                    topology.directory.standing_today(*id),
                    Standing::Alive,
                    "{}",
                    member.id
                );
                assert_eq!(topology.routes.home(*id), Some(member.platform), "{}", member.id);
            }
        }
    }
}

/// Every code at least once: what people see, byte for byte. `UPDATE_GOLDEN=1` rewrites the files.
#[test]
fn mistakes_are_shown_all_at_once_with_their_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/topology/golden");
    for case in ["syntax", "keys", "platforms", "members", "services", "limits"] {
        let toml = std::fs::read_to_string(folder.join(format!("{case}.toml"))).unwrap();
        let name = format!("{case}.toml");
        let mistakes = Topology::load_str(&name, &toml, given("2026-11-22")).unwrap_err();
        golden(
            &folder.join(format!("{case}.vi.txt")),
            &mistakes.render(Lang::Vi, Style::default()),
        );
        golden(
            &folder.join(format!("{case}.en.txt")),
            &mistakes.render(Lang::En, Style::default()),
        );
    }
    for case in ["agencies", "columns"] {
        let csv = std::fs::read_to_string(folder.join(format!("{case}.csv"))).unwrap();
        let log = Log::default();
        agencies::read_csv(&format!("{case}.csv"), &csv.into(), &log, &mut Vec::new());
        let table = log.into_mistakes();
        golden(&folder.join(format!("{case}.vi.txt")), &table.render(Lang::Vi, Style::default()));
        golden(&folder.join(format!("{case}.en.txt")), &table.render(Lang::En, Style::default()));
    }
}

fn golden(path: &Path, found: &str) {
    #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn every_code_can_happen() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/topology/golden");
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "txt") {
            all += &std::fs::read_to_string(path).unwrap();
        }
    }
    // Two names with one CRC-32, and a file without platforms, have a test of their own.
    let elsewhere = [Code::NameCollides, Code::NoPlatform];
    for code in Code::ALL.iter().filter(|code| !elsewhere.contains(code)) {
        assert!(all.contains(code.as_str()), "{code:?} is shown nowhere");
    }
}

fn codes(result: Result<Topology, Mistakes>) -> Vec<Code> {
    result.unwrap_err().all.iter().map(|m| m.code).collect()
}

#[test]
fn names_with_one_number_are_refused() {
    // CRC-32 of both is 4ddb0c25.
    let (a, b) = ("plumless", "buckeroo");
    assert_eq!(PlatformId::of(a), PlatformId::of(b));
    let text = format!(
        "[[platform]]\nname = '{a}'\nkind = 'axis'\n[[platform]]\nname = '{b}'\nkind = 'ndxp'\n"
    );
    assert_eq!(codes(load(&text)), [Code::NameCollides]);
    assert_eq!(codes(load("version = 1")), [Code::NoPlatform]);
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_nearest_shipped_one() {
    let mistakes = Topology::load("sandbx", given("2026-11-22")).unwrap_err();
    assert_eq!(mistakes.all.first().unwrap().code, Code::Unreadable);
    let text = mistakes.render(Lang::En, Style::default());
    assert!(text.contains("did you mean `sandbox`?"), "{text}");
    let more = "[directory]\nfiles = ['nowhere.csv']\n[documents]\ncalendar = 'no.csv'";
    assert!(codes(with(more)).iter().filter(|c| **c == Code::Unreadable).count() == 2);
}

#[test]
fn successors_are_looked_for_in_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let head = "code,name_vi,name_en,kind,valid_to,merged_into\n";
    write(
        "a.csv",
        &format!("{head}H60,A,A,province,2025-06-30,H41\nH22,B,B,province,2025-06-30,H99\n"),
    );
    write("b.csv", &format!("{head}H41,C,C,province,,\n"));
    write("t.toml", &format!("{SMALL}[directory]\nfiles = ['a.csv', 'b.csv']"));
    let path = folder.path().join("t.toml");
    let mistakes = Topology::load(path.to_str().unwrap(), given("2026-11-22")).unwrap_err();
    assert_eq!(mistakes.all.len(), 1, "{mistakes}");
    let mistake = mistakes.all.first().unwrap();
    assert_eq!((mistake.code, mistakes.place(mistake)), (Code::UnknownAgency, (3, 29)));
    assert!(mistakes.file(mistake).ends_with("a.csv"));
}

#[test]
fn files_beside_the_topology_and_in_the_binary_are_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.txt"), "from-a-file\n").unwrap();
    std::fs::write(folder.path().join("days.csv"), "2026-09-02").unwrap();
    let text = format!(
        "{SMALL}[directory]\nfiles = ['builtin:directory/agencies.csv']\n[documents]\n\
         calendar = 'days.csv'\n[[member]]\nagency = 'H60'\nsecret_file = 's.txt'\n"
    );
    let path = folder.path().join("t.toml");
    std::fs::write(&path, text).unwrap();
    let topology = Topology::load(path.to_str().unwrap(), given("2026-11-22")).unwrap();
    let caller = topology.members.by_systemid("000.00.00.H60").unwrap();
    let secret = caller.member.credential.as_ref().unwrap().secret.as_ref().unwrap();
    assert_eq!(secret.expose(), b"from-a-file");
    assert_eq!(&*topology.documents.calendar.unwrap().text, "2026-09-02");
}

#[test]
fn a_secret_is_shown_nowhere_not_even_beside_a_mistake() {
    let more = "[[member]]\nagency = 'H6O'\nsecret = 'very-secret-ß'\nsytemid = 'x'\n";
    let mistakes = with(more).unwrap_err();
    let text = mistakes.render(Lang::Vi, Style { colour: true, ascii: false });
    assert!(text.contains("secret = ***") && !text.contains("very-secret"), "{text}");
    assert!(!format!("{mistakes:?}").contains("very-secret"));
    let topology = with("[[member]]\nagency = 'H60'\nsecret = 'very-secret'").unwrap();
    assert!(!format!("{topology:?}").contains("very-secret"));
}

#[test]
fn ports_follow_the_place_in_the_file() {
    let topology = with("[ports]\nbase = 9000").unwrap();
    let ports = |name: &str| -> Vec<u16> {
        topology.platform_named(name).unwrap().listeners.iter().map(|l| l.port).collect()
    };
    assert_eq!(ports("axis"), [9000, 9001]);
    assert_eq!(ports("lgsp-h60"), [9010, 9011]);
    assert_eq!(ports("ss-h60"), [9022, 9021, 9020]);
    let free = with("[ports]\nbase = 0\noperator = 0").unwrap();
    assert!(free.platforms.iter().flat_map(|p| &p.listeners).all(|l| l.port == 0));
    let clash = with("[ports]\nbase = 7000\noperator = 7011");
    assert_eq!(codes(clash), [Code::PortClash]);
}

#[test]
fn limits_are_read_and_keep_their_relations() {
    let topology = with("[limits]\nbody_bytes_max = \"32 MiB\"\nhops_max = 5").unwrap();
    assert_eq!((topology.limits.body_bytes_max, topology.limits.hops_max), (32 << 20, 5));
    assert_eq!(topology.limits.chunk_bytes_max, 512 << 10);
    assert_eq!(codes(with("[limits]\nbatch_bytes_max = 4096")), [Code::LimitsContradict]);
}

#[test]
fn a_directory_of_120_000_rows_is_read() {
    let mut csv = String::from("code,name_vi,name_en,kind,valid_from,valid_to,merged_into\n");
    for number in 0..120_000_u32 {
        let (root, unit) = (number / 2_000, number % 2_000);
        writeln!(
            csv,
            "H{root}.{unit:04},\"Đơn vị, số {number}\",Unit {number},agency,2016-10-01,,"
        )
        .unwrap();
    }
    let log = Log::default();
    let rows = agencies::read_csv("big.csv", &csv.into(), &log, &mut Vec::new());
    assert!(log.is_empty());
    let directory = Directory::from_rows(rows, "2026-11-22".parse().unwrap(), 1);
    assert_eq!(directory.len(), 120_000);
    let last = directory.lookup_text("H59.1999").unwrap();
    assert_eq!(&*directory.agency(last).name_vi, "Đơn vị, số 119999");
    assert_eq!(directory.search("don vi so 119999", 5), [last]);
}

#[test]
fn a_broken_file_never_panics() {
    let text = shipped::file("sandbox.toml").unwrap();
    for cut in (0..text.len()).step_by(97).filter(|at| text.is_char_boundary(*at)) {
        let head = text.get(..cut).unwrap();
        if let Err(mistakes) = load(head) {
            assert!(!mistakes.all.is_empty());
            assert!(mistakes.all.iter().all(|m| m.span.end <= head.len()), "{mistakes}");
        }
    }
}

#[test]
fn nobody_is_configured_to_be_a_platform_or_the_public() {
    for id in ["VN:PLATFORM:lgsp-h60:NDOP", "VN:PUBLIC:INTERNET:WEB", "VN:COM:1:a"] {
        let loaded = with(&format!("[[member]]\nid = \"{id}\"\nplatform = \"ss-h60\"\n"));
        assert_eq!(loaded.is_ok(), id.starts_with("VN:COM"), "{id}");
    }
}

#[test]
fn shipped_topologies_observe_their_calls_and_open_to_browsers() {
    for (name, services, is_observed) in
        [("sandbox", 20, true), ("national", 20, true), ("national-2024", 20, false)]
    {
        let topology = Topology::load(name, given("2026-11-22")).unwrap_or_else(|m| panic!("{m}"));
        assert!(topology.services.len() > services, "{name}");
        // NDOP came with NĐ 278/2025.
        assert_eq!(topology.ndop.is_some(), is_observed, "{name}");
        let takes = |ndop: &NdopEntry| topology.services.iter().any(|one| one.id == ndop.service);
        assert!(topology.ndop.as_ref().is_none_or(takes), "{name}");
        assert_eq!(topology.public_port, Some(7080), "{name}");
    }
}

/// Before the mergers of 2025 other ministries had some of the national services (domain.md 3.2).
#[test]
fn the_national_services_are_those_of_their_day() {
    let services = |name: &str| {
        let topology = Topology::load(name, given("2026-11-22")).unwrap_or_else(|m| panic!("{m}"));
        let home = |entry: &ServiceEntry| {
            let owner = entry.id.owner();
            let home = topology.platform(entry.platform).unwrap().name.to_string();
            // An enterprise stands in no directory; G24 has become part of G12, its service stays.
            if let Ok(owner) = AgencyCode::parse(owner.code())
                && name == "national-2024"
            {
                let id = topology.directory.lookup(&owner).unwrap();
                assert_eq!(topology.directory.standing_today(id), Standing::Alive, "{}", entry.id);
            }
            (entry.id.code().to_owned(), (owner.code().to_owned(), home))
        };
        topology.services.iter().map(home).collect::<BTreeMap<_, _>>()
    };
    let (then, now) = (services("national-2024"), services("national"));
    let missing: Vec<_> = now.keys().filter(|code| !then.contains_key(*code)).collect();
    assert_eq!(missing, ["ndop"]);
    assert_eq!(then.len(), now.len() - 1);
    let moved: Vec<_> = then
        .iter()
        .filter(|(code, home)| now.get(*code) != Some(home))
        .map(|(code, (owner, home))| (code.as_str(), &owner[owner.len() - 3..], home.as_str()))
        .collect();
    assert_eq!(
        moved,
        [
            ("bhxh", "G24", "ndxp"),
            ("datdai", "G13", "lgsp-g13"),
            ("dkdn", "G05", "lgsp-g05"),
            ("dmdc", "G14", "lgsp-g14"),
            ("echo", "G14", "lgsp-g14"),
            ("emc", "G14", "lgsp-g14"),
        ]
    );
}
