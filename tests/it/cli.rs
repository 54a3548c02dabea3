//! The command line as people and scripts meet it: the real binary, real sockets on any free port, a data folder of
//! its own. Each test waits for what it needs to see; none sleeps.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_lienthong");
const FROM: &str = "H60.06";
const TO: &str = "H26.06";

/// The program, in Vietnamese whatever the machine speaks.
pub(crate) fn lienthong(data: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "vi_VN.UTF-8");
    command.env("LIENTHONG_DATA", data).env_remove("LIENTHONG_LANG");
    command
}

pub(crate) fn run(data: &Path, args: &[&str]) -> Output {
    lienthong(data).args(args).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs with `-o json` and reads the one object that is printed.
pub(crate) fn json(data: &Path, args: &[&str]) -> Value {
    let output = lienthong(data).args(args).args(["-o", "json"]).output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"));
    assert_eq!(value["version"], 1, "{args:?}");
    value
}

/// A process of platforms that is ready.
pub(crate) struct Up {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub(crate) ready: Value,
    pub(crate) data: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Up {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut up = Self::start_on(folder.path(), args);
        up._folder = Some(folder);
        up
    }

    pub(crate) fn start_on(data: &Path, args: &[&str]) -> Self {
        let mut child = lienthong(data)
            .args(["up", "--port-base", "0", "-o", "json"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, stderr, ready, data: data.to_owned(), _folder: None }
    }

    /// Where the operator's API listens.
    pub(crate) fn operator(&self) -> std::net::SocketAddr {
        let base = self.ready["operator"].as_str().unwrap();
        base.strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Reads messages up to the one that holds `wanted`.
    fn message(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "never said: {wanted}");
        }
        line
    }

    /// Ends it; its exit code and what it said last.
    fn end(mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (status.code().unwrap(), rest)
    }

    /// Lists until something is there.
    fn list(&self, args: &[&str], is_there: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..400 {
            let found = json(&self.data, args);
            if found["documents"].as_array().unwrap().iter().any(&is_there) {
                return found;
            }
        }
        panic!("{args:?} never showed it");
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.data.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[test]
fn the_ready_line_says_where_everything_is() {
    let up =
        Up::start(&["--member", "vxp.h60:a:secret:000.00.07.H60", "--member", "vxp.g12:x:G12"]);
    let ready = &up.ready;
    assert_eq!((&ready["version"], &ready["ready"]), (&1.into(), &true.into()));
    assert_eq!(ready["data"], up.data.to_str().unwrap());
    assert!(Path::new(&string(&ready["ca"])).exists());
    assert!(string(&ready["operator"]).starts_with("http://127.0.0.1:"));
    let platforms = ready["platforms"].as_array().unwrap();
    let named = |name: &str| platforms.iter().find(|p| p["name"] == name).unwrap();
    assert_eq!(named("axis")["kind"], "axis");
    for key in ["mtls", "tls"] {
        assert!(string(&named("lgsp-h60")[key]).parse::<std::net::SocketAddr>().is_ok());
    }
    assert!(string(&named("ss-h60")["local"]).starts_with("127.0.0.1:"));
    assert_eq!(named("ss-h60")["mtls"], named("lgsp-h60")["mtls"]);
    assert!(named("ss-g12")["local"].is_string(), "an LGSP without a security server gets one");
    let members = ready["members"].as_array().unwrap();
    let member = members.iter().find(|m| m["systemid"] == "vxp.h60").unwrap();
    assert_eq!(member["id"], "VN:GOV:000.00.07.H60:sandbox");
    assert_eq!((&member["agencies"][0], &member["platform"]), (&"H60.07".into(), &"ss-h60".into()));
    for key in ["cert", "key"] {
        assert!(Path::new(&string(&member[key])).is_absolute());
        assert!(Path::new(&string(&member[key])).exists());
    }
    let file = up.data.join("run.json");
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(&written, ready);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!text(&std::fs::read(&file).unwrap()).contains("a:secret"), "no secret in it");
}

#[test]
fn a_document_is_sent_read_confirmed_and_answered() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let file = up.file("tờ trình.txt", "nội dung tờ trình");
    let send = ["send", &file, "--from", "000.00.06.H60", "--to", TO, "--subject", "V/v kết nối"];
    let sent = json(data, &[&send[..], &["--notation", "12/SKHCN-VP", "--sign"]].concat());
    assert_eq!(sent["ok"], true, "{sent}");
    assert!(string(&sent["document_id"]).ends_with(",12/SKHCN-VP"));
    let received = string(&sent["receivers"][0]["doc_id"]);

    let inbox = up.list(&["inbox", TO], |one| one["doc_id"] == received.as_str());
    let item = &inbox["documents"][0];
    assert_eq!((&item["from"], &item["state"]), (&FROM.into(), &"initial".into()));
    assert_eq!(item["subject"], "V/v kết nối");
    let table = text(&run(data, &["inbox", TO]).stdout);
    assert!(table.contains(&received) && table.contains("Đã vào hộp thư"), "{table}");

    let folder = data.join("đính kèm");
    let got = run(data, &["get", &received, "--attachments", folder.to_str().unwrap()]);
    assert_eq!(code(&got), 0, "{got:?}");
    assert_eq!(std::fs::read(folder.join("tờ trình.txt")).unwrap(), "nội dung tờ trình".as_bytes());
    let copy = data.join("copy.edxml");
    assert_eq!(code(&run(data, &["get", &received, "--output", copy.to_str().unwrap()])), 0);
    let copy = std::fs::read(copy).unwrap();
    assert_eq!(text(&run(data, &["get", &received]).stdout), text(&copy));
    assert_eq!(json(data, &["get", &received])["bytes"], copy.len());

    assert_eq!(json(data, &["confirm", &received])["state"], "done");
    assert_eq!(json(data, &["inbox", TO])["documents"].as_array().unwrap().len(), 0);
    assert_eq!(json(data, &["inbox", TO, "--all"])["documents"][0]["state"], "done");
    assert_eq!(json(data, &["status", &received, "3", "--reason", "đã nhận"])["ok"], true);

    let came = up.list(&["sent", FROM], |one| one["business_status"] == 3);
    assert_eq!(came["documents"][0]["receiver_doc_id"], received.as_str());
    up.list(&["inbox", FROM, "--status"], |one| one["status"] == 3);
    let by_document_id = string(&item["document_id"]);
    let again = run(data, &["status", &by_document_id, "06", "--as", TO]);
    assert_eq!(code(&again), 0, "by its DocumentId: {again:?}");

    trace_tells_the_way(data, &string(&sent["doc_id"]), &received, &by_document_id);
}

fn trace_tells_the_way(data: &Path, sent: &str, received: &str, document_id: &str) {
    let trace = run(data, &["trace", sent]);
    let trace = text(&trace.stdout);
    for wanted in
        ["lgsp-h60", "axis", "lgsp-h26", "Đã tiếp nhận", "V/v kết nối", "Chữ ký số hợp lệ"]
    {
        assert!(trace.contains(wanted), "{wanted}: {trace}");
    }
    let ascii = lienthong(data).env("LC_ALL", "C").args(["trace", received]).output().unwrap();
    assert!(!text(&ascii.stdout).contains(['├', '●', '○']), "{ascii:?}");
    assert_eq!(json(data, &["trace", received])["document_id"], document_id);
}

#[test]
fn what_was_sent_is_recalled_updated_and_replaced() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let file = up.file("a.txt", "một");
    let sent = json(data, &["send", &file, "--from", FROM, "--to", TO, "--notation", "1/KH"]);
    let (doc_id, document_id) = (string(&sent["doc_id"]), string(&sent["document_id"]));
    up.list(&["inbox", TO], |one| one["kind"] == "new");

    let update =
        json(data, &["update", &document_id, &file, "--reason", "bổ sung", "--add", "G12"]);
    assert_eq!(update["receivers"].as_array().unwrap().len(), 2, "{update}");
    up.list(&["inbox", TO], |one| one["kind"] == "update" && one["reason"] == "bổ sung");
    let replace =
        json(data, &["replace", &doc_id, &file, "--reason", "thay", "--notation", "2/KH"]);
    assert_eq!(replace["ok"], true, "{replace}");
    up.list(&["inbox", TO], |one| one["kind"] == "replace" && one["notation"] == "2/KH");
    let recall = json(data, &["recall", &document_id, "--reason", "gửi nhầm"]);
    assert_eq!(recall["ok"], true, "{recall}");
    up.list(&["inbox", TO], |one| one["kind"] == "recall" && one["reason"] == "gửi nhầm");
    let trace = run(data, &["trace", &doc_id]);
    let trace = text(&trace.stdout);
    for (kind, reason) in [
        ("Cập nhật văn bản", "bổ sung"),
        ("Thay thế văn bản", "thay"),
        ("Thu hồi văn bản", "gửi nhầm"),
    ] {
        assert!(trace.contains(&format!("{kind} — {reason}")), "{kind}: {trace}");
    }
    let trace = run(data, &["trace", &string(&replace["doc_id"]), "--lang", "en"]);
    let trace = text(&trace.stdout);
    let expected = format!("Replaces     {document_id}");
    assert!(trace.contains(&expected) && trace.contains("[Replacement]"), "{trace}");
    assert!(trace.contains("New document") && trace.contains(&doc_id), "{trace}");
    let never = run(data, &["recall", "000.00.06.H60,2026/01/01,9/X", "--reason", "x"]);
    assert_eq!(code(&never), 4, "{never:?}");
    assert!(text(&never.stderr).contains("LT-D402"));
}

