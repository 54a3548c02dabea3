//! Claim: with `-q` a command says its data and its failure, and nothing else. Method: the same command with and without.

use super::cli::{Up, code, run};

#[test]
fn a_quiet_command_says_its_data_and_its_failures_only() {
    let up = Up::start(&[]);
    let data = up.data.as_path();
    let commands: [&[&str]; 9] = [
        &["inbox", "H26"],
        &["sent", "H60"],
        &["agencies", "khong-co-co-quan-nay"],
        &["services", "khong-co-dich-vu-nay"],
        &["provider", "rules", "dmdc"],
        &["provider", "misses", "dmdc"],
        &["calls", "--limit", "1"],
        &["call", "dmdc", "/Category/madantoc", "--from", "H60.06"],
        &["token"],
    ];
    let mut noted = 0;
    for command in commands {
        let loud = run(data, command);
        let quiet = run(data, &[&["-q"], command].concat());
        noted += usize::from(!loud.stderr.is_empty());
        assert_eq!(quiet.stderr, b"", "{command:?}");
        assert_eq!(code(&quiet), code(&loud), "{command:?}");
        assert_eq!(quiet.stdout.is_empty(), loud.stdout.is_empty(), "{command:?}");
    }
    assert!(noted >= 7, "only {noted} have something to note");
    let refused: [&[&str]; 2] =
        [&["call", "dmdc", "/nothing/here", "--from", "H60.06"], &["trace", "nothing"]];
    for command in refused {
        let quiet = run(data, &[&["-q"], command].concat());
        assert_ne!(code(&quiet), 0, "{command:?}");
        assert!(!quiet.stderr.is_empty(), "{command:?}");
    }
}
