//! A machine in trouble, and commands that make no sense: said plainly, with the right exit code.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::mail::Plan;

use crate::person::{PROGRAM, Person, Ran, finish, sums};
use crate::sync::{agrees_with_the_server, message};

#[test]
fn what_is_no_address_is_a_usage_error() {
    let person = Person::new("autoconfig.test");
    for address in
        ["", "ann", "ann@", "@autoconfig.test", "ann@auto config.test", "ann@localhost", "a b@x.test"]
    {
        let ran = person.run_with("x\n", &["setup", address, "--password-stdin", "--json"]);
        let (status, error) = ran.error();
        assert_eq!(status, 64, "{address:?}: {error:#}");
        assert_eq!(person.error(&["discover", address]).0, 64, "{address:?}");
    }
    assert!(!person.data().exists());
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let person = Person::new("autoconfig.test");
    for args in [
        &["frobnicate"][..],
        &["list", "--frobnicate"],
        &["count", "--frobnicate"],
        &["search"],
        &["read"],
        &[],
        &["schema", "none"],
    ] {
        let ran = person.run(args);
        assert_eq!((ran.status, ran.stdout.len()), (64, 0), "{args:?}: {ran}");
        assert!(!ran.stderr.is_empty());
        let (status, error) = person.error(args);
        assert_eq!((status, &error["verdict"]), (64, &json!("usage")), "{args:?}: {error:#}");
    }
    assert_eq!(person.run(&["--help"]).status, 0);
    let ran = person.run_with("x\n", &["setup", &person.address, "--password-stdin", "--imap=a:b:c/ssl"]);
    assert_eq!(ran.status, 64, "{ran}");
}

#[test]
fn without_an_account_every_command_says_how_to_begin() {
    let person = Person::new("autoconfig.test");
    for args in [
        &["sync"][..],
        &["list"],
        &["count"],
        &["search", "x"],
        &["read", "kkkk"],
        &["outbox", "list"],
        &["account", "show"],
    ] {
        let (status, error) = person.error(args);
        assert_eq!((status, &error["verdict"]), (78, &json!("configuration")), "{args:?}: {error:#}");
        assert!(error["evidence"].as_str().unwrap().contains("restante setup"), "{args:?}: {error:#}");
    }
    let ran = person.run_with("To: bob@mx.test\n\nhello\n", &["send"]);
    assert_eq!(ran.status, 78, "{ran}");
}