#[test]
fn an_edxml_file_and_an_unread_one_go_as_they_are() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let large = up.file("large.bin", &"x".repeat(3 << 20));
    let sent = json(data, &["send", &large, "--from", FROM, "--to", TO]);
    let received = string(&sent["receivers"][0]["doc_id"]);
    up.list(&["inbox", TO], |one| one["doc_id"] == received.as_str());
    let copy = data.join("copy.edxml");
    let copy = copy.to_str().unwrap();
    assert_eq!(code(&run(data, &["get", &received, "--output", copy])), 0);
    let again = json(data, &["send", copy]);
    assert_eq!((&again["duplicate"], &again["doc_id"]), (&true.into(), &sent["doc_id"]), "{again}");

    let opaque = json(data, &["send", &large, "--type", "opaque", "--from", FROM, "--to", TO]);
    let received = string(&opaque["receivers"][0]["doc_id"]);
    up.list(&["inbox", TO], |one| one["doc_id"] == received.as_str());
    assert_eq!(run(data, &["get", &received]).stdout.len(), 3 << 20);
    assert_eq!(code(&run(data, &["status", &received, "01"])), 0);

    let broken = up.file("broken.edxml", "<edXML><a>");
    let refused = run(data, &["send", &broken, "--from", FROM, "--lang", "en"]);
    assert_eq!(code(&refused), 4, "{refused:?}");
    assert!(text(&refused.stderr).starts_with("error[LT-D2"), "{refused:?}");
}

