//! Setup as a person sees it: typed at a terminal, with two questions or three.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use testkit::lab::{LoginAttempts, PASSWORD};

use crate::person::{PROGRAM, Person};

/// The program at a terminal of its own. `script` makes the terminal; its input is the keyboard, its output the
/// screen.
pub(crate) struct Terminal {
    process: std::process::Child,
    output: Receiver<Vec<u8>>,
    screen: String,
    answered: usize,
}

impl Terminal {
    pub(crate) fn start(person: &Person, args: &str) -> Self {
        Self::shell(person, |program| format!("{program} {args}"))
    }

    /// A line of the shell, made from how the program is called.
    fn shell(person: &Person, line: impl FnOnce(&str) -> String) -> Self {
        let mut command = Command::new("script");
        person.at_home(&mut command);
        let dns = match person.lab.mode() {
            testkit::lab::Mode::Host => format!("--dns={}", person.lab.dns()),
            _ => String::new(),
        };
        let line = line(&format!("'{PROGRAM}' {dns}"));
        let mut process = command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("RESTANTE_DATA_DIR", person.data())
            .env("SSL_CERT_FILE", person.lab.ca_file())
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = process.stdout.take().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { process, output, screen: String::new(), answered: 0 }
    }

    /// Waits for a question that was not answered yet, and types the answer.
    pub(crate) fn answer(&mut self, question: &str, answer: &str) {
        self.wait(question);
        self.press(&format!("{answer}\r"));
    }

