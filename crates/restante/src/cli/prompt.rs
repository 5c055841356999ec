//! Questions, on a terminal only.

use super::error::Failure;
use restante_core::Secret;
use std::io::{BufRead, IsTerminal, Write};

/// Asks questions and counts them.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    asked: u32,
}

impl Prompt {
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
        let mut stderr = std::io::stderr().lock();
        write!(stderr, "{question} ")?;
        stderr.flush()?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(Failure::Usage("the input ended before the answer".to_owned()));
        }
        Ok(line.trim().to_owned())
    }

    /// Asks for a password, which is not shown.
    pub(super) fn password(&mut self, question: &str, instead: &str) -> Result<Secret, Failure> {
        self.may_ask(question, instead)?;
        let password = rpassword::prompt_password(format!("{question} "))
            .map_err(|error| Failure::Io(format!("the terminal: {error}")))?;
        Ok(Secret::new(password))
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