#[test]
fn every_failure_has_its_exit_code_and_both_languages() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let empty = tempfile::tempdir().unwrap();
    let file = up.file("a.txt", "một");
    let bad = up.file("bad.toml", "version = 1\n[limits]\nwindow = 3\n");
    let to = ["--to", TO];
    let send = |rest: &[&str]| run(data, &[&["send", &file, "--from", FROM], rest].concat());
    // (what, exit code, what stderr says)
    let table = [
        (run(data, &["check", "sandbox"]), 0, ""),
        (run(data, &["inbox", TO]), 0, "không có gì mới"),
        (run(data, &["up"]), 1, "--data"),
        (run(data, &["upp"]), 2, "có phải ý bạn là `up`?"),
        (run(data, &["up", "--prot-base", "0"]), 2, "có phải ý bạn là `--port-base`?"),
        (run(data, &["up", "--platform", "lgsp-h6o"]), 2, "có phải ý bạn là `lgsp-h60`?"),
        (run(data, &["up", "--member", "a:b:H26.6"]), 2, "có phải ý bạn là `H26.06`?"),
        (run(data, &["up", "--member", "a:b"]), 2, "SYSTEMID:SECRET:AGENCY"),
        (run(data, &["up", "--config", &bad]), 2, "có phải ý bạn là `window_max`?"),
        (run(data, &["check", &bad]), 2, "có phải ý bạn là `window_max`?"),
        (run(data, &["explain", "LT-D3O2"]), 2, "có phải ý bạn là `LT-D302`?"),
        (run(data, &["explain", "t004"]), 0, ""),
        (run(data, &["send", "/nowhere", "--to", TO]), 2, "/nowhere"),
        (run(data, &["send", &file, "--to", TO]), 2, "nói rõ cơ quan"),
        (send(&[]), 2, "--to"),
        (run(data, &["status", "x", "99"]), 2, "LT-D405"),
        (run(empty.path(), &["inbox", TO]), 3, "lienthong up"),
        (send(&["--to", "H26.6"]), 4, "có phải ý bạn là `H26.06`?"),
        (run(data, &["inbox", "H26.6"]), 4, "có phải ý bạn là `H26.06`?"),
        (send(&[&to[..], &["--secret", "mật"]].concat()), 4, "lienthong explain LT-D213"),
        (send(&[&to[..], &["--secret", "mật", "--lang", "en"]].concat()), 4, "error[LT-D213]: The"),
    ];
    for (output, expected, said) in &table {
        assert_eq!(code(output), *expected, "{output:?}");
        assert!(text(&output.stderr).contains(said), "{said}: {output:?}");
    }

    // A refusal for programs carries both languages, the place and the code.
    let refused = json(data, &["send", &file, "--from", FROM, "--to", TO, "--secret", "mật"]);
    let error = &refused["error"];
    assert_eq!((&refused["exit"], &error["code"]), (&4.into(), &"LT-D213".into()), "{refused}");
    assert_ne!(error["vi"], error["en"]);
    assert_eq!(error["message"], error["vi"]);
    assert_eq!(error["at"], "declaration");

    // Revoked: the server notices by itself, and both sides name it.
    let revoked = run(data, &["pki", "revoke", "VN:GOV:000.00.06.H26:QLVB"]);
    assert_eq!(code(&revoked), 0, "{revoked:?}");
    let refused = (0..2_000)
        .map(|_| run(data, &["inbox", TO, "--as", "VN:GOV:000.00.06.H26:QLVB"]))
        .find(|output| code(output) != 0)
        .unwrap();
    assert_eq!(code(&refused), 4, "{refused:?}");
    assert!(text(&refused.stderr).contains("LT-T004") && text(&refused.stderr).contains("thu hồi"));
    assert_eq!(code(&run(data, &["pki", "revoke", "VN:GOV:000.00.06.H26:QLVB"])), 2);
}

