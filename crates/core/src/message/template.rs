//! A draft as text for an editor, and back.

use super::{Draft, address, clean, compose};
use crate::mail::Contact;

/// What is wrong with an edited draft, and in which line, counted from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A line above the empty one that is no `Name: value`.
    #[error("line {line}: `{text}` is not a field; an empty line must stand between the fields and the text")]
    NotAField {
        /// The line.
        line: usize,
        /// What stands there, cut at 60 characters.
        text: String,
    },
    /// A field that cannot be set here.
    #[error("line {line}: `{name}` is not a field of a draft (From, To, Cc, Bcc, Subject)")]
    UnknownField {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// A text among the addresses that is none.
    #[error("line {line}: `{text}` is not an address")]
    Address {
        /// The line.
        line: usize,
        /// The text.
        text: String,
    },
    /// A control character.
    #[error("line {line}: there is a control character in this field")]
    ControlCharacter {
        /// The line.
        line: usize,
    },
    /// From names nobody, or more than one.
    #[error("From must name one address")]
    From,
}

impl Draft {
    /// The draft as a person edits it: From, To, Cc, Bcc and Subject, an empty line, the text.
    #[must_use]
    pub fn template(&self) -> String {
        let list = |contacts: &[Contact]| contacts.iter().map(show).collect::<Vec<_>>().join(", ");
        let mut out = String::new();
        for (name, value) in [
            ("From", show(&self.from)),
            ("To", list(&self.to)),
            ("Cc", list(&self.cc)),
            ("Bcc", list(&self.bcc)),
            ("Subject", clean::clean_line(&self.subject).into_owned()),
        ] {
            out.push_str(format!("{name}: {value}").trim_end());
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.text);
        out
    }

    /// The draft with what a person made of its template. Fields that are gone are empty, except From.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong, and in which line.
    pub fn edited(&self, text: &str) -> Result<Self, TemplateError> {
        let text = text.replace("\r\n", "\n");
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut draft = Self {
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: String::new(),
            text: String::new(),
            ..self.clone()
        };
        let mut field: Option<(usize, String, String)> = None;
        let mut rest = text;
        let mut number = 0;
        loop {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            number += 1;
            rest = after;
            let is_end = line.trim().is_empty();
            if line.starts_with([' ', '\t'])
                && !is_end
                && let Some((.., value)) = &mut field
            {
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            if let Some((at, name, value)) = field.take() {
                draft.set(at, &name, value.trim())?;
            }
            if is_end {
                break;
            }
            let (name, value) =
                line.split_once(':').filter(|(n, _)| !n.contains(char::is_whitespace)).ok_or_else(|| {
                    TemplateError::NotAField { line: number, text: line.chars().take(60).collect() }
                })?;
            field = Some((number, name.to_owned(), value.to_owned()));
        }
        rest.clone_into(&mut draft.text);
        Ok(draft)
    }

    fn set(&mut self, line: usize, name: &str, value: &str) -> Result<(), TemplateError> {
        if value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(TemplateError::ControlCharacter { line });
        }
        match name.to_ascii_lowercase().as_str() {
            "from" => match contacts(line, value)?.as_slice() {
                [one] => self.from = one.clone(),
                _ => return Err(TemplateError::From),
            },
            "to" => self.to.extend(contacts(line, value)?),
            "cc" => self.cc.extend(contacts(line, value)?),
            "bcc" => self.bcc.extend(contacts(line, value)?),
            "subject" => value.clone_into(&mut self.subject),
            _ => return Err(TemplateError::UnknownField { line, name: name.chars().take(60).collect() }),
        }
        Ok(())
    }
}

fn contacts(line: usize, value: &str) -> Result<Vec<Contact>, TemplateError> {
    let found = address::read(value);
    for contact in &found {
        if compose::check_contact("To", contact).is_err() {
            let text = if contact.address.is_empty() { &contact.name } else { &contact.address };
            return Err(TemplateError::Address { line, text: text.clone() });
        }
    }
    Ok(found)
}

/// A contact as it is typed: decoded, with quotes where the syntax needs them.
fn show(contact: &Contact) -> String {
    let name = clean::clean_line(&contact.name);
    let address = clean::clean_line(&contact.address);
    if name.is_empty() {
        return address.into_owned();
    }
    if name.contains(|c: char| "()<>[]:;@\\,.\"'".contains(c)) || name.contains("=?") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{quoted}\" <{address}>");
    }
    format!("{name} <{address}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let contact = |name: &str, address: &str| Contact { name: name.into(), address: address.into() };
        Draft {
            from: contact("Ann", "ann@example.org"),
            to: vec![contact("Lee, \"B\" \\", "bob@example.net"), contact("", "c@d.example")],
            subject: "Grüße: x".into(),
            in_reply_to: Some("m@x".into()),
            text: "\n> quoted\n".into(),
            ..Draft::default()
        }
    }

    #[test]
    fn a_draft_survives_an_editor() {
        let template = draft().template();
        assert_eq!(
            template,
            "From: Ann <ann@example.org>\nTo: \"Lee, \\\"B\\\" \\\\\" <bob@example.net>, c@d.example\nCc:\nBcc:\nSubject: Grüße: x\n\n\n> quoted\n"
        );
        assert_eq!(draft().edited(&template), Ok(draft()));
        assert_eq!(draft().edited(&template.replace('\n', "\r\n")), Ok(draft()));
    }

    #[test]
    fn what_was_edited_counts() {
        let edited = draft()
            .edited("to: x@y.example,\n  z@y.example\nTo: w@y.example\nSUBJECT: new\n\nDear X: hello\n")
            .unwrap();
        assert_eq!(
            edited.to.iter().map(|c| c.address.as_str()).collect::<Vec<_>>(),
            ["x@y.example", "z@y.example", "w@y.example"]
        );
        assert_eq!((edited.subject.as_str(), edited.text.as_str()), ("new", "Dear X: hello\n"));
        assert_eq!((edited.from, edited.in_reply_to), (draft().from, Some("m@x".into())));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text: &str| draft().edited(text).unwrap_err();
        assert_eq!(
            error("To: a@b.example\nHello there\n\nx"),
            TemplateError::NotAField { line: 2, text: "Hello there".into() }
        );
        assert_eq!(
            error("To: a@b.example\nCc: bob, c@d.example\n"),
            TemplateError::Address { line: 2, text: "bob".into() }
        );
        assert_eq!(error("X-Foo: y\n\n"), TemplateError::UnknownField { line: 1, name: "X-Foo".into() });
        assert_eq!(error("Subject: a\u{7}b\n\n"), TemplateError::ControlCharacter { line: 1 });
        assert_eq!(error("From: a@b.example, c@d.example\n\n"), TemplateError::From);
        assert!(draft().edited("").unwrap().to.is_empty());
    }
}
