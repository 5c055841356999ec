//! `restante man`

use super::command;
use super::error::Failure;
use super::output::write;
use clap::Args;
use std::process::ExitCode;

/// Print the manual page: `restante man | man -l -`
#[derive(Debug, Args)]
pub(super) struct Man {
    /// A command's own page.
    command: Option<String>,
}

impl Man {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut all = command();
        all.build();
        let page = match &self.command {
            None => all,
            Some(name) => match all.find_subcommand(name) {
                Some(found) => found.clone(),
                None => return Err(Failure::Usage(format!("there is no command `{name}`"))),
            },
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