#[test]
fn the_list_of_certificates_says_which_have_ended() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(code(&run(data, &["pki", "init"])), 0);
    let path = data.join("pki/index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    index["certificates"][0]["not_after"] = "2020-01-01T00:00:00Z".into();
    index["certificates"][1]["not_before"] = "2120-01-01T00:00:00Z".into();
    std::fs::write(&path, index.to_string()).unwrap();
    let states = &json(data, &["pki", "list"])["certificates"];
    let states: Vec<_> = (0..3).map(|place| states[place]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["expired", "not yet valid", "current"]);
    let listed = run(data, &["--lang", "vi", "pki", "list"]);
    assert!(text(&listed.stdout).contains("đã hết hạn"), "{listed:?}");
}

#[test]
fn every_command_prints_json_that_parses() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let commands: [&[&str]; 13] = [
        &["check", "national"],
        &["config", "show"],
        &["config", "schema"],
        &["pki", "list"],
        &["pki", "init"],
        &["pki", "renew", "axis"],
        &["pki", "issue", "VN:GOV:000.00.06.H60:moi"],
        &["inbox", TO],
        &["sent", TO],
        &["agencies", "tuyen quang"],
        &["explain", "d302"],
        &["completions", "bash"],
        &["trace", "01a2010e-d7de-783a-9bc3-81f958d0229b"],
    ];
    for command in commands {
        json(data, command);
    }
    let found = json(data, &["agencies", "tuyen quang", "--limit", "1"]);
    assert_eq!(found["agencies"][0]["code"], "H60", "{found}");
    let nowhere = tempfile::tempdir().unwrap();
    let found = json(nowhere.path(), &["agencies", "000.00.06.H60"]);
    assert_eq!(
        (&found["source"], &found["agencies"][0]["code"]),
        (&"sandbox".into(), &FROM.into())
    );
    assert_eq!(json(nowhere.path(), &["inbox"])["exit"], 3);
}

