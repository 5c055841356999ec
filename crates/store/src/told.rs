//! What a server says of an account beside its mail: whose mailboxes there are, how much room there is, and what it
//! calls each mailbox whatever its name.

use crate::{AccountId, MailboxId, Store, StoreError, View};
use restante_core::mail::MailboxName;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::collections::BTreeMap;

/// Whose mailboxes they are (RFC 2342, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The account's own.
    Personal,
    /// Another person's, who lets this one see them.
    OtherUsers,
    /// Shared ones, as public folders.
    Shared,
}

impl Kind {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Personal, "personal"), (Self::OtherUsers, "other-users"), (Self::Shared, "shared")];

    /// The stable word, as `other-users`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// Names that begin alike, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace {
    /// Whose.
    pub kind: Kind,
    /// What the names begin with, delimiter included: the empty text, `INBOX.`, `#shared/`.
    pub prefix: String,
    /// The hierarchy delimiter; `None` when the namespace is flat.
    pub delimiter: Option<char>,
}

/// A limit of an account on its server (RFC 9208).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quota {
    /// The server's name for what the limit is on; several mailboxes may share it.
    pub root: String,
    /// Of what: `storage` (octets), `message`, `mailbox` (a count of them).
    pub resource: String,
    /// How much is used.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
}

impl Quota {
    /// How full it is, in whole per cent; 100 where nothing may be stored.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.used.saturating_mul(100).checked_div(self.limit).unwrap_or(100)
    }
}

/// What a list of mailboxes said beside their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// MAILBOXID (RFC 8474) and the most octets of a message to append (RFC 7889), of each mailbox that something was
    /// said of.
    pub mailboxes: BTreeMap<MailboxName, (Option<String>, Option<u64>)>,
    /// Every namespace; `None` when that was not said.
    pub namespaces: Option<Vec<Namespace>>,
    /// Every limit that holds for the INBOX; `None` when that was not said.
    pub quota: Option<Vec<Quota>>,
}

/// The namespace of a mailbox: the one with the longest prefix of its name.
#[must_use]
pub fn namespace_of<'a>(namespaces: &'a [Namespace], name: &MailboxName) -> Option<&'a Namespace> {
    let name = name.as_str();
    let within = |namespace: &&Namespace| {
        // The mailbox that a namespace hangs from is of it too: `INBOX` of `INBOX.`.
        let top = namespace.delimiter.and_then(|delimiter| namespace.prefix.strip_suffix(delimiter));
        name.starts_with(&namespace.prefix) || top == Some(name)
    };
    namespaces.iter().filter(within).max_by_key(|namespace| namespace.prefix.len())
}

