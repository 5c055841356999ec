//! Creating the mailboxes restante needs and the server lacks.

use crate::error::Error;
use crate::imap::Connection;
use restante_core::imap::wire::{Command, Status};
use restante_core::mail::{Mailbox, MailboxName, SpecialUse};
use restante_store::{Kind, Namespace};

/// Creates the mailbox for copies of what was sent, among those that are `listed`, and subscribes to it; `None`
/// when the server allows it nowhere. With CREATE-SPECIAL-USE (RFC 6154, section 3) other programs learn what it is.
///
/// # Errors
/// When the connection breaks.
pub(crate) async fn create_sent(
    connection: &mut Connection,
    namespaces: &[Namespace],
    listed: &[Mailbox],
) -> Result<Option<MailboxName>, Error> {
    let utf8 = connection.session().utf8();
    let marked = connection.capabilities().has("CREATE-SPECIAL-USE");
    for name in places(namespaces, listed, "Sent") {
        let mut command = Command::new("CREATE").mailbox(&name, utf8);
        if marked {
            command = command.raw(&format!("(USE ({}))", SpecialUse::Sent.attribute()));
        }
        if connection.run(command, |_| Ok(())).await?.status == Status::Ok {
            // Without a subscription it works too; some programs then do not show it.
            connection.run(Command::new("SUBSCRIBE").mailbox(&name, utf8), |_| Ok(())).await?;
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The full name of a new mailbox among those that are `listed`, for when it cannot be tried: in the personal namespace
/// where the server names one, else below INBOX where the server keeps everything there. Where there is only an INBOX yet, the delimiter tells: Courier and
/// Cyrus have `.` and refuse anything else; others may, and take a name below INBOX all the same.
#[must_use]
pub fn new_name(namespaces: &[Namespace], listed: &[Mailbox], name: &str) -> MailboxName {
    match (listed, places(namespaces, listed, name).as_slice()) {
        ([only], [_, below]) if only.delimiter == Some('.') => below.clone(),
        (_, [first, ..]) => first.clone(),
        (_, []) => MailboxName::new(name),
    }
}

/// Where a new mailbox may go, the likeliest first: at the top, or below INBOX where some servers keep everything
/// (Courier, Cyrus; RFC 2342 calls it the personal namespace).
fn places(namespaces: &[Namespace], listed: &[Mailbox], name: &str) -> Vec<MailboxName> {
    let personal = namespaces.iter().filter(|namespace| namespace.kind == Kind::Personal);
    // With several the plainest: the others are for mail of another form.
    if let Some(personal) = personal.min_by_key(|namespace| namespace.prefix.len()) {
        let full = name.starts_with(&personal.prefix);
        return vec![MailboxName::new(if full {
            name.to_owned()
        } else {
            format!("{}{name}", personal.prefix)
        })];
    }
    let top = MailboxName::new(name);
    let Some(delimiter) = listed.iter().find(|m| m.name.is_inbox()).and_then(|m| m.delimiter) else {
        return vec![top];
    };
    let prefix = format!("INBOX{delimiter}");
    let below = MailboxName::new(format!("{prefix}{name}"));
    let mut others = listed.iter().map(|m| m.name.as_str()).filter(|name| *name != "INBOX").peekable();
    if others.peek().is_some() && others.all(|name| name.starts_with(&prefix)) {
        vec![below, top]
    } else {
        vec![top, below]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::script::play;

    fn mailbox(name: &str) -> Mailbox {
        let name = MailboxName::new(name);
        Mailbox { name, delimiter: Some('.'), special_use: None, selectable: true }
    }

    async fn created(listed: &[&str], script: &str) -> Option<MailboxName> {
        let (near, far) = tokio::io::duplex(4096);
        let script = script.to_owned();
        let server = tokio::spawn(async move { play(far, &script).await.unwrap() });
        let mut connection = Connection::new(near, "imap.example.org");
        connection.greeting().await.unwrap();
        let listed: Vec<Mailbox> = listed.iter().copied().map(mailbox).collect();
        let name = create_sent(&mut connection, &[], &listed).await.unwrap();
        drop(connection);
        server.await.unwrap();
        name
    }

    #[test]
    fn a_name_that_cannot_be_tried_is_the_likeliest() {
        let name = |listed: &[&str], delimiter| {
            let listed: Vec<_> = listed.iter().map(|name| Mailbox { delimiter, ..mailbox(name) }).collect();
            new_name(&[], &listed, "Archive").as_str().to_owned()
        };
        assert_eq!(name(&["INBOX"], Some('.')), "INBOX.Archive");
        assert_eq!(name(&["INBOX"], Some('/')), "Archive");
        assert_eq!(name(&["INBOX", "Sent"], Some('.')), "Archive");
        assert_eq!(name(&["INBOX", "INBOX/Sent"], Some('/')), "INBOX/Archive");
        assert_eq!(name(&["INBOX"], None), "Archive");
        assert_eq!(name(&[], Some('.')), "Archive");
    }

    #[test]
    fn where_the_server_names_its_personal_namespace_nothing_is_guessed() {
        let namespace =
            |kind, prefix: &str| Namespace { kind, prefix: prefix.to_owned(), delimiter: Some('.') };
        let courier = [namespace(Kind::Shared, "shared."), namespace(Kind::Personal, "INBOX.")];
        let name = |namespaces: &[Namespace], listed: &[&str], name| {
            let listed: Vec<_> = listed.iter().copied().map(mailbox).collect();
            new_name(namespaces, &listed, name).as_str().to_owned()
        };
        assert_eq!(name(&courier, &["INBOX", "shared.press"], "Archive"), "INBOX.Archive");
        assert_eq!(name(&courier, &["INBOX"], "INBOX.Archive"), "INBOX.Archive");
        // Everything is below INBOX, and need not be.
        let top = [namespace(Kind::Personal, "")];
        assert_eq!(name(&top, &["INBOX", "INBOX.Old"], "Archive"), "Archive");
    }

    #[tokio::test]
    async fn a_server_that_keeps_everything_below_inbox_is_followed_there() {
        let script = r#"
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: a1 CREATE "Sent"
            S: a1 NO Invalid mailbox name.
            C: a2 CREATE "INBOX.Sent"
            S: a2 OK created
            C: a3 SUBSCRIBE "INBOX.Sent"
            S: a3 OK subscribed
        "#;
        assert_eq!(created(&["INBOX"], script).await, Some(MailboxName::new("INBOX.Sent")));
    }

    #[tokio::test]
    async fn the_other_mailboxes_show_where_and_the_use_is_said() {
        let script = r#"
            S: * OK [CAPABILITY IMAP4rev1 CREATE-SPECIAL-USE] ready
            C: a1 CREATE "INBOX.Sent" (USE (\Sent))
            S: a1 OK created
            C: a2 SUBSCRIBE "INBOX.Sent"
            S: a2 NO not here
        "#;
        let listed = ["INBOX", "INBOX.Work", "INBOX.Work.Old"];
        assert_eq!(created(&listed, script).await, Some(MailboxName::new("INBOX.Sent")));
    }

    #[tokio::test]
    async fn a_server_that_allows_it_nowhere_is_left_alone() {
        let script = r#"
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: a1 CREATE "Sent"
            S: a1 NO no
            C: a2 CREATE "INBOX.Sent"
            S: a2 NO no
        "#;
        assert_eq!(created(&["INBOX", "Drafts"], script).await, None);
    }
}