#[test]
fn before_the_first_sync_there_is_no_mail_to_read() {
    let person = Person::set_up();
    let (status, error) = person.error(&["list"]);
    assert_eq!(status, 66, "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("restante sync"), "{error:#}");
}

#[test]
fn settings_that_cannot_be_used_are_named_with_file_and_line() {
    let person = Person::set_up();
    let config = person.data().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    for (text, sign) in [
        ("[account\n".to_owned(), "line 1"),
        (good.replace("port = 993", "port = 99999"), "port"),
        (good.replace("\"tls\"", "\"ssl3\""), "security"),
        (good.replace("host = ", "hots = "), "host"),
    ] {
        assert_ne!(text, good);
        std::fs::write(&config, text).unwrap();
        let (status, error) = person.error(&["sync"]);
        let evidence = error["evidence"].as_str().unwrap();
        assert_eq!(status, 78, "{error:#}");
        assert!(evidence.contains("config.toml") && evidence.contains(sign), "{evidence}");
    }
    std::fs::write(&config, [0xff, 0xfe, 0x00]).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert!(matches!(status, 74 | 78), "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("config.toml"), "{error:#}");
    std::fs::remove_file(&config).unwrap();
    std::fs::create_dir(&config).unwrap();
    let (status, error) = person.error(&["account", "list"]);
    assert_eq!(status, 74, "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("config.toml"), "{error:#}");
}

#[test]
fn a_password_that_is_gone_is_a_matter_of_configuration() {
    let person = Person::set_up();
    std::fs::remove_file(person.data().join("secrets").join(&person.address)).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (78, &json!("no-password")));
    assert!(error["evidence"].as_str().unwrap().contains("account reauth"), "{error:#}");
    let (status, error) = person.error(&["setup", "x@autoconfig.test", "--password-command", "exit 3"]);
    assert_eq!((status, &error["verdict"]), (78, &json!("no-password")), "{error:#}");
}

/// Runs the program where no file may grow beyond this many KiB: what a full disk does to a program, as far as
/// an ordinary user can bring it about. Without the signal that usually comes with it.
fn with_little_space(person: &Person, kib: u64, args: &[&str]) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    let words = [&["-c", &script, PROGRAM], args].concat();
    finish(person.command_of(Path::new("bash"), &words), b"")
}

#[test]
fn where_nothing_more_can_be_written_it_says_so_and_later_goes_on() {
    let person = Person::set_up();
    let plan = Plan::inbox(&person.address, 300);
    person.lab.fill(&person.address, &plan).unwrap();
    for kib in [16, 200, 900] {
        let ran = with_little_space(&person, kib, &["sync", "--json"]);
        let (status, error) = ran.error();
        assert_eq!((status, &error["verdict"]), (74, &json!("input-output")), "{kib}: {ran}");
        let evidence = error["evidence"].as_str().unwrap();
        assert!(evidence.contains("disk") || evidence.contains("os error"), "{kib}: {evidence}");
    }
    let report = person.sync();
    agrees_with_the_server(&person, &report);
    assert_eq!(sums(&report)[3], 300);
    let slots = plan.slots();
    for row in person.list(&[]).iter().step_by(30) {
        let slot = &slots[row["uid"].as_u64().unwrap() as usize - 1];
        assert!(person.raw(row["id"].as_str().unwrap()) == slot.render(&plan), "{row:#}");
    }
}

#[test]
fn on_a_disk_that_is_really_full_nothing_is_lost() {
    // A file system of its own needs root, which the laboratory has in its own namespace or not at all. Where it
    // is refused, the test above has shown the same with a limit on files.
    let person = Person::set_up();
    let small = person.home().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
        .arg(&small)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!("no file system may be mounted here; the limit on files has to stand for it");
        return;
    }
    let _unmount = Unmount(&small);
    for name in ["config.toml", "secrets"] {
        let status = Command::new("cp").arg("-a").arg(person.data().join(name)).arg(&small).status().unwrap();
        assert!(status.success());
    }
    let at = |args: &[&str]| {
        let mut command = person.command(args);
        command.env("RESTANTE_DATA_DIR", &small);
        finish(command, b"")
    };
    person.lab.fill(&person.address, &Plan::inbox(&person.address, 400)).unwrap();
    let (status, error) = at(&["sync", "--json"]).error();
    assert_eq!((status, &error["verdict"]), (74, &json!("input-output")), "{error:#}");
    assert!(error["evidence"].as_str().unwrap().contains("full"), "{error:#}");
    let remount = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&small).status().unwrap();
    assert!(remount.success());
    let ran = at(&["sync", "--json"]).succeeded();
    assert_eq!(sums(&ran.document())[3], 400);
    assert_eq!(at(&["count"]).succeeded().text(), "400\n");
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_an_input_output_error() {
    let person = Person::new("autoconfig.test");
    std::fs::write(person.data(), b"a file, not a folder").unwrap();
    let args = ["setup", &person.address, "--password-stdin", "--json"];
    let (status, error) = person.run_with(format!("{}\n", testkit::lab::PASSWORD), &args).error();
    assert_eq!((status, &error["verdict"]), (74, &json!("input-output")), "{error:#}");
}

#[test]
fn reading_only_changes_nothing_and_says_no() {
    let person = Person::set_up();
    person.lab.deliver(&person.address, &message("one")).unwrap();
    person.sync();
    for args in [
        &["sync", "--read-only"][..],
        &["account", "remove", &person.address, "--yes", "--read-only"],
        &["setup", "x@autoconfig.test", "--password-command", "echo x", "--read-only"],
    ] {
        assert_eq!(person.error(args).0, 64, "{args:?}");
    }
    assert_eq!(person.run_with("To: bob@mx.test\n\nx\n", &["send", "--read-only"]).status, 64);
    assert_eq!(person.count(&["--read-only"]), 1);
    assert_eq!(person.error(&["sync", "--offline"]).0, 64);
}

#[test]
fn every_document_has_a_schema_and_every_schema_is_one() {
    let person = Person::new("autoconfig.test");
    let names = person.text(&["schema"]);
    for name in names.lines().chain(["search", "reply"]) {
        let schema: serde_json::Value = serde_json::from_str(&person.text(&["schema", name])).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
    }
    for name in [
        "account",
        "account-list",
        "count",
        "discover",
        "error",
        "list",
        "outbox",
        "read",
        "save",
        "send",
        "setup",
        "sync",
    ] {
        assert!(names.lines().any(|line| line == name), "{name}");
    }
}