impl View {
    /// The namespaces of an account, as the server last said; none when it never did.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn namespaces(&self, account: AccountId) -> Result<Vec<Namespace>, StoreError> {
        let sql = "SELECT kind, prefix, delimiter FROM namespace WHERE account = ?1 ORDER BY kind, prefix";
        let mut statement = self.conn.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            let word: String = row.get(0)?;
            let kind = Kind::ALL.into_iter().find(|(_, name)| *name == word);
            Ok(Namespace {
                kind: kind.map_or(Kind::Shared, |(kind, _)| kind),
                prefix: row.get(1)?,
                delimiter: row.get_ref(2)?.as_str()?.chars().next(),
            })
        };
        let mut all: Vec<Namespace> = statement.query_map([account.0], read)?.collect::<Result<_, _>>()?;
        all.sort();
        Ok(all)
    }

    /// The limits of an account, as the server last said.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn quota(&self, account: AccountId) -> Result<Vec<Quota>, StoreError> {
        let sql = "SELECT root, resource, used, most FROM quota WHERE account = ?1 ORDER BY root, resource";
        let mut statement = self.conn.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            Ok(Quota { root: row.get(0)?, resource: row.get(1)?, used: row.get(2)?, limit: row.get(3)? })
        };
        Ok(statement.query_map([account.0], read)?.collect::<Result<_, _>>()?)
    }

    /// The most octets of a message to append to a mailbox; `None` when the server names no limit of its own for it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn append_limit(&self, mailbox: MailboxId) -> Result<Option<u64>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT append_limit FROM mailbox WHERE id = ?1")?;
        let limit: Option<i64> = statement.query_row([mailbox.0], |row| row.get(0)).optional()?;
        Ok(limit.and_then(|limit| u64::try_from(limit).ok()))
    }

    /// What the server calls each mailbox whatever its name (RFC 8474), where it said so.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn object_ids(&self, account: AccountId) -> Result<BTreeMap<MailboxId, String>, StoreError> {
        let sql = "SELECT id, object_id FROM mailbox WHERE account = ?1 AND object_id <> ''";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([account.0], |row| Ok((MailboxId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// Takes over what was said. Nothing is written when nothing differs.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_told(&mut self, account: AccountId, told: &Told) -> Result<(), StoreError> {
        let mut namespaces = told.namespaces.clone().unwrap_or(self.namespaces(account)?);
        namespaces.sort();
        namespaces.dedup();
        let mut quota = told.quota.clone().unwrap_or(self.quota(account)?);
        quota.sort();
        quota.dedup_by(|one, other| one.root == other.root && one.resource == other.resource);
        let mut rows = Vec::new();
        let ids = self.object_ids(account)?;
        for row in self.mailboxes(account)? {
            let before = (ids.get(&row.id).cloned(), self.append_limit(row.id)?);
            let now = told.mailboxes.get(&row.mailbox.name).cloned();
            rows.extend(now.filter(|now| before != *now).map(|now| (row.id, now)));
        }
        if rows.is_empty() && namespaces == self.namespaces(account)? && quota == self.quota(account)? {
            return Ok(());
        }
        self.write(|transaction| {
            for (id, (object_id, append_limit)) in &rows {
                let limit = append_limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
                transaction.execute(
                    "UPDATE mailbox SET object_id = ?2, append_limit = ?3 WHERE id = ?1",
                    params![id.0, object_id.as_deref().unwrap_or_default(), limit],
                )?;
            }
            put(transaction, account, &namespaces, &quota)
        })
    }
}

fn put(
    transaction: &Transaction<'_>,
    account: AccountId,
    namespaces: &[Namespace],
    quota: &[Quota],
) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM namespace WHERE account = ?1", [account.0])?;
    for Namespace { kind, prefix, delimiter } in namespaces {
        transaction.execute(
            "INSERT OR REPLACE INTO namespace (account, kind, prefix, delimiter) VALUES (?1, ?2, ?3, ?4)",
            params![account.0, kind.as_str(), prefix, delimiter.map(String::from).unwrap_or_default()],
        )?;
    }
    transaction.execute("DELETE FROM quota WHERE account = ?1", [account.0])?;
    for Quota { root, resource, used, limit } in quota {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        transaction.execute(
            "INSERT INTO quota (account, root, resource, used, most) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![account.0, root, resource, number(*used), number(*limit)],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::mail::Mailbox;

    fn namespace(kind: Kind, prefix: &str) -> Namespace {
        Namespace { kind, prefix: prefix.to_owned(), delimiter: Some('.') }
    }

    #[test]
    fn the_longest_prefix_says_whose_a_mailbox_is() {
        let all = [namespace(Kind::Personal, "INBOX."), namespace(Kind::Shared, "shared.")];
        let kind = |name: &str| namespace_of(&all, &MailboxName::new(name)).map(|found| found.kind);
        assert_eq!(kind("INBOX"), Some(Kind::Personal));
        assert_eq!(kind("INBOX.Work"), Some(Kind::Personal));
        assert_eq!(kind("shared.press"), Some(Kind::Shared));
        assert_eq!(kind("shared"), Some(Kind::Shared));
        assert_eq!(kind("Work"), None);
        let top = [namespace(Kind::Personal, ""), namespace(Kind::OtherUsers, "user.")];
        let kind = |name: &str| namespace_of(&top, &MailboxName::new(name)).map(|found| found.kind);
        assert_eq!((kind("Work"), kind("user.bob")), (Some(Kind::Personal), Some(Kind::OtherUsers)));
    }

    #[test]
    fn what_was_said_stays_until_something_else_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let account = store.account("ann@example.org").unwrap();
        let name = MailboxName::new("INBOX");
        let inbox = Mailbox { name: name.clone(), delimiter: Some('.'), special_use: None, selectable: true };
        store.set_mailboxes(account, &[inbox]).unwrap();
        let quota =
            vec![Quota { root: "user".into(), resource: "storage".into(), used: 95 << 20, limit: 100 << 20 }];
        let told = Told {
            mailboxes: BTreeMap::from([(name.clone(), (Some("F1".to_owned()), Some(0)))]),
            namespaces: Some(vec![namespace(Kind::Shared, "shared."), namespace(Kind::Personal, "INBOX.")]),
            quota: Some(quota.clone()),
        };
        store.set_told(account, &told).unwrap();
        let id = store.mailboxes(account).unwrap()[0].id;
        assert_eq!(store.append_limit(id).unwrap(), Some(0));
        assert_eq!(store.object_ids(account).unwrap()[&id], "F1");
        assert_eq!(store.namespaces(account).unwrap()[0], namespace(Kind::Personal, "INBOX."));
        assert_eq!((store.quota(account).unwrap(), quota[0].percent()), (quota.clone(), 95));
        store.set_told(account, &Told::default()).unwrap();
        assert_eq!(store.append_limit(id).unwrap(), Some(0));
        let none = Told { mailboxes: BTreeMap::from([(name, (None, None))]), ..Told::default() };
        store.set_told(account, &none).unwrap();
        assert_eq!(store.append_limit(id).unwrap(), None);
        assert!(store.object_ids(account).unwrap().is_empty());
        assert_eq!(store.quota(account).unwrap(), quota);
        assert_eq!(store.namespaces(account).unwrap().len(), 2);
    }
}