    /// Waits until something stands on the screen after the last answer.
    fn wait(&mut self, question: &str) {
        while !self.screen[self.answered..].contains(question) {
            let piece = self.output.recv_timeout(Duration::from_secs(20));
            let piece = piece.unwrap_or_else(|_| panic!("{question:?} was not asked: {:?}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        self.answered = self.screen.len();
    }

    /// Presses keys, whatever stands on the screen.
    fn press(&mut self, keys: &str) {
        let keyboard = self.process.stdin.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }

    /// Waits for the end: what was on the screen, and the exit code.
    pub(crate) fn end(mut self) -> (String, i32) {
        while let Ok(piece) = self.output.recv_timeout(Duration::from_secs(20)) {
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        let status = self.process.wait().unwrap();
        (std::mem::take(&mut self.screen), status.code().unwrap_or(-1))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn two_questions_where_the_domain_vouches_for_its_servers() {
    let person = Person::new("autoconfig.test");
    let mut terminal = Terminal::start(&person, "setup");
    terminal.answer("E-mail address:", &person.address);
    terminal.answer("Password for", PASSWORD);
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(!screen.contains(PASSWORD), "the password is not shown: {screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
    assert!(screen.contains("is set up"), "{screen}");
    assert!(screen.contains("autoconfig") && screen.contains("imap.autoconfig.test:993/tls"), "{screen}");
    for stage in ["connect", "tls", "login", "sender"] {
        assert!(screen.contains(stage), "no {stage} in {screen}");
    }
    person.sync();
}

#[test]
fn a_third_question_where_nobody_does_and_no_is_no() {
    let person = Person::new("mx.test");
    let mut terminal = Terminal::start(&person, "setup");
    terminal.answer("E-mail address:", &person.address);
    terminal.answer("[y/N]", "y");
    terminal.answer("Password for", PASSWORD);
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("imap.hoster.test") && screen.contains("mx1.hoster.test"), "{screen}");
    person.sync();

    let careful = Person::new("mx.test");
    let mut terminal = Terminal::start(&careful, &format!("setup {}", careful.address));
    terminal.answer("[y/N]", "");
    let (screen, status) = terminal.end();
    assert_eq!(status, 64, "{screen}");
    assert!(!screen.contains("Password for"), "{screen}");
    assert!(!careful.data().join("config.toml").exists());
    assert_eq!(careful.lab.login_attempts(&careful.address).unwrap(), LoginAttempts::default());
}

#[test]
fn a_typing_error_in_the_password_is_explained_and_one_attempt() {
    let person = Person::new("autoconfig.test");
    let mut terminal = Terminal::start(&person, &format!("setup {}", person.address));
    terminal.answer("Password for", "corect horse");
    terminal.answer("What now?", "q");
    let (screen, status) = terminal.end();
    assert_eq!(status, 77, "{screen}");
    assert!(!screen.contains("corect horse"), "{screen}");
    assert!(screen.contains("AUTHENTICATIONFAILED"), "{screen}");
    assert_eq!(person.lab.login_attempts(&person.address).unwrap(), LoginAttempts { imap: 1, smtp: 0 });
}

/// The number of questions in the document on the screen.
fn questions(screen: &str) -> u64 {
    let rest = screen.split("\"questions\": ").nth(1).unwrap_or_else(|| panic!("no document: {screen}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn the_questions_are_counted_two_where_the_domain_vouches_and_three_where_nobody_does() {
    for (domain, expected) in [("autoconfig.test", 2), ("mx.test", 3)] {
        let person = Person::new(domain);
        let mut terminal = Terminal::start(&person, "setup --json");
        terminal.answer("E-mail address:", &person.address);
        if expected == 3 {
            terminal.answer("[y/N]", "y");
        }
        terminal.answer("Password for", PASSWORD);
        let (screen, status) = terminal.end();
        assert_eq!((status, questions(&screen)), (0, expected), "{screen}");
        assert!(!screen.contains(PASSWORD), "{screen}");
    }
}

#[test]
fn a_password_that_is_typed_before_it_is_asked_for_is_taken_and_not_shown() {
    let person = Person::new("autoconfig.test");
    let mut terminal = Terminal::start(&person, "--verbose setup");
    terminal.answer("E-mail address:", &person.address);
    // The search has begun: the next question is the password, and nobody waits for it.
    terminal.wait(" srv ");
    terminal.press(&format!("{PASSWORD}\r"));
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(!screen.contains(PASSWORD), "{screen}");
    assert!(screen.contains(&person.address), "what is no secret is shown: {screen}");
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 });
}

#[test]
fn who_stops_at_the_password_gets_back_a_terminal_that_shows_what_is_typed() {
    let person = Person::new("autoconfig.test");
    let line =
        |program: &str| format!("trap : INT; {program} setup {}; echo code $?; stty -a", person.address);
    let mut terminal = Terminal::shell(&person, line);
    terminal.wait("Password for");
    terminal.press("\u{3}");
    let (screen, _) = terminal.end();
    assert!(screen.contains("code 130"), "{screen}");
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen}");
    assert_eq!(attempts(&person), LoginAttempts::default());
}

fn attempts(person: &Person) -> LoginAttempts {
    person.lab.login_attempts(&person.address).unwrap()
}

/// Types answers at a setup with these options; it must succeed.
fn mended(person: &Person, options: &str, answers: &[(&str, &str)]) -> String {
    let mut terminal = Terminal::start(person, &format!("setup {} {options}", person.address));
    for (question, answer) in answers {
        terminal.answer(question, answer);
    }
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(!screen.contains(PASSWORD), "{screen}");
    screen
}

const NOW: &str = "What now?";
const ASKED: &str = "Password for";

#[test]
fn a_wrong_password_is_mended_with_two_attempts_in_all() {
    let person = Person::new("autoconfig.test");
    mended(&person, "", &[(ASKED, "corect horse"), (NOW, "p"), (ASKED, PASSWORD)]);
    assert_eq!(attempts(&person), LoginAttempts { imap: 2, smtp: 1 });
    person.sync();
}

#[test]
fn a_wrong_user_name_is_mended() {
    let person = Person::new("autoconfig.test");
    let address = person.address.clone();
    mended(
        &person,
        &format!("--username={}", person.lab.fresh_user("nobody.test").replace('@', "-")),
        &[(ASKED, PASSWORD), (NOW, "u"), ("User name:", &address)],
    );
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 }, "the password is not asked again");
    assert_eq!(person.json(&["account", "show"])["sources"]["username"], "given");
    person.sync();
}

#[test]
fn wrong_servers_are_mended() {
    let person = Person::new("autoconfig.test");
    mended(
        &person,
        "--imap=imap.refused.test --smtp=smtp.refused.test",
        &[
            (ASKED, PASSWORD),
            (NOW, "s"),
            ("Server for reading", "imap.autoconfig.test"),
            ("Server for sending", "smtp.autoconfig.test"),
        ],
    );
    assert_eq!(attempts(&person), LoginAttempts { imap: 1, smtp: 1 });
    person.sync();
}

#[test]
fn an_account_that_cannot_send_is_set_up_for_reading() {
    let person = Person::new("autoconfig.test");
    let options = "--imap=imap.autoconfig.test --smtp=smtp.refused.test";
    mended(&person, options, &[(ASKED, PASSWORD), (NOW, "w")]);
    assert_eq!(person.json(&["account", "show"])["smtp"], serde_json::Value::Null);
    person.sync();
}

#[test]
fn what_does_not_work_yet_is_saved_as_a_draft_or_not_at_all() {
    let person = Person::new("autoconfig.test");
    let options = "--imap=imap.refused.test --smtp=smtp.refused.test";
    let screen = mended(&person, options, &[(ASKED, PASSWORD), (NOW, "d")]);
    assert!(screen.contains("is saved as a draft"), "{screen}");
    assert_eq!(person.json(&["account", "show"])["draft"], true);

    let other = Person::new("autoconfig.test");
    let mut terminal = Terminal::start(&other, &format!("setup {} {options}", other.address));
    terminal.answer(ASKED, PASSWORD);
    terminal.answer(NOW, "q");
    assert_eq!(terminal.end().1, 69);
    assert!(!other.data().join("config.toml").exists());
    assert_eq!(attempts(&person), LoginAttempts::default());
}

#[test]
fn a_certificate_that_signs_itself_is_pinned_after_a_look_and_another_one_is_refused() {
    let person = Person::new("selfsigned.test");
    let mut terminal = Terminal::start(&person, &format!("setup {}", person.address));
    terminal.answer(ASKED, PASSWORD);
    terminal.answer(NOW, "c");
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("accept this certificate from now on, after comparing it: sha256:"), "{screen}");
    person.sync();

    let shown = person.json(&["account", "show"]);
    let pin = shown["pins"][0].as_str().unwrap();
    assert!(screen.contains(pin), "{screen}");
    // The server has another certificate than the one that was compared.
    let config = person.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(pin, &format!("sha256:{}", "ab".repeat(32)))).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["password"]), (76, &"not-judged".into()), "{error:#}");
}

