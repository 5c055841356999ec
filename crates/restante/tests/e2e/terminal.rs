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
        let mut command = Command::new("script");
        person.at_home(&mut command);
        let dns = match person.lab.mode() {
            testkit::lab::Mode::Host => format!("--dns={}", person.lab.dns()),
            _ => String::new(),
        };
        let mut process = command
            .args(["--quiet", "--return", "--command", &format!("'{PROGRAM}' {dns} {args}"), "/dev/null"])
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
        while !self.screen[self.answered..].contains(question) {
            let piece = self.output.recv_timeout(Duration::from_secs(20));
            let piece = piece.unwrap_or_else(|_| panic!("{question:?} was not asked: {:?}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        self.answered = self.screen.len();
        let keyboard = self.process.stdin.as_mut().unwrap();
        keyboard.write_all(format!("{answer}\r").as_bytes()).unwrap();
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
