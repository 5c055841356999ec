//! `cargo xtask demo`: the main job on real servers, start to end, as a person would type it.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::lab::{self, Lab, PASSWORD, State};
use testkit::mail::Plan;
use testkit::{Context, Result};

use crate::lab::start_lab;
use crate::programs::{cargo, succeed, target};

const ANN: &str = "ann@autoconfig.test";
const BOB: &str = "bob@srv.test";
const MESSAGES: usize = 5000;
/// Lines of a long message that are shown.
const LINES: usize = 24;

/// Builds, starts a laboratory of its own and runs [`inside`] in it.
pub(crate) fn run(words: &[OsString]) -> Result<i32> {
    if !words.is_empty() {
        return Err("demo takes no arguments".into());
    }
    succeed(cargo(&["build", "--quiet", "--package", "restante"]).stdout(Stdio::null()))?;
    let state = State::place(&target()?, &format!("demo-{}", std::process::id()))?;
    let lab = start_lab(&state, "demo", true)?;
    let bytes = lab.fill(ANN, &Plan::household(ANN, MESSAGES))?;
    println!("A laboratory of real servers runs: Dovecot, Postfix, DNS, HTTPS.");
    println!("{ANN} has {MESSAGES} messages, {} MB, in eight mailboxes there.", bytes / 1_000_000);
    let command = [std::env::current_exe()?.into_os_string(), "demo-inside".into()];
    let code = lab::run(&lab, &command);
    lab::down(&state)?;
    if matches!(code, Ok(0)) {
        state.remove()?;
    }
    code
}

/// Hidden: the demonstration itself, inside the laboratory.
pub(crate) fn inside() -> Result<i32> {
    let lab = Lab::current();
    let folder = lab.state().dir().join("people");
    let ann = Person::new("Ann", &folder)?;
    let bob = Person::new("Bob", &folder)?;

    title("An address and a password are all that is known.");
    ann.shown(&["discover", ANN], None)?;
    ann.shown(&["setup", ANN, "--password-stdin", "--name", "Ann Lee", "--verbose"], Some(PASSWORD))?;

    title("All mail is fetched, the newest first.");
    // On a terminal there is a bar; elsewhere lines have to do.
    let lines = if std::io::stderr().is_terminal() { &["sync"][..] } else { &["sync", "--verbose"] };
    ann.shown(lines, None)?;
    let count = ann.quiet(&["count"])?;
    if count.trim() != MESSAGES.to_string() {
        return Err(format!("{MESSAGES} messages were there, {} are here", count.trim()).into());
    }
    title("A second run moves only what changed.");
    ann.shown(&["sync"], None)?;

    title("It is offline, and searchable.");
    ann.shown(&["list", "-n", "5"], None)?;
    ann.shown(&["search", "train", "has:attachment", "-n", "5"], None)?;
    let found = ann.quiet(&["search", "train", "has:attachment", "--ids", "-n", "1"])?;
    ann.begun(&["read", found.trim()])?;

    title("Bob writes to Ann, and Ann answers.");
    bob.shown(&["setup", BOB, "--password-stdin", "--name", "Bob Ray"], Some(PASSWORD))?;
    let letter =
        format!("To: {ANN}\nSubject: Tea on Friday?\n\nDear Ann,\n\nshall we say four o'clock?\n\nBob\n");
    bob.shown(&["send", "-t"], Some(&letter))?;
    ann.shown(&["sync"], None)?;
    let question = ann.quiet(&["search", "subject:tea", "is:unread", "--ids", "-n", "1"])?;
    ann.shown(&["read", question.trim()], None)?;
    ann.editing("Four o'clock is perfect.")?.shown(&["reply", question.trim()], None)?;
    bob.shown(&["sync"], None)?;
    let answer = bob.quiet(&["search", "perfect", "--ids", "-n", "1"])?;
    bob.shown(&["read", answer.trim()], None)?;
    let text = bob.quiet(&["read", answer.trim(), "--text"])?;
    if !text.contains("Four o'clock is perfect.") || !text.contains("> shall we say four o'clock?") {
        return Err(format!("the answer does not say what Ann wrote:\n{text}").into());
    }
    title("That is the main job, from an address to an answer that arrived.");
    Ok(0)
}

/// Somebody with a data directory of their own.
struct Person {
    name: &'static str,
    program: PathBuf,
    data: PathBuf,
    editor: Option<PathBuf>,
}

impl Person {
    fn new(name: &'static str, folder: &Path) -> Result<Self> {
        let data = folder.join(name.to_lowercase());
        std::fs::create_dir_all(&data).context(|| data.display().to_string())?;
        Ok(Self { name, program: target()?.join("debug/restante"), data, editor: None })
    }

    /// The same person, whose editor puts a line at the top of the text.
    fn editing(&self, line: &str) -> Result<Self> {
        let editor = self.data.join("editor.sh");
        // The text begins after the first empty line of the template.
        let script =
            format!("#!/bin/sh\nsed -i '0,/^$/s/^$/\\n{}\\n/' \"$1\"\n", line.replace('\'', "'\\''"));
        std::fs::write(&editor, script)?;
        succeed(Command::new("chmod").arg("700").arg(&editor))?;
        Ok(Self {
            name: self.name,
            program: self.program.clone(),
            data: self.data.clone(),
            editor: Some(editor),
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("RESTANTE_DATA_DIR", &self.data);
        if let Some(editor) = &self.editor {
            command.env("EDITOR", editor).env_remove("VISUAL");
        }
        command
    }

    /// Shows the command and lets it print.
    fn shown(&self, words: &[&str], input: Option<&str>) -> Result<()> {
        println!("\n{}$ restante {}", self.name, words.join(" "));
        let mut command = self.command(words);
        if let Some(input) = input {
            let mut child = command.stdin(Stdio::piped()).spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(input.as_bytes())?;
            }
            let status = child.wait()?;
            return if status.success() {
                Ok(())
            } else {
                Err(format!("restante {}: {status}", words.join(" ")).into())
            };
        }
        succeed(&mut command)
    }

    /// Shows the command and the first lines it prints.
    fn begun(&self, words: &[&str]) -> Result<()> {
        println!("\n{}$ restante {}", self.name, words.join(" "));
        let text = self.quiet(words)?;
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().take(LINES).for_each(|line| println!("{line}"));
        if lines.len() > LINES {
            println!("… and {} lines more", lines.len() - LINES);
        }
        Ok(())
    }

    /// What the command prints.
    fn quiet(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("restante {}: {}", words.join(" "), output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn title(text: &str) {
    println!("\n=== {text}");
}
