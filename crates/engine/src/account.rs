//! The accounts a person has set up: `config.toml`, comments and order kept.

mod saved;
mod search;

use crate::error::Error;
use crate::places::{self, Places};
use restante_core::mail::{Address, Contact};
use restante_core::query;
use restante_core::settings::{Authentication, Fingerprint, Protocol, Security, Settings, Source};
use restante_core::sync::Selection;
use restante_core::sync::policy::{Age, Policy};
use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, value};

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its short name: the address unless the person chose another.
    pub name: String,
    /// The person's address.
    pub address: Address,
    /// The person's name, for From; empty when none was given.
    pub display_name: String,
    /// Reading.
    pub imap: Settings,
    /// Sending; `None` when it was skipped.
    pub smtp: Option<Settings>,
    /// Where the settings came from.
    pub source: Source,
    /// What of them the person gave in place of what the source says.
    pub given: Vec<Value>,
    /// Certificates that the person has compared and accepts from this account's servers.
    pub pins: Vec<Fingerprint>,
    /// Saved before it was verified: it is shown and can be mended, and nothing is fetched or sent.
    pub draft: bool,
    /// Where the password is.
    pub secret: SecretPlace,
    /// Which mailboxes are kept in step.
    pub selection: Selection,
}

/// A value of an account that a person can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// The server for reading.
    Imap,
    /// The server for sending.
    Smtp,
    /// The user name.
    Username,
    /// How to log in.
    Authentication,
}

impl Value {
    fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Smtp => "smtp",
            Self::Username => "username",
            Self::Authentication => "authentication",
        }
    }
}

/// Where an account's password is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPlace {
    /// The first line a command prints.
    Command(String),
    /// The system's keyring.
    Keyring,
    /// A file only this person can read.
    File,
}

impl Account {
    /// The person as From shows them.
    #[must_use]
    pub fn contact(&self) -> Contact {
        Contact { name: self.display_name.clone(), address: self.address.to_string() }
    }

    /// Where a value came from.
    #[must_use]
    pub fn source_of(&self, value: Value) -> Source {
        if self.given.contains(&value) { Source::Given } else { self.source }
    }

    /// The pinned certificates, each with each host they are accepted from.
    #[must_use]
    pub fn pinned(&self) -> Vec<(String, Fingerprint)> {
        let hosts = std::iter::once(&self.imap).chain(&self.smtp).map(|settings| &settings.host);
        hosts.flat_map(|host| self.pins.iter().map(move |pin| (host.clone(), *pin))).collect()
    }
}

/// `config.toml` as it is.
#[derive(Debug)]
pub struct Accounts {
    places: Places,
    document: DocumentMut,
    accounts: Vec<Account>,
    /// Accounts without a server, by name.
    local: Vec<String>,
}