#[test]
fn an_operator_sets_conditions_and_locks_agencies() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let set = json(data, &["link", "set", "lgsp-h60", "--latency", "20ms", "--loss", "0.5"]);
    assert_eq!(set["link"]["conditions"]["latency_ms"], 20, "{set}");
    let shown = text(&run(data, &["link", "show"]).stdout);
    assert!(shown.contains("lgsp-h60 → axis") && shown.contains("loss=0.5"), "{shown}");
    let set = json(data, &["platform", "set", "axis", "--documents-per-s", "50", "--queue", "9"]);
    assert_eq!(set["platform"]["conditions"]["queue"], 9, "{set}");
    assert!(text(&run(data, &["platform", "show", "axis"]).stdout).contains("documents_per_s=50"));
    assert_eq!(code(&run(data, &["reset"])), 0);
    assert_eq!(json(data, &["link", "show", "lgsp-h60"])["link"]["changed"], false);
    let typo = run(data, &["link", "show", "lgsp-h6o"]);
    assert_eq!(code(&typo), 4, "{typo:?}");
    assert!(text(&typo.stderr).contains("có phải ý bạn là `lgsp-h60`?"), "{typo:?}");

    assert_eq!(json(data, &["agency", "lock", "000.00.06.H26"])["locked"], true);
    let found = json(data, &["agencies", TO, "--limit", "1"]);
    assert_eq!(found["source"], "running");
    assert_eq!(found["agencies"][0]["standing"], "locked", "{found}");
    let file = up.file("a.txt", "một");
    let sent = json(data, &["send", &file, "--from", FROM, "--to", TO]);
    assert!(sent.to_string().contains("LT-D304"), "{sent}");
    assert_eq!(json(data, &["agency", "unlock", TO])["locked"], false);
}

#[test]
fn help_begins_with_examples_in_the_language_asked_for() {
    let data = tempfile::tempdir().unwrap();
    for (args, first) in [
        (&["--help"][..], "Ví dụ:\n  lienthong demo"),
        (&["help", "send"], "Ví dụ:\n  lienthong send"),
        (&["-q", "--lang", "en", "help", "send"], "Examples:\n  lienthong send"),
        (&["send", "--help", "--lang", "en"], "Examples:\n  lienthong send"),
        (&["--lang=en", "pki", "revoke", "-h"], "Revoke"),
    ] {
        let output = run(data.path(), args);
        assert_eq!(code(&output), 0);
        assert!(text(&output.stdout).starts_with(first), "{output:?}");
    }
    let english =
        lienthong(data.path()).env("LC_ALL", "en_GB.UTF-8").arg("nothing").output().unwrap();
    assert!(text(&english.stderr).starts_with("error: there is no command"), "{english:?}");
    let coloured = run(data.path(), &["explain", "D302", "--color", "always"]);
    let plain = run(data.path(), &["explain", "D302"]);
    assert!(text(&coloured.stdout).contains('\u{1b}') && !text(&plain.stdout).contains('\u{1b}'));
}

