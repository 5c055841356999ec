//! `restante completions`

use super::command;
use super::error::Failure;
use super::output::write;
use clap::Args;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print the completions for a shell.
///
/// For bash: `restante completions bash > ~/.local/share/bash-completion/completions/restante`
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "restante", &mut script);
        write(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
