//! `lienthong check FILE`: reads a topology and everything it names, and says what is wrong, without starting.

use super::answer::{Answer, Wording};
use crate::domain::directory::{MemberKind, Standing};
use crate::topology::{Given, Lang, Mistakes, Topology};

const USAGE_ERROR: u8 = 2;

/// Exit code 0 when the topology can be started, 2 when it cannot.
pub fn check(path: &str, given: Given, wording: Wording) -> Answer {
    match Topology::load(path, given) {
        Ok(topology) => Answer { stdout: good(path, &topology, wording), ..Answer::default() },
        Err(mistakes) => bad(&mistakes, wording),
    }
}

fn bad(mistakes: &Mistakes, wording: Wording) -> Answer {
    let exit_code = USAGE_ERROR;
    if wording.json {
        let found = mistakes.to_json(wording.lang);
        let stdout =
            format!("{}\n", serde_json::json!({ "version": 1, "ok": false, "mistakes": found }));
        return Answer { stdout, exit_code, ..Answer::default() };
    }
    let stderr = mistakes.render(wording.lang, wording.style);
    Answer { stderr, exit_code, ..Answer::default() }
}

/// What a good topology holds, in numbers.
struct Counts {
    platforms: usize,
    active: usize,
    members: usize,
    virtual_members: usize,
    agencies: usize,
    alive: usize,
    synthetic: usize,
}

fn good(path: &str, topology: &Topology, wording: Wording) -> String {
    let directory = &topology.directory;
    let is_alive = |standing| standing == Standing::Alive;
    let counts = Counts {
        platforms: topology.platforms.len(),
        active: topology.platforms.iter().filter(|p| p.active).count(),
        members: topology.members.len(),
        virtual_members: topology.members.iter().filter(|m| m.kind == MemberKind::Virtual).count(),
        agencies: directory.len(),
        alive: directory.ids().filter(|id| is_alive(directory.standing_today(*id))).count(),
        synthetic: directory.ids().filter(|id| directory.agency(*id).synthetic).count(),
    };
    let (name, today) = (&topology.name, directory.today());
    if wording.json {
        let answer = serde_json::json!({
            "version": 1,
            "ok": true,
            "file": path,
            "name": &**name,
            "day": today.to_string(),
            "platforms": counts.platforms,
            "platforms_active": counts.active,
            "members": counts.members,
            "members_virtual": counts.virtual_members,
            "agencies": counts.agencies,
            "agencies_alive": counts.alive,
            "agencies_synthetic": counts.synthetic,
        });
        return format!("{answer}\n");
    }
    let Counts { platforms, active, members, virtual_members, agencies, alive, synthetic } = counts;
    match wording.lang {
        Lang::Vi => format!(
            "{path}: cấu hình `{name}` đúng\n\
             \x20 nền tảng   {platforms} ({active} đang chạy)\n\
             \x20 thành viên {members} ({virtual_members} ảo)\n\
             \x20 cơ quan    {agencies} ({alive} có hiệu lực ngày {today}, {synthetic} giả lập)\n"
        ),
        Lang::En => format!(
            "{path}: the topology `{name}` is good\n\
             \x20 platforms  {platforms} ({active} run)\n\
             \x20 members    {members} ({virtual_members} virtual)\n\
             \x20 agencies   {agencies} ({alive} alive on {today}, {synthetic} synthetic)\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: fn() -> Given = || {
        let today = "2026-11-22".parse().unwrap();
        Given { today, seed: 1, systems: crate::providers::SYSTEMS }
    };

    #[test]
    fn a_good_topology_is_counted() {
        let wording = Wording { lang: Lang::En, ..Wording::default() };
        let answer = check("sandbox", GIVEN(), wording);
        assert_eq!((answer.exit_code, answer.stderr.as_str()), (0, ""));
        assert!(
            answer.stdout.starts_with("sandbox: the topology `sandbox` is good\n"),
            "{answer:?}"
        );
        let json = check("sandbox", GIVEN(), Wording { json: true, ..wording }).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((json["ok"].as_bool(), json["platforms"].as_u64()), (Some(true), Some(12)));
    }

    #[test]
    fn mistakes_end_with_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.toml");
        std::fs::write(&path, "version = 1\n[limits]\nwindow = 3\n").unwrap();
        let path = path.to_str().unwrap();
        let answer = check(path, GIVEN(), Wording::default());
        assert_eq!((answer.exit_code, answer.stdout.as_str()), (2, ""));
        assert!(answer.stderr.contains("có phải ý bạn là `window_max`?"), "{}", answer.stderr);
        let json = check(path, GIVEN(), Wording { json: true, ..Wording::default() }).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["mistakes"][1]["code"], "LT-C0002");
        assert_eq!(
            (json["mistakes"][1]["line"].as_u64(), json["mistakes"][1]["column"].as_u64()),
            (Some(3), Some(1))
        );
    }
}