#[test]
fn an_interrupt_drains_and_the_next_start_says_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start_on(folder.path(), &[]);
    let file = up.file("a.txt", "một");
    assert_eq!(json(&up.data, &["send", &file, "--from", FROM, "--to", TO])["ok"], true);
    up.interrupt();
    up.message("đang dừng");
    let (code, rest) = up.end();
    assert!(code == 0 && rest.ends_with("đã dừng\n"), "{code} {rest}");
    assert!(!folder.path().join("run.json").exists());
    let mut up = Up::start_on(folder.path(), &[]);
    let said = up.message("khôi phục");
    assert!(!said.contains("khôi phục 0 mục"), "{said}");
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = include_str!("../../config/sandbox.toml");
    // A link that is down keeps a document under way for as long as a drain may take.
    let down =
        shipped.replacen("agencies = [\"H60\"]", "agencies = [\"H60\"]\nlink = { down = true }", 1);
    let down = down.replacen("directory/agencies.csv", "builtin:directory/agencies.csv", 1);
    let config = folder.path().join("down.toml");
    std::fs::write(&config, format!("{down}\n[limits]\ndrain_timeout_ms = 3000000\n")).unwrap();
    let mut up = Up::start_on(folder.path(), &["--config", config.to_str().unwrap()]);
    let file = up.file("a.txt", "một");
    assert_eq!(json(&up.data, &["send", &file, "--from", FROM, "--to", TO])["ok"], true);
    up.interrupt();
    let said = up.message("đang dừng");
    assert!(said.contains("còn 1 văn bản"), "{said}");
    up.interrupt();
    let (code, rest) = up.end();
    assert_eq!(code, 130, "{rest}");
}

#[test]
fn a_load_is_measured_against_a_process_of_its_own_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("small.toml");
    let step = "name = \"small\"\n[[step]]\nname = \"across three platforms\"\nmode = \"streamed\"\n\
                connections = 1\nwindow = 64\npayload = \"4KiB\"\nwarm_up = \"100ms\"\nduration = \"1s\"\n";
    let file = scenario.to_str().unwrap();
    let args = ["load", file, "--config", "sandbox", "--from", FROM, "--to", TO];
    std::fs::write(&scenario, step).unwrap();
    let answer = json(folder.path(), &args);
    let measured = &answer["steps"][0];
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(measured["exchanges"].as_u64().unwrap() > 10, "{measured}");
    assert_eq!(measured["judgement"]["lost"], 0);
    assert!(measured["server_cpu_us_per_exchange"].as_f64().unwrap() > 0.0);

    std::fs::write(&scenario, format!("{step}[step.thresholds]\nreceipt_p50_us_max = 0.5\n"))
        .unwrap();
    let output = run(folder.path(), &args);
    assert_eq!(code(&output), 1, "a threshold that does not hold");
    assert!(text(&output.stdout).contains("receipt_p50_us_max = 0.5"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "its data goes with it: {left:?}");

    let output = run(folder.path(), &["load", file, "--step", "nothing", "--config", "sandbox"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("across three platforms"), "names what there is");
}

#[test]
fn a_signature_that_does_not_hold_is_refused_where_the_topology_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("strict.toml");
    let sandbox = include_str!("../../config/sandbox.toml")
        .replace("directory/agencies.csv", "builtin:directory/agencies.csv")
        .replace("signature = \"record\"", "signature = \"refuse\"");
    std::fs::write(&config, sandbox).unwrap();
    let up = Up::start(&["--config", config.to_str().unwrap()]);
    let data = up.data.as_path();
    let letter = up.file("letter.txt", "content");
    let send = ["send", &letter, "--from", FROM, "--to", TO, "--subject", "V/v an toàn"];
    let signed = json(data, &[&send[..], &["--sign"]].concat());
    let received = string(&signed["receivers"][0]["doc_id"]);
    up.list(&["inbox", TO], |one| one["doc_id"] == received.as_str());
    assert_eq!(json(data, &["trace", &received])["signature"], "valid");
    let copy = data.join("copy.edxml");
    let copy = copy.to_str().unwrap();
    assert_eq!(code(&run(data, &["get", &received, "--output", copy])), 0);
    let altered = std::fs::read_to_string(copy).unwrap().replace("V/v an toàn", "V/v an ninh");
    let refused = run(data, &["send", &up.file("altered.edxml", &altered), "--lang", "en"]);
    assert_eq!(code(&refused), 4, "{refused:?}");
    assert!(text(&refused.stderr).contains("detail: invalid"), "{refused:?}");
    let unsigned = json(data, &send);
    assert!(unsigned["warnings"][0].as_str().unwrap().contains("Signature"), "{unsigned}");
}