#[test]
fn edit_asks_value_by_value_and_enter_keeps() {
    let person = Person::set_up();
    let before = attempts(&person);
    let mut terminal = Terminal::start(&person, "account edit");
    for (question, answer) in [
        ("Your name []:", "Kim Doe"),
        ("Server for reading [imap.autoconfig.test:993/tls]:", "imap.autoconfig.test:143/starttls"),
        ("Server for sending [smtp.autoconfig.test:587/starttls]:", ""),
        ("User name [", ""),
    ] {
        terminal.answer(question, answer);
    }
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("is changed: name, imap"), "{screen}");
    let shown = person.json(&["account", "show"]);
    assert_eq!((&shown["name"], &shown["imap"]["port"]), (&"Kim Doe".into(), &143.into()));
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 1, smtp: before.smtp + 1 });

    let mut terminal = Terminal::start(&person, "account edit");
    for question in ["Your name [Kim Doe]:", "Server for reading [", "Server for sending [", "User name ["] {
        terminal.answer(question, "");
    }
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("is as it was"), "{screen}");
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 1, smtp: before.smtp + 1 });
}

#[test]
fn a_new_password_is_asked_for_and_mended_at_the_terminal() {
    let person = Person::set_up();
    let before = attempts(&person);
    let mut terminal = Terminal::start(&person, "account reauth");
    for (question, answer) in [(ASKED, "corect horse"), (NOW, "p"), (ASKED, PASSWORD)] {
        terminal.answer(question, answer);
    }
    let (screen, status) = terminal.end();
    assert_eq!(status, 0, "{screen}");
    assert!(screen.contains("works with this password") && !screen.contains("corect horse"), "{screen}");
    assert_eq!(attempts(&person), LoginAttempts { imap: before.imap + 2, smtp: before.smtp + 1 });
}