impl Accounts {
    /// Reads the file; no file is no accounts.
    ///
    /// # Errors
    /// [`Error::Configuration`] names the line that cannot be used.
    pub fn load(places: &Places) -> Result<Self, Error> {
        let path = places.config_file();
        let text = places::read(&path)?.unwrap_or_default();
        let bad = |what: String| Error::Configuration(format!("{}: {what}", path.display()));
        let document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| bad(e.to_string()))?;
        search::read(&document).map_err(bad)?;
        let (mut accounts, mut local) = (Vec::new(), Vec::new());
        if let Some(item) = document.get("account") {
            let table = item.as_table().ok_or_else(|| bad("`account` must be a table".to_owned()))?;
            for (name, item) in table {
                let bad = |what: String| bad(format!("account \"{name}\": {what}"));
                let table = item.as_table().ok_or_else(|| bad("must be a table".to_owned()))?;
                if is_local(table).map_err(bad)? {
                    local.push(name.to_owned());
                } else {
                    accounts.push(read_account(name, table).map_err(bad)?);
                }
            }
        }
        Ok(Self { places: places.clone(), document, accounts, local })
    }

    /// All accounts that have a server, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Account] {
        &self.accounts
    }

    /// The names of the accounts that have no server: their mail is here alone. In the file's order.
    #[must_use]
    pub fn local(&self) -> &[String] {
        &self.local
    }

    /// The local account of this name, the case of ASCII letters aside.
    #[must_use]
    pub fn find_local(&self, name: &str) -> Option<&str> {
        let alike = || self.local.iter().find(|known| known.eq_ignore_ascii_case(name));
        self.local.iter().find(|known| *known == name).or_else(alike).map(String::as_str)
    }

    /// The name of an account whose mail is to be worked with here, with a server or without: as [`Accounts::find`],
    /// and the only local one where there is no other.
    ///
    /// # Errors
    /// Those of [`Accounts::find`].
    pub fn name_of(&self, name: Option<&str>) -> Result<&str, Error> {
        let local = match (name, self.local.as_slice()) {
            (Some(name), _) => self.find_local(name),
            (None, [only]) if self.accounts.is_empty() => Some(only.as_str()),
            (None, [_, ..]) if self.accounts.is_empty() => return Err(say_which(&self.local)),
            (None, _) => None,
        };
        match local {
            Some(local) => Ok(local),
            None => Ok(&self.find(name)?.name),
        }
    }

    /// Adds an account without a server and writes the file. One that is there is left as it is.
    ///
    /// # Errors
    /// [`Error::Configuration`] when an account with a server is called so; when the file cannot be written.
    pub fn save_local(&mut self, name: &str) -> Result<(), Error> {
        if self.local.iter().any(|known| known == name) {
            return Ok(());
        }
        if self.accounts.iter().any(|account| account.name == name) {
            return Err(Error::Configuration(format!("{name} is an account with a server")));
        }
        let mut document = self.document.clone();
        let accounts = document.entry("account").or_insert_with(implicit_table);
        let Some(table) = accounts.as_table_mut() else {
            return Err(Error::Configuration("`account` must be a table".to_owned()));
        };
        let mut entry = Table::new();
        entry.insert(LOCAL, value(true));
        table.insert(name, Item::Table(entry));
        self.write(document)?;
        self.local.push(name.to_owned());
        Ok(())
    }

    /// The account of this name or address, or the only one when no name is given. The case of ASCII
    /// letters matters only where several accounts differ in nothing else.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; [`Error::Configuration`] when there are several and none was named, or none
    /// at all; and when it is a local one, which has no servers.
    pub fn find(&self, name: Option<&str>) -> Result<&Account, Error> {
        match (name, self.accounts.as_slice()) {
            (Some(name), accounts) => {
                let exact = |account: &&Account| account.name == name || account.address.to_string() == name;
                let alike = |account: &&Account| {
                    account.name.eq_ignore_ascii_case(name)
                        || account.address.to_string().eq_ignore_ascii_case(name)
                };
                let only = || {
                    let mut found = accounts.iter().filter(alike);
                    found.next().filter(|_| found.next().is_none())
                };
                let found = accounts.iter().find(exact).or_else(only);
                found.ok_or_else(|| match self.find_local(name) {
                    Some(local) => no_server(local),
                    None => Error::NoAccount(name.to_owned()),
                })
            }
            (None, [account]) => Ok(account),
            (None, []) if !self.local.is_empty() => Err(no_server(&self.local.join(" and "))),
            (None, []) => Err(Error::Configuration(
                "no account is set up yet; `restante setup you@example.org` does it".to_owned(),
            )),
            (None, accounts) => {
                let names: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
                Err(say_which(&names))
            }
        }
    }

    /// As [`Accounts::find`], for work on the servers.
    ///
    /// # Errors
    /// Those of [`Accounts::find`]; [`Error::Configuration`] when the account is a draft.
    pub fn ready(&self, name: Option<&str>) -> Result<&Account, Error> {
        let account = self.find(name)?;
        if account.draft {
            return Err(Error::Configuration(format!(
                "{0} is a draft: it was saved before it worked; `restante doctor {0}` says what is wrong, \
                 `restante account edit {0}` changes and verifies it",
                account.name
            )));
        }
        Ok(account)
    }

    /// Adds an account, or replaces the one of the same name, and writes the file.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn save(&mut self, account: Account) -> Result<(), Error> {
        if self.local.contains(&account.name) {
            return Err(Error::Configuration(format!("there is a local account called `{}`", account.name)));
        }
        let mut document = self.document.clone();
        let accounts = document.entry("account").or_insert_with(implicit_table);
        let Some(table) = accounts.as_table_mut() else {
            return Err(Error::Configuration("`account` must be a table".to_owned()));
        };
        let entry = table.entry(&account.name).or_insert_with(|| Item::Table(Table::new()));
        if !entry.is_table() {
            *entry = Item::Table(Table::new());
        }
        if let Some(table) = entry.as_table_mut() {
            write_account(table, &account);
        }
        self.write(document)?;
        match self.accounts.iter_mut().find(|known| known.name == account.name) {
            Some(known) => *known = account,
            None => self.accounts.push(account),
        }
        Ok(())
    }

    /// Gives an account another name and writes the file, in which the old name is kept until
    /// [`Accounts::renamed`] says that the mail has followed.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; [`Error::Configuration`] when the new name is in use; when the file cannot be
    /// written.
    pub fn rename(&mut self, name: &str, new: &str) -> Result<(), Error> {
        if self.accounts.iter().any(|account| account.name == new)
            || self.local.iter().any(|name| name == new)
        {
            return Err(Error::Configuration(format!("there is an account called `{new}` already")));
        }
        let mut document = self.document.clone();
        let accounts = document.get_mut("account").and_then(Item::as_table_mut);
        let entry = accounts.and_then(|accounts| {
            let mut entry = accounts.remove(name)?;
            entry.as_table_mut()?.insert(RENAMED_FROM, value(name));
            accounts.insert(new, entry);
            Some(())
        });
        entry.ok_or_else(|| Error::NoAccount(name.to_owned()))?;
        self.write(document)?;
        for account in self.accounts.iter_mut().filter(|account| account.name == name) {
            new.clone_into(&mut account.name);
        }
        Ok(())
    }

    /// Accounts whose name was changed while their mail may still be kept under the old one: the old name
    /// and the new one.
    #[must_use]
    pub fn renaming(&self) -> Vec<(String, String)> {
        let accounts = self.document.get("account").and_then(Item::as_table);
        let old = |item: &Item| Some(item.as_table()?.get(RENAMED_FROM)?.as_str()?.to_owned());
        let renamed = accounts.into_iter().flat_map(Table::iter);
        renamed.filter_map(|(new, item)| Some((old(item)?, new.to_owned()))).collect()
    }

    /// Forgets the old name of an account and writes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn renamed(&mut self, name: &str) -> Result<(), Error> {
        let mut document = self.document.clone();
        let accounts = document.get_mut("account").and_then(Item::as_table_mut);
        let account = accounts.and_then(|accounts| accounts.get_mut(name)).and_then(Item::as_table_mut);
        if account.and_then(|account| account.remove(RENAMED_FROM)).is_some() {
            self.write(document)?;
        }
        Ok(())
    }

    /// Forgets an account and writes the file.
    ///
    /// # Errors
    /// [`Error::NoAccount`], or when the file cannot be written.
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let mut document = self.document.clone();
        let table = document.get_mut("account").and_then(Item::as_table_mut);
        if table.and_then(|table| table.remove(name)).is_none() {
            return Err(Error::NoAccount(name.to_owned()));
        }
        self.write(document)?;
        self.accounts.retain(|account| account.name != name);
        self.local.retain(|known| known != name);
        Ok(())
    }

    fn write(&mut self, document: DocumentMut) -> Result<(), Error> {
        places::replace(&self.places.config_file(), document.to_string().as_bytes())?;
        self.document = document;
        Ok(())
    }
}

