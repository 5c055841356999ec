//! `cargo xtask verdicts`: writes docs/verdicts.md from the catalogue of diagnosis.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use restante_core::diagnosis::Verdict;
use restante_core::diagnosis::provider::{Access, Advice, Provider, TwoStep, UserName};
use restante_core::diagnosis::signature::{On, Signature, signatures};
use restante_core::settings::Protocol;
use testkit::{Context, Result};

use crate::programs::workspace;

/// Writes the file.
pub(crate) fn run() -> Result<i32> {
    let path = path();
    fs::write(&path, document()).context(|| format!("cannot write {}", path.display()))?;
    Ok(0)
}

fn path() -> PathBuf {
    workspace().join("docs/verdicts.md")
}

/// The whole document.
fn document() -> String {
    let mut text = String::from(
        "# Verdicts

What can be wrong with an account, how it shows, and what to do. Written by `cargo xtask verdicts` from the
catalogue in `crates/core/src/diagnosis`; change it there.

The codes are stable. How sure a finding is stands beside it: `certain` when the evidence allows one cause,
`likely` when it is the best of several (the others are in `also`), `cannot-tell` when the server does not say.
The exit code is that of a command which fails for this reason; 0 is a note.

In the tables of lines an empty cell fits everything, `*` stands for anything, `none` is a refusal without a
response code, and upper and lower case are the same. Where several rows fit, the more particular one decides.
",
    );
    for verdict in Verdict::ALL {
        of_verdict(&mut text, *verdict);
    }
    providers(&mut text);
    text
}

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($text:expr, $($arguments:tt)*) => {{ let _ = writeln!($text, $($arguments)*); }};
}

fn of_verdict(text: &mut String, verdict: Verdict) {
    let stages: Vec<_> = verdict.stages().iter().map(|stage| format!("`{}`", stage.code())).collect();
    put!(text, "\n## `{}`\n", verdict.code());
    put!(text, "{} {}\n", verdict.meaning(), verdict.remedy());
    put!(text, "Met at {}; exit code {}.", stages.join(", "), verdict.exit_code());
    if !verdict.shows().is_empty() {
        put!(text, "Shows as: {}", verdict.shows());
    }
    let rows: Vec<Signature> = signatures().filter(|row| row.verdict == verdict).collect();
    if rows.is_empty() {
        return;
    }
    put!(text, "\n| heard | code | text | around | how sure | also |\n| --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let also: Vec<_> = row.also.iter().map(|verdict| format!("`{}`", verdict.code())).collect();
        put!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            heard(row.on),
            quoted(row.code),
            quoted(row.text),
            row.when,
            row.certainty.code(),
            also.join(", ")
        );
    }
}

fn heard(on: On) -> &'static str {
    match on {
        On::ImapGreeting => "IMAP `* BYE`",
        On::ImapLogin => "IMAP login",
        On::Mailbox => "IMAP, later",
        On::SmtpGreeting => "SMTP greeting",
        On::SmtpLogin => "SMTP login",
        On::Sender => "SMTP sending",
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn providers(text: &mut String) {
    put!(
        text,
        "
# Providers

What is known of providers, for where a server's words say nothing. The facts have a date and a source: they explain
a refusal and never overrule what a server says itself.

| provider | reading | user name | two-step sign-in | where IMAP is switched on | checked | source |
| --- | --- | --- | --- | --- | --- | --- |"
    );
    for provider in Provider::ALL {
        put!(
            text,
            "| {} | {} | {} | {} | {} | {} | <{}> |",
            provider.name,
            reading(provider),
            user_name(provider),
            two_step(provider),
            provider.switch.map(page).unwrap_or_default(),
            if provider.checked.is_empty() { "not yet" } else { provider.checked },
            provider.source
        );
    }
}

fn reading(provider: &Provider) -> String {
    let host = provider.imap.first().map(|server| format!("`{}`", server.host)).unwrap_or_default();
    match provider.access {
        Access::Password if provider.wants_id => format!("{host}, after ID"),
        Access::Password => host,
        Access::OAuth(advice) => format!("{host}, browser sign-in only ({})", page(advice)),
        Access::Bridge(advice) => format!("no IMAP of its own ({})", page(advice)),
    }
}

fn user_name(provider: &Provider) -> &'static str {
    match (provider.user_name(Protocol::Imap), provider.user_name(Protocol::Smtp)) {
        (Some(UserName::Address), _) => "full address",
        (Some(UserName::LocalPart), Some(UserName::Address)) => "before the @; for sending the full address",
        (Some(UserName::LocalPart), _) => "before the @",
        (None, _) => "",
    }
}

fn two_step(provider: &Provider) -> String {
    match provider.two_step {
        TwoStep::AppPassword(advice) => format!("wants an app password ({})", page(advice)),
        TwoStep::Always(advice) => format!("app password always ({})", page(advice)),
        TwoStep::Blocks(advice) => format!("closes IMAP ({})", page(advice)),
        TwoStep::Unknown => String::new(),
    }
}

fn page(advice: Advice) -> String {
    format!("<{}>", advice.link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_the_catalogue_says() {
        let written = fs::read_to_string(path()).unwrap();
        assert!(written == document(), "docs/verdicts.md is stale: run `cargo xtask verdicts`");
    }

    #[test]
    fn a_verdict_shows_somewhere() {
        for verdict in Verdict::ALL {
            let rows = signatures().filter(|row| row.verdict == *verdict).count();
            assert!(
                rows > 0 || !verdict.shows().is_empty(),
                "{}: nothing tells how it shows",
                verdict.code()
            );
        }
    }

    #[test]
    fn a_cell_ends_where_it_should() {
        for row in signatures() {
            assert!(!row.text.contains('|') && !row.text.contains('`'), "{row:?}");
        }
    }
}
