//! `restante tag`

use super::change::{Options, Words, change, require};
use super::context::Context;
use super::error::Failure;
use super::mark::flag;
use clap::Args;
use restante_core::mail::Flags;
use std::process::ExitCode;

/// Set and clear keywords on messages: +NAME sets, -NAME clears.
///
/// Keywords are IMAP's flags with names of one's own (RFC 9051, section 2.3.2): every program sees them that
/// reads the same mailbox. They are ASCII, without spaces and without ( ) { } % * " \ ]; the case of letters
/// does not matter. `restante mark` does read, starred and answered; `restante undo` takes it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
\x20 restante tag kqzm vtwx +work -later\n\
\x20 restante tag --query from:bob +friends\n\
\x20 restante list --ids subject:invoice | restante tag - '+$Forwarded'")]
pub(super) struct Tag {
    /// Messages, as any unique beginning of an id, or `-` to read ids from standard input; and keywords,
    /// with + or - before each.
    #[arg(value_name = "ID|+NAME|-NAME", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    options: Options,
}

impl Tag {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (mut add, mut remove) = (Flags::new(), Flags::new());
        let (mut ids, mut tail) = (Vec::new(), String::new());
        for word in &self.words {
            // What begins with a hyphen comes with a space before it; see `shield`.
            let word = word.trim();
            let sign = word.chars().next().filter(|sign| matches!(sign, '+' | '-') && word.len() > 1);
            let Some(sign) = sign else {
                ids.push(word.to_owned());
                continue;
            };
            let name = keyword(word.get(1..).unwrap_or_default())?;
            if if sign == '+' { remove.contains(name) } else { add.contains(name) } {
                return Err(Failure::Usage(format!("both +{name} and -{name}?")));
            }
            if sign == '+' {
                add.insert(name)
            } else {
                remove.insert(name)
            }
            tail.push_str(&format!(" {sign}{name}"));
        }
        if tail.is_empty() {
            return Err(Failure::Usage("which keywords? +NAME sets one, -NAME clears one".to_owned()));
        }
        require(&self.options, &ids)?;
        change(context, &self.options, &ids, |scene, chosen| {
            let words =
                Words { command: "tag", ask: "tag", done: "tagged", tail: tail.clone(), confirm: false };
            Ok((words, flag(scene, chosen, &add, &remove)?))
        })
    }
}

/// A keyword that every server can be asked for: an atom (RFC 9051, section 9, `flag-keyword`).
fn keyword(name: &str) -> Result<&str, Failure> {
    let bad = |why: String| Err(Failure::Usage(format!("`{name}` cannot be a keyword: {why}")));
    if name.starts_with('\\') {
        return bad("names with \\ are the protocol's own; `restante mark` sets them".to_owned());
    }
    let special =
        |c: &char| !c.is_ascii_graphic() || matches!(c, '(' | ')' | '{' | '%' | '*' | '"' | '\\' | ']');
    match name.chars().find(special) {
        Some(c) if c.is_whitespace() => bad("it holds a space".to_owned()),
        Some(c) if !c.is_ascii() => bad(format!("IMAP allows ASCII only, and it holds `{c}`")),
        Some(c) => bad(format!("IMAP does not allow `{}` in it", c.escape_default())),
        None => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_an_atom() {
        for good in ["work", "$Forwarded", "a.b-c_d", "+1", "x}", "[x"] {
            assert_eq!(keyword(good).unwrap(), good);
        }
        for bad in
            ["a b", "größe", "\\Seen", "a(b", "a)b", "a{b", "50%", "a*", "a\"b", "a\\b", "a]", "a\u{7f}b"]
        {
            assert!(matches!(keyword(bad), Err(Failure::Usage(_))), "{bad}");
        }
    }
}