/// The name an account had, as long as its mail may be kept under it.
const RENAMED_FROM: &str = "renamed-from";

/// Says of an account that it has no server.
const LOCAL: &str = "local";

/// Why nothing can be asked of a local account's servers.
fn say_which(names: &[impl AsRef<str>]) -> Error {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Error::Configuration(format!("say which account with --account: {}", names.join(", ")))
}

fn no_server(name: &str) -> Error {
    Error::Configuration(format!(
        "{name} {} local: the mail is on this machine alone, with no server to ask and no way to send; \
         `restante setup you@example.org` sets up an account that has both",
        if name.contains(' ') { "are" } else { "is" }
    ))
}

/// Whether an account has no server. Then there is nothing else to be said of it.
fn is_local(table: &Table) -> Result<bool, String> {
    let Some(item) = table.get(LOCAL) else { return Ok(false) };
    let local = item.as_bool().ok_or("`local` must be true or false")?;
    match ["address", "imap", "smtp"].into_iter().find(|key| table.contains_key(key)) {
        Some(key) if local => Err(format!("a local account has no `{key}`")),
        _ => Ok(local),
    }
}

fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn read_account(name: &str, table: &Table) -> Result<Account, String> {
    let address = text(table, "address")?.ok_or("`address` is missing")?;
    let address = Address::parse(address).map_err(|error| error.to_string())?;
    let service = |key: &str, protocol| -> Result<Option<Settings>, String> {
        let Some(item) = table.get(key) else { return Ok(None) };
        let table = item.as_table_like().ok_or_else(|| format!("`{key}` must be a table"))?;
        read_settings(table, protocol).map(Some).map_err(|what| format!("`{key}`: {what}"))
    };
    let source = match text(table, "source")? {
        Some(word) => named(word).ok_or_else(|| format!("`source` cannot be \"{word}\""))?,
        None => Source::Given,
    };
    let words = |key: &str| -> Result<Vec<&str>, String> {
        let Some(item) = table.get(key) else { return Ok(Vec::new()) };
        let list = item.as_array().ok_or_else(|| format!("`{key}` must be a list"))?;
        list.iter()
            .map(|word| word.as_str().ok_or_else(|| format!("`{key}` must be a list of words")))
            .collect()
    };
    let given = words("given")?.into_iter();
    let pins = words("pins")?.into_iter();
    let draft = match table.get("draft") {
        Some(item) => item.as_bool().ok_or("`draft` must be true or false")?,
        None => false,
    };
    Ok(Account {
        name: name.to_owned(),
        address,
        display_name: text(table, "name")?.unwrap_or_default().to_owned(),
        imap: service("imap", Protocol::Imap)?.ok_or("`imap` is missing")?,
        smtp: service("smtp", Protocol::Smtp)?,
        source,
        given: given
            .map(|word| named::<Value>(word).ok_or_else(|| format!("`given` cannot hold \"{word}\"")))
            .collect::<Result<_, _>>()?,
        pins: pins
            .map(|pin| pin.parse().map_err(|error| format!("`pins`: {error}")))
            .collect::<Result<_, _>>()?,
        draft,
        secret: read_place(table)?,
        selection: read_selection(table)?,
    })
}

