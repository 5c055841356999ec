//! restante: a generic IMAP client. An address and a password go in; mail is yours.
//!
//! **Lives here:** the terminal. What is typed, what is shown, in which words and colours. **Never
//! here:** a socket or an SQL statement. Every action is asked of `restante-engine`, every row is read
//! through `restante-store`'s read-only [`View`](restante_store::View), and what a person wants changed is
//! taken down at its [`Desk`](restante_store::Desk).

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
