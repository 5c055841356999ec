//! `restante completions`

use super::error::Failure;
use super::output::write;
use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;
use std::process::ExitCode;

/// Print what makes a shell complete commands, options, mailboxes, senders and saved queries.
///
/// For bash: `restante completions bash > ~/.local/share/bash-completion/completions/restante`
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh.
    shell: Shell,
}

/// Bash takes a colon for the end of a word, so the line is divided anew, and what stands before the last colon is left
/// out of the answers.
const BASH: &str = r#"_restante() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$' \t\n' words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local last=$((${#words[@]} - 1))
    local current=${words[last]} lead=
    [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && lead=${current%"${current##*:}"}
    IFS=$'\013'
    COMPREPLY=($(COMPLETE=bash _CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX=$last _CLAP_COMPLETE_COMP_TYPE=$COMP_TYPE \
        _CLAP_COMPLETE_SPACE=true "${words[0]}" -- "${words[@]}" 2> /dev/null)) || COMPREPLY=()
    COMPREPLY=("${COMPREPLY[@]#"$lead"}")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} != *: ]] && compopt +o nospace 2> /dev/null
}
complete -o nospace -o bashdefault -F _restante restante
"#;

impl Completions {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.shell == Shell::Bash {
            write(BASH.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut script = Vec::new();
        if let Some(shell) = Shells::builtins().completer(&self.shell.to_string()) {
            let written =
                shell.write_registration("COMPLETE", "restante", "restante", "restante", &mut script);
            written.map_err(|error| Failure::Io(error.to_string()))?;
        }
        write(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