/// `[account.NAME.sync]`, which only the person writes.
fn read_selection(table: &Table) -> Result<Selection, String> {
    const KEYS: [&str; 4] = ["only", "except", "keep", "whole"];
    let Some(item) = table.get("sync") else { return Ok(Selection::default()) };
    let table = item.as_table_like().ok_or("`sync` must be a table")?;
    if let Some((key, _)) = table.iter().find(|(key, _)| !KEYS.contains(key)) {
        return Err(format!("`sync` has no `{key}`: there are `only`, `except`, `keep` and `whole`"));
    }
    let patterns = |key: &str| -> Result<Vec<String>, String> {
        let Some(item) = table.get(key) else { return Ok(Vec::new()) };
        let list = item.as_array().ok_or_else(|| format!("`sync.{key}` must be a list of mailboxes"))?;
        let pattern = |name: &toml_edit::Value| name.as_str().map(str::to_owned);
        let patterns: Option<Vec<String>> = list.iter().map(pattern).collect();
        patterns.ok_or_else(|| format!("`sync.{key}` must be a list of mailboxes"))
    };
    Ok(Selection { only: patterns("only")?, except: patterns("except")?, policy: read_policy(table)? })
}

/// How much of each message is held. `everything` is what stands for no limit.
fn read_policy(table: &dyn toml_edit::TableLike) -> Result<Policy, String> {
    let text = |key: &str| table.get(key).map(|item| item.as_str().unwrap_or_default());
    let keep = match text("keep") {
        None | Some("everything") => None,
        Some(text) => Some(Age::parse(text).ok_or("`sync.keep` must be as \"90 days\", or \"everything\"")?),
    };
    let whole = match text("whole") {
        None | Some("everything") => None,
        Some(text) => Some(query::size(text).ok_or("`sync.whole` must be as \"1 MB\", or \"everything\"")?),
    };
    Ok(Policy { keep, whole })
}

