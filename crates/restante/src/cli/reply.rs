//! `restante reply`

use super::complete::whole;
use super::context::Context;
use super::error::Failure;
use super::prompt::Prompt;
use super::send::{dispatch, moment};
use clap::Args;
use restante_core::message::{Draft, clean};
use std::fs::OpenOptions;
use std::io::{IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Answer a message in $EDITOR.
///
/// The text is sent when the editor ends and something was changed. A text that cannot be sent, or was
/// not, stays where it was written, and the path is shown.
#[derive(Debug, Args)]
pub(super) struct Reply {
    /// The message's id.
    #[arg(value_name = "ID")]
    message: String,
    /// Answer everybody the message went to.
    #[arg(long)]
    all: bool,
    /// Take the text from standard input, with no editor; the original is quoted below it.
    #[arg(long)]
    stdin: bool,
}

impl Reply {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if context.global.read_only {
            return Err(Failure::Usage("this sends a message, and --read-only was given".to_owned()));
        }
        let bytes = whole(context, &self.message)?;
        let account = context.account()?;
        let moment = moment()?;
        let own = [account.address.to_string()];
        let mut draft = Draft::reply(&bytes, &account.contact(), &own, self.all, moment.offset_minutes);
        let kept = if self.stdin {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            draft.text = format!("{}\n\n{}", text.trim_end(), draft.text.trim_start());
            None
        } else {
            let file = Written::new(&context.places.data.join("drafts"), &self.message, &draft.template())?;
            draft = edit(&draft, &file)?;
            Some(file)
        };
        let frozen = draft.freeze(&moment).map_err(|error| {
            let kept = kept.as_ref().map(|file| format!("; the text is in {}", file.path.display()));
            Failure::Data(format!("{error}{}", kept.unwrap_or_default()))
        })?;
        let done = dispatch(context, &account, frozen);
        // Queued is safe too: the message is in the outbox now.
        let Some(file) = kept else { return done };
        if matches!(done, Ok(_) | Err(Failure::Queued)) {
            file.remove()?;
        } else {
            eprintln!("restante: the text is in {}", file.path.display());
        }
        done
    }
}

/// Lets the person write until the text can be read, or they give up.
fn edit(draft: &Draft, file: &Written) -> Result<Draft, Failure> {
    let before = file.read()?;
    loop {
        open(&file.path)?;
        let text = file.read()?;
        if text == before {
            file.remove()?;
            eprintln!("restante: nothing was changed, so nothing is sent");
            return Err(Failure::Negative);
        }
        match draft.edited(&text) {
            Ok(edited) => return Ok(edited),
            Err(error) => {
                let kept = format!("{error}; the text is in {}", file.path.display());
                if !std::io::stdin().is_terminal() {
                    return Err(Failure::Data(kept));
                }
                eprintln!("restante: {}", clean(&error.to_string()));
                if !Prompt::default().confirm("Edit again?", &kept)? {
                    return Err(Failure::Data(kept));
                }
            }
        }
    }
}

/// Runs the person's editor.
fn open(path: &Path) -> Result<(), Failure> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    // As every program does it: the variable may hold options, so the shell reads it.
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Io(format!(
            "the editor `{editor}` ended with {status}; nothing is sent, the text is in {}",
            path.display()
        ))),
        Err(error) => Err(Failure::Io(format!("the editor `{editor}` cannot be run: {error}"))),
    }
}

/// A text being written, in a file only this person can read.
struct Written {
    path: PathBuf,
}

impl Written {
    fn new(folder: &Path, id: &str, text: &str) -> Result<Self, Failure> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        for number in 0..1000 {
            let path = folder.join(format!("reply-{id}-{number}.txt"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    file.write_all(text.as_bytes())?;
                    return Ok(Self { path });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::Io(format!("{}: {error}", path.display()))),
            }
        }
        Err(Failure::Io(format!("{}: too many unfinished answers", folder.display())))
    }

    fn read(&self) -> Result<String, Failure> {
        std::fs::read_to_string(&self.path)
            .map_err(|error| Failure::Io(format!("{}: {error}", self.path.display())))
    }

    fn remove(&self) -> Result<(), Failure> {
        std::fs::remove_file(&self.path)
            .map_err(|error| Failure::Io(format!("{}: {error}", self.path.display())))
    }
}
