//! The system's Secret Service, a keyring that other programs ask over D-Bus (freedesktop.org, "Secret
//! Service API"): GNOME Keyring, KWallet, KeePassXC.
//!
//! Every call has a deadline: a machine without a bus, or with one on which nobody answers, costs seconds at
//! most. Only where the service asks the person itself, at a desktop, it is waited for longer.

use restante_core::Secret;
use secret_service::{Collection, EncryptionType, Error as ServiceError, Item, SecretService};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// For one answer of a service that has nothing to ask.
const ANSWER: Duration = Duration::from_secs(3);
/// For a person who types the keyring's own password.
const PERSON: Duration = Duration::from_secs(120);

/// One password in the keyring: what it is found by.
pub(super) struct Entry<'a> {
    /// The account's name.
    pub(super) account: &'a str,
    /// The folder of the configuration that the account is in: two of them may know accounts of one name.
    pub(super) folder: &'a Path,
}

/// Why the keyring was of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    /// No bus, or nobody on it.
    #[error("no keyring can be reached from here")]
    Unreachable,
    #[error("the keyring did not answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// It has to be unlocked, and there is no desktop on which it could ask.
    #[error("the keyring is locked")]
    Locked,
    #[error("the keyring was not unlocked")]
    Dismissed,
    /// It answers and has no such password.
    #[error("the keyring has no such password")]
    Absent,
    #[error("the keyring has something that is not UTF-8")]
    NotText,
    #[error("the keyring: {0}")]
    Other(String),
}

/// Whether a keyring answers.
pub(super) fn is_there() -> bool {
    work(async || {
        let service = connect().await?;
        within(ANSWER, collection(&service)).await.map(|_| ())
    })
    .is_ok()
}

/// Reads a password.
pub(super) fn load(entry: &Entry<'_>) -> Result<Secret, KeyringError> {
    work(async || {
        let service = connect().await?;
        let item = entry.find(&service).await?.ok_or(KeyringError::Absent)?;
        if within(ANSWER, item.is_locked()).await? {
            within(patience()?, item.unlock()).await?;
        }
        let bytes = within(ANSWER, item.get_secret()).await?;
        Ok(Secret::new(std::str::from_utf8(&bytes).map_err(|_| KeyringError::NotText)?))
    })
}

/// Writes a password in place of the one that was there.
pub(super) fn store(entry: &Entry<'_>, secret: &Secret) -> Result<(), KeyringError> {
    work(async || {
        let service = connect().await?;
        let collection = within(ANSWER, collection(&service)).await?;
        if within(ANSWER, collection.is_locked()).await? {
            within(patience()?, collection.unlock()).await?;
        }
        let label = format!("restante: {}", entry.account);
        let content = secret.expose().as_bytes();
        let folder = entry.folder_text();
        let made = collection.create_item(
            &label,
            entry.attributes(&folder),
            content,
            true,
            "text/plain; charset=utf8",
        );
        within(ANSWER, made).await.map(|_| ())
    })
}

/// Removes a password, if it is there.
pub(super) fn forget(entry: &Entry<'_>) -> Result<(), KeyringError> {
    work(async || {
        let service = connect().await?;
        let Some(item) = entry.find(&service).await? else { return Ok(()) };
        if within(ANSWER, item.is_locked()).await? {
            within(patience()?, item.unlock()).await?;
        }
        within(ANSWER, item.delete()).await
    })
}

impl Entry<'_> {
    fn folder_text(&self) -> String {
        // Absolute where that can be had: the same folder may be named from another place.
        std::path::absolute(self.folder).unwrap_or_else(|_| self.folder.to_owned()).display().to_string()
    }

    fn attributes<'a>(&'a self, folder: &'a str) -> HashMap<&'a str, &'a str> {
        HashMap::from([("application", "restante"), ("account", self.account), ("folder", folder)])
    }

    async fn find<'s>(&self, service: &'s SecretService<'s>) -> Result<Option<Item<'s>>, KeyringError> {
        let folder = self.folder_text();
        let found = within(ANSWER, service.search_items(self.attributes(&folder))).await?;
        Ok(found.unlocked.into_iter().chain(found.locked).next())
    }
}

/// The keyring that new passwords belong in. Without one that is the default, none is made: making one
/// would ask the person to invent a password for it.
async fn collection<'s>(service: &'s SecretService<'s>) -> Result<Collection<'s>, ServiceError> {
    service.get_default_collection().await
}

async fn connect() -> Result<SecretService<'static>, KeyringError> {
    within(ANSWER, SecretService::connect(EncryptionType::Dh)).await
}

/// How long a question of the keyring's own may stand, where it can ask one.
fn patience() -> Result<Duration, KeyringError> {
    let desktop = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if desktop("DISPLAY") || desktop("WAYLAND_DISPLAY") { Ok(PERSON) } else { Err(KeyringError::Locked) }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, ServiceError>>,
) -> Result<T, KeyringError> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(KeyringError::from),
        Err(_) => Err(KeyringError::Silent(limit)),
    }
}

/// Runs calls to the bus on a thread with a loop of its own, because whoever needs a password may be inside
/// a loop that must not be entered twice.
fn work<T: Send>(calls: impl AsyncFnOnce() -> Result<T, KeyringError> + Send) -> Result<T, KeyringError> {
    // Without an address of a bus there is none that is meant for this program: none is guessed.
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !named("DBUS_SESSION_BUS_ADDRESS") && !named("XDG_RUNTIME_DIR") {
        return Err(KeyringError::Unreachable);
    }
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| KeyringError::Other(error.to_string()))?;
        let answer = runtime.block_on(calls());
        // What the bus has not answered by now is not waited for.
        runtime.shutdown_background();
        answer
    };
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|_| Err(KeyringError::Other("the conversation with it broke off".to_owned())))
}

impl From<ServiceError> for KeyringError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Unavailable => Self::Unreachable,
            ServiceError::Locked => Self::Locked,
            ServiceError::NoResult => Self::Absent,
            ServiceError::Prompt | ServiceError::PromptDisconnected => Self::Dismissed,
            // A bus that is gone, or on which nobody keeps secrets: the text is of no use to a person.
            ServiceError::Zbus(_) | ServiceError::ZbusFdo(_) => Self::Unreachable,
            other => Self::Other(other.to_string()),
        }
    }
}