fn read_place(table: &Table) -> Result<SecretPlace, String> {
    if let Some(command) = text(table, "password-command")? {
        return Ok(SecretPlace::Command(command.to_owned()));
    }
    match text(table, "password-in")? {
        None | Some("file") => Ok(SecretPlace::File),
        Some("keyring") => Ok(SecretPlace::Keyring),
        // What stands there may be the password of somebody who misunderstood: it is not repeated.
        Some(_) => {
            Err("`password-in` must be keyring or file; the password itself is never written here".to_owned())
        }
    }
}

fn read_settings(table: &dyn toml_edit::TableLike, protocol: Protocol) -> Result<Settings, String> {
    let word = |key: &str| -> Result<&str, String> {
        let item = table.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
        item.as_str().ok_or_else(|| format!("`{key}` must be a text"))
    };
    let port = table.get("port").and_then(Item::as_integer).and_then(|port| u16::try_from(port).ok());
    let security = word("security")?;
    let mut authentication = Vec::new();
    if let Some(item) = table.get("authentication") {
        let list = item.as_array().ok_or("`authentication` must be a list")?;
        for entry in list {
            let word = entry.as_str().ok_or("`authentication` must be a list of words")?;
            authentication
                .push(named::<Authentication>(word).ok_or_else(|| format!("`{word}` is no authentication"))?);
        }
    }
    Ok(Settings {
        protocol,
        host: word("host")?.to_owned(),
        port: port.filter(|port| *port > 0).ok_or("`port` must be a number from 1 to 65535")?,
        security: named::<Security>(security).ok_or("`security` must be tls, starttls or none")?,
        authentication,
        username: word("username")?.to_owned(),
    })
}

fn text<'a>(table: &'a Table, key: &str) -> Result<Option<&'a str>, String> {
    match table.get(key) {
        None => Ok(None),
        Some(item) => item.as_str().map(Some).ok_or_else(|| format!("`{key}` must be a text")),
    }
}

/// Reads one of the words that serde knows a type by.
fn named<'de, T: serde::Deserialize<'de>>(word: &'de str) -> Option<T> {
    T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word)).ok()
}