/// README's table of connections (domain.md 1.2), as far as commands make it.
#[test]
fn the_connections_of_the_model_are_a_command_each() {
    let up = Up::start(&[]);
    let call = |args: &[&str]| json(&up.data, &[&["call"], args].concat());
    // C1 and C2: in an agency, and between two of them.
    for from in ["G06", FROM] {
        let answer = call(&["dmdc", "/Category/magioitinh", "--from", from]);
        assert_eq!((&answer["status"], &answer["ok"]), (&200.into(), &true.into()), "{answer}");
    }
    // C7: who owes taxes is asked in signed XML only.
    let question = up.file(
        "question.xml",
        "<TraCuuNghiaVuThue xmlns=\"http://thue.gdt.gov.vn/ketnoi/1.0\"><MaGiaoDich>1</MaGiaoDich>\
         <MaSoThue>0000000000</MaSoThue><Nam>2025</Nam></TraCuuNghiaVuThue>",
    );
    let question = format!("@{question}");
    let asked = ["TraCuuNghiaVuThue", "--from", FROM, "-b", question.as_str()];
    assert!(string(&call(&asked)["body"]).contains("CHUA_KY"));
    let signed = string(&call(&[&asked[..], &["--sign"]].concat())["body"]);
    assert!(signed.contains("KHONG_CO_NNT"), "the signature was taken: {signed}");
    // C8: by a token, and by nothing else.
    let output = run(&up.data, &["token", "--application", "sandbox-h60-06"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let token = text(&output.stdout);
    for (token, status) in [(token.trim(), 200), ("made-up", 401)] {
        let answer = call(&["bc", "/offices", "--platform", "lgsp-h60", "--token", token]);
        assert_eq!(answer["status"], status, "{answer}");
    }
    let wrong = lienthong(&up.data).env("LIENTHONG_SECRET", "sai").arg("token").output().unwrap();
    assert_eq!(code(&wrong), 4, "{wrong:?}");
    // C10: NDOP is told of all of them.
    let reported = |told: &Value| {
        let platforms = told["platforms"].as_array().unwrap().iter();
        platforms.filter_map(|one| one["reported"].as_u64()).sum::<u64>()
    };
    let told = (0..400).map(|_| json(&up.data, &["ndop"])).find(|told| reported(told) >= 10);
    assert!(told.is_some(), "{}", json(&up.data, &["ndop"]));
}

#[test]
fn a_response_rule_is_put_answers_is_missed_and_is_taken_away() {
    let up = Up::start(&[]);
    let given = "id = \"mine\"\nwhen = { path = \"/Category/{list}\" }\n\
        then = { template = '{\"asked\":{{ params.list }}}' }\n";
    let rule = up.file("rule.toml", given);
    let put = json(&up.data, &["provider", "rule", "put", "dmdc", &rule]);
    assert_eq!(put["rules"][0]["id"], "mine");
    let call = |path| run(&up.data, &["call", "dmdc", path, "--from", FROM]);
    let called = call("/Category/madantoc");
    assert!(text(&called.stdout).contains(r#""asked": "madantoc""#), "{called:?}");
    assert_eq!(code(&call("/AllCategory")), 0);
    let rules = text(&run(&up.data, &["provider", "rules", "dmdc"]).stdout);
    assert!(rules.contains("/Category/{list}") && rules.contains("1 lần"), "{rules}");
    let misses = text(&run(&up.data, &["provider", "misses", "dmdc"]).stdout);
    let told = "≈ mine\n      path: cần /Category/{list}, nhận /AllCategory";
    assert!(misses.contains(told), "{misses}");
    let wrong = up.file("wrong.toml", "id = \"a\"\nwen = {}\n");
    let refused = run(&up.data, &["provider", "rule", "put", "dmdc", &wrong]);
    let said = text(&refused.stderr);
    assert!(code(&refused) == 4 && said.contains("LT-O024") && said.contains("wen"), "{said}");
    let gone = json(&up.data, &["provider", "rule", "delete", "dmdc", "mine"]);
    assert_eq!(gone["rules"].as_array().unwrap().len(), 0);
}
