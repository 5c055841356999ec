//! Questions, on a terminal only.

use super::error::Failure;
use restante_core::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Write};
use tokio::signal::unix::{SignalKind, signal};

/// Asks questions and counts them.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    asked: u32,
    hush: Option<Hush>,
}

impl Prompt {
    /// For work that will ask for a password: what is typed or pasted ahead of the question is kept for
    /// it, and not shown. Only while another question stands, the terminal shows what is typed.
    pub(super) fn for_password() -> Self {
        Self { asked: 0, hush: Hush::begin().ok() }
    }

    /// How many questions were asked.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// Whether there is somebody to ask.
    pub(super) fn is_possible() -> bool {
        std::io::stdin().is_terminal()
    }

    /// Asks for a line.
    pub(super) fn line(&mut self, question: &str, instead: &str) -> Result<String, Failure> {
        self.may_ask(question, instead)?;
        if let Some(hush) = &self.hush {
            hush.echo(true)?;
        }
        let line = ask(question);
        if let Some(hush) = &self.hush {
            hush.echo(false)?;
        }
        Ok(line?.trim().to_owned())
    }

    /// Asks for a password, which is not shown: the terminal's echo is off before the question stands.
    pub(super) fn password(&mut self, question: &str, instead: &str) -> Result<Secret, Failure> {
        self.may_ask(question, instead)?;
        let _hush = match &self.hush {
            Some(_) => None,
            None => Some(Hush::begin()?),
        };
        let line = ask(question);
        // The end of the line was not shown either.
        eprintln!();
        Ok(Secret::new(line?.trim_end_matches(['\r', '\n'])))
    }

    /// Asks yes or no; an empty answer is no.
    pub(super) fn confirm(&mut self, question: &str, instead: &str) -> Result<bool, Failure> {
        let answer = self.line(&format!("{question} [y/N]"), instead)?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks yes or no and takes the first key: `y` is yes, every other one no.
    pub(super) fn key(&mut self, question: &str, instead: &str) -> Result<bool, Failure> {
        self.may_ask(question, instead)?;
        let terminal = console::Term::stderr();
        terminal.write_str(&format!("{question} [y/N] "))?;
        let yes = matches!(terminal.read_key()?, console::Key::Char('y' | 'Y'));
        terminal.write_line(if yes { "yes" } else { "no" })?;
        Ok(yes)
    }

    fn may_ask(&mut self, question: &str, instead: &str) -> Result<(), Failure> {
        if !Self::is_possible() {
            let question = question.trim_end_matches([':', '?']);
            return Err(Failure::Usage(format!("cannot ask \"{question}\" without a terminal; {instead}")));
        }
        self.asked += 1;
        Ok(())
    }
}

/// Prints a question and reads one line, its end included.
fn ask(question: &str) -> Result<String, Failure> {
    // Not locked while the question stands: who stops the program there prints a line, too.
    write!(std::io::stderr(), "{question} ")?;
    std::io::stderr().flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(Failure::Usage("the input ended before the answer".to_owned()));
    }
    Ok(line)
}

/// The terminal with its echo off, until this is dropped or a signal ends the program.
#[derive(Debug)]
struct Hush {
    before: Termios,
}

impl Hush {
    fn begin() -> Result<Self, Failure> {
        let before = tcgetattr(std::io::stdin()).map_err(|error| terminal(error.into()))?;
        restore_on_signals(before.clone())?;
        let hush = Self { before };
        hush.echo(false)?;
        Ok(hush)
    }

    /// What was typed already stays in the queue.
    fn echo(&self, on: bool) -> Result<(), Failure> {
        let mut modes = self.before.clone();
        if !on {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        }
        tcsetattr(std::io::stdin(), OptionalActions::Now, &modes).map_err(|error| terminal(error.into()))
    }
}

impl Drop for Hush {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = self.echo(true);
    }
}

/// A person who stops the program at a question gets back a terminal that shows what they type.
fn restore_on_signals(before: Termios) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(terminal)?;
    let signals = {
        let _inside = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(|kind| signal(kind).map(|signal| (kind, signal)))
    };
    let [interrupt, terminate, hangup] = signals;
    let (mut interrupt, mut terminate, mut hangup) =
        (interrupt.map_err(terminal)?, terminate.map_err(terminal)?, hangup.map_err(terminal)?);
    std::thread::spawn(move || {
        let kind = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.1.recv() => interrupt.0,
                _ = terminate.1.recv() => terminate.0,
                _ = hangup.1.recv() => hangup.0,
            }
        });
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
        eprintln!();
        std::process::exit(128 + kind.as_raw_value());
    });
    Ok(())
}

fn terminal(error: std::io::Error) -> Failure {
    Failure::Io(format!("the terminal: {error}"))
}