fn write_account(table: &mut Table, account: &Account) {
    table.insert("address", value(account.address.to_string()));
    if account.display_name.is_empty() {
        table.remove("name");
    } else {
        table.insert("name", value(&account.display_name));
    }
    table.insert("source", value(account.source.as_str()));
    let given: toml_edit::Array = account.given.iter().map(|value| value.as_str()).collect();
    let pins: toml_edit::Array = account.pins.iter().map(ToString::to_string).collect();
    for (key, list) in [("given", given), ("pins", pins)] {
        if list.is_empty() {
            table.remove(key);
        } else {
            table.insert(key, value(list));
        }
    }
    if account.draft {
        table.insert("draft", value(true));
    } else {
        table.remove("draft");
    }
    let (command, place) = match &account.secret {
        SecretPlace::Command(command) => (Some(command), None),
        SecretPlace::Keyring => (None, Some("keyring")),
        SecretPlace::File => (None, None),
    };
    for (key, text) in [("password-command", command.map(String::as_str)), ("password-in", place)] {
        match text {
            Some(text) => table.insert(key, value(text)),
            None => table.remove(key),
        };
    }
    write_settings(table, "imap", Some(&account.imap));
    write_settings(table, "smtp", account.smtp.as_ref());
}

fn write_settings(table: &mut Table, key: &str, settings: Option<&Settings>) {
    let Some(settings) = settings else {
        table.remove(key);
        return;
    };
    let entry = table.entry(key).or_insert_with(|| Item::Table(Table::new()));
    if !entry.is_table_like() {
        *entry = Item::Table(Table::new());
    }
    let Some(service) = entry.as_table_like_mut() else { return };
    service.insert("host", value(&settings.host));
    service.insert("port", value(i64::from(settings.port)));
    service.insert("security", value(settings.security.as_str()));
    service.insert("username", value(&settings.username));
    let words: toml_edit::Array = settings.authentication.iter().map(Authentication::as_str).collect();
    if words.is_empty() {
        service.remove("authentication");
    } else {
        service.insert("authentication", value(words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &tempfile::TempDir) -> Places {
        Places { config: folder.path().join("config"), data: folder.path().join("data") }
    }

    fn account(name: &str) -> Account {
        let settings = |protocol, host: &str, port, security| Settings {
            protocol,
            host: host.to_owned(),
            port,
            security,
            authentication: vec![Authentication::Password, Authentication::ScramSha256],
            username: "ann@example.org".to_owned(),
        };
        Account {
            name: name.to_owned(),
            address: Address::parse("ann@example.org").unwrap(),
            display_name: "Ann Lee".to_owned(),
            imap: settings(Protocol::Imap, "imap.example.org", 993, Security::Tls),
            smtp: Some(settings(Protocol::Smtp, "smtp.example.org", 587, Security::StartTls)),
            source: Source::Autoconfig,
            given: vec![Value::Username],
            pins: vec![Fingerprint::new([7; 32])],
            draft: true,
            secret: SecretPlace::Command("pass mail/ann".to_owned()),
            selection: Selection::default(),
        }
    }

    #[test]
    fn a_choice_of_mailboxes_is_read_and_left_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { config: folder.path().to_owned(), data: folder.path().to_owned() };
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("work")).unwrap();
        let file = places.config_file();
        let chosen = "\n[account.work.sync]\n# not the views\nexcept = [\"[Gmail]/*\"]\n";
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + chosen).unwrap();
        let mut accounts = Accounts::load(&places).unwrap();
        let known = accounts.find(None).unwrap().clone();
        assert_eq!(known.selection.except, ["[Gmail]/*"]);
        accounts.save(known).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().contains("# not the views"));
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("except", "exept")).unwrap();
        let error = Accounts::load(&places).unwrap_err().to_string();
        assert!(error.contains("`sync` has no `exept`"), "{error}");
    }

    #[test]
    fn how_much_is_held_is_read_as_people_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { config: folder.path().to_owned(), data: folder.path().to_owned() };
        Accounts::load(&places).unwrap().save(account("work")).unwrap();
        let file = places.config_file();
        let text = std::fs::read_to_string(&file).unwrap();
        let read = |lines: &str| {
            std::fs::write(&file, format!("{text}\n[account.work.sync]\n{lines}\n")).unwrap();
            Accounts::load(&places).map(|accounts| accounts.find(None).unwrap().selection.policy.clone())
        };
        let policy = read("keep = \"90 days\"\nwhole = \"2 MB\"").unwrap();
        assert_eq!(policy, Policy { keep: Age::parse("90 days"), whole: Some(2 << 20) });
        assert_eq!(read("keep = \"everything\"\nwhole = \"everything\"").unwrap(), Policy::default());
        for (line, expected) in [
            ("keep = 90", "`sync.keep` must be as \"90 days\""),
            ("keep = \"90\"", "`sync.keep` must be as"),
            ("whole = \"big\"", "`sync.whole` must be as \"1 MB\""),
            ("keeep = \"1 day\"", "`sync` has no `keeep`"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_saved_is_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("work")).unwrap();
        accounts
            .save(Account {
                smtp: None,
                secret: SecretPlace::File,
                given: Vec::new(),
                pins: Vec::new(),
                draft: false,
                ..account("ann@example.org")
            })
            .unwrap();
        let loaded = Accounts::load(&places).unwrap();
        assert_eq!(loaded.all(), accounts.all());
        assert_eq!(loaded.find(Some("work")).unwrap(), &account("work"));
        accounts.remove("work").unwrap();
        assert_eq!(Accounts::load(&places).unwrap().all().len(), 1);
    }

    #[test]
    fn a_local_account_is_named_and_has_no_server_to_ask() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::load(&places(&folder)).unwrap();
        accounts.save_local("archive").unwrap();
        accounts.save_local("archive").unwrap();
        let text = std::fs::read_to_string(places(&folder).config_file()).unwrap();
        assert_eq!(text, "[account.archive]\nlocal = true\n");
        let mut accounts = Accounts::load(&places(&folder)).unwrap();
        assert_eq!((accounts.local(), accounts.all()), (&["archive".to_owned()][..], &[][..]));
        assert_eq!(accounts.name_of(None).unwrap(), "archive");
        for name in [None, Some("Archive")] {
            let error = accounts.ready(name).unwrap_err().to_string();
            assert!(error.contains("archive is local") && error.contains("restante setup"), "{error}");
        }
        accounts.save_local("other").unwrap();
        let error = accounts.name_of(None).unwrap_err().to_string();
        assert!(error.ends_with("say which account with --account: archive, other"), "{error}");
        assert!(accounts.ready(None).unwrap_err().to_string().contains("archive and other are local"));
        accounts.remove("other").unwrap();
        // What has a server is what is meant when nothing is named.
        accounts.save(account("work")).unwrap();
        assert_eq!(accounts.name_of(None).unwrap(), "work");
        assert_eq!(accounts.name_of(Some("ARCHIVE")).unwrap(), "archive");
        assert!(accounts.save(account("archive")).is_err());
        assert!(accounts.save_local("work").is_err());
        assert!(accounts.rename("work", "archive").is_err());
        accounts.remove("archive").unwrap();
        assert!(Accounts::load(&places(&folder)).unwrap().local().is_empty());
        for (line, expected) in [
            ("local = 1", "`local` must be true or false"),
            ("local = true\naddress = \"x@y.z\"", "a local account has no `address`"),
        ] {
            let text = format!("[account.a]\n{line}\n");
            crate::places::replace(&places(&folder).config_file(), text.as_bytes()).unwrap();
            let error = Accounts::load(&places(&folder)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_draft_is_found_and_not_worked_with() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::load(&places(&folder)).unwrap();
        accounts.save(account("work")).unwrap();
        assert!(accounts.find(Some("work")).is_ok());
        assert!(accounts.ready(Some("work")).unwrap_err().to_string().contains("account edit work"));
        accounts.save(Account { draft: false, ..account("work") }).unwrap();
        assert!(accounts.ready(None).is_ok());
    }

    #[test]
    fn case_matters_only_between_accounts_that_differ_in_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::load(&places(&folder)).unwrap();
        let named = |name: &str| Account { address: Address::parse(name).unwrap(), ..account(name) };
        accounts.save(named("ida@srv.test")).unwrap();
        accounts.save(named("bob@srv.test")).unwrap();
        assert_eq!(accounts.find(Some("IDA@Srv.test")).unwrap().name, "ida@srv.test");
        accounts.save(named("Ida@srv.test")).unwrap();
        assert_eq!(accounts.find(Some("Ida@srv.test")).unwrap().name, "Ida@srv.test");
        assert_eq!(accounts.find(Some("ida@srv.test")).unwrap().name, "ida@srv.test");
        assert!(matches!(accounts.find(Some("IDA@srv.test")), Err(Error::NoAccount(_))));
    }

    #[test]
    fn comments_and_foreign_keys_survive() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("work")).unwrap();
        let text = std::fs::read_to_string(places.config_file()).unwrap();
        let text = format!("# mine\n{text}keep = true # why\n");
        std::fs::write(places.config_file(), &text).unwrap();
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("work")).unwrap();
        assert_eq!(std::fs::read_to_string(places.config_file()).unwrap(), text);
    }

    #[test]
    fn a_renamed_account_keeps_its_lines_and_its_old_name_until_the_mail_has_followed() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let mut accounts = Accounts::load(&places).unwrap();
        accounts.save(account("work")).unwrap();
        accounts.save(account("home")).unwrap();
        let text = std::fs::read_to_string(places.config_file()).unwrap();
        let at = text.find("[account.work.imap]").unwrap();
        let kept = format!("{}keep = true # why\n{}", &text[..at], &text[at..]);
        std::fs::write(places.config_file(), &kept).unwrap();
        let mut accounts = Accounts::load(&places).unwrap();
        assert!(accounts.rename("work", "home").is_err());
        assert!(matches!(accounts.rename("none", "job"), Err(Error::NoAccount(_))));
        accounts.rename("work", "job").unwrap();
        let mut accounts = Accounts::load(&places).unwrap();
        assert_eq!(accounts.find(Some("job")).unwrap(), &account("job"));
        assert!(accounts.find(Some("work")).is_err());
        assert_eq!(accounts.renaming(), [("work".to_owned(), "job".to_owned())]);
        // Another change meanwhile does not lose it.
        accounts.save(account("job")).unwrap();
        assert_eq!(Accounts::load(&places).unwrap().renaming().len(), 1);
        accounts.renamed("job").unwrap();
        assert_eq!(Accounts::load(&places).unwrap().renaming(), []);
        assert!(std::fs::read_to_string(places.config_file()).unwrap().contains("keep = true # why"));
    }

    #[test]
    fn the_file_says_where_the_password_is_and_never_repeats_one_that_was_written_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        let mut accounts = Accounts::load(&places).unwrap();
        let places_of =
            [SecretPlace::Keyring, SecretPlace::File, SecretPlace::Command("pass mail".to_owned())];
        for secret in places_of {
            accounts.save(Account { secret: secret.clone(), ..account("work") }).unwrap();
            assert_eq!(Accounts::load(&places).unwrap().find(None).unwrap().secret, secret);
        }
        accounts.save(Account { secret: SecretPlace::Keyring, ..account("work") }).unwrap();
        let text = std::fs::read_to_string(places.config_file()).unwrap();
        let text = text.replace("password-in = \"keyring\"", "password-in = \"hunter2\"");
        std::fs::write(places.config_file(), text).unwrap();
        let error = Accounts::load(&places).unwrap_err().to_string();
        assert!(error.contains("`password-in` must be") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_fault_in_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        for (text, expected) in [
            ("[account.a]\n", "account \"a\": `address` is missing"),
            (
                "[account.a]\naddress=\"x@y.z\"\n[account.a.imap]\nhost=\"h\"\nport=0\nsecurity=\"tls\"\nusername=\"u\"",
                "`port` must be",
            ),
            ("[account.a\n", "line 1"),
        ] {
            crate::places::replace(&places.config_file(), text.as_bytes()).unwrap();
            let error = Accounts::load(&places).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("config.toml"), "{error}");
        }
    }
}
