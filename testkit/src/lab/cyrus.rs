//! Cyrus, from unpacked packages: any full address is a user, whose mailboxes appear with the first login or mail.
//!
//! What a client meets here and not at Dovecot: mailboxes below `INBOX.`, special uses in lower case, `NO` without
//! a response code to a wrong password, SCRAM-SHA-256-PLUS, `LOGINDISABLED` even after the login.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram as Socket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::net::UnixDatagram;

use super::PASSWORD;
use super::net::Net;
use super::postfix::account;
use super::state::State;
use super::unpack::Programs;
use crate::{Context, Result};

/// The account the servers run as. Every system has it, and nothing else uses it while the laboratory runs.
pub(crate) const ACCOUNT: &str = "mail";

/// Writes the configuration and an empty store below `cyrus/`.
pub(crate) fn prepare(state: &State, net: Net) -> Result<()> {
    let dir = state.cyrus();
    let (user, group) = account(ACCOUNT)?;
    let stores = ["db", "log", "msg", "proc", "lock", "ptclient", "quota", "sieve", "socket", "user"];
    let stores = stores.map(|name| format!("conf/{name}"));
    for name in ["conf", "spool", "run"].into_iter().chain(stores.iter().map(String::as_str)) {
        let folder = dir.join(name);
        fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
        chown(&folder, Some(user), Some(group))?;
    }
    for name in ["dev", "log"] {
        fs::create_dir_all(dir.join(name))?;
    }
    // It learns from this whether its databases survived a crash; new ones did.
    fs::write(dir.join("conf/db/skipstamp"), [0; 8])?;
    fs::write(dir.join("sasl.db"), "")?;
    fs::copy(state.ca().join("good.key"), dir.join("server.key"))?;
    for name in ["server.key", "sasl.db", "conf/db/skipstamp"] {
        chown(dir.join(name), Some(user), Some(group))?;
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600))?;
    }
    let programs = Programs::of(state, "cyrus");
    fs::write(dir.join("imapd.conf"), imapd_conf(state))?;
    fs::write(dir.join("cyrus.conf"), cyrus_conf(&dir, net, &programs.path("usr/lib/cyrus/bin")))
        .context(|| format!("cannot write below {}", dir.display()))
}

/// Starts the master as a child in a process group of its own.
///
/// It logs to syslog only, so it gets a `/dev` of its own, where `/dev/log` is ours.
pub(crate) fn start(state: &State) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    const SCRIPT: &str = r#"set -e
for name in null zero random urandom; do
  : > "$1/dev/$name"
  mount --bind "/dev/$name" "$1/dev/$name"
done
mount --rbind "$1/dev" /dev
exec "$2" -C "$1/imapd.conf" -M "$1/cyrus.conf" -p "$1/run/pid" -D"#;
    let dir = state.cyrus();
    let programs = Programs::of(state, "cyrus");
    let out = fs::File::create(dir.join("log/out.log"))?;
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "unshare", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(&dir)
        .arg(programs.path("usr/lib/cyrus/bin/master"))
        .env("LD_LIBRARY_PATH", programs.libraries())
        .env("SASL_PATH", programs.sasl())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context(|| "cannot start Cyrus".into())
}

/// Writes what Cyrus logs to `cyrus/log/cyrus.log`, for as long as the runtime lives.
pub(crate) fn keep_log(state: &State) -> Result<()> {
    use std::io::Write;
    let dir = state.cyrus();
    let path = dir.join("dev/log");
    let socket = Socket::bind(&path).context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    socket.set_nonblocking(true)?;
    let socket = UnixDatagram::from_std(socket)?;
    let mut file = fs::File::create(dir.join("log/cyrus.log"))?;
    tokio::spawn(async move {
        let mut line = vec![0; 64 * 1024];
        while let Ok(length) = socket.recv(&mut line).await {
            let said = line.get(..length).unwrap_or_default();
            let _ = file.write_all(&[said.trim_ascii_end(), b"\n"].concat());
        }
    });
    Ok(())
}

fn imapd_conf(state: &State) -> String {
    let dir = state.cyrus();
    let (c, ca) = (dir.display(), state.ca());
    let ca = ca.display();
    // sasl_sql_select: a constant, so that every user has this password, as secret of SCRAM too.
    // defaultdomain: the domain of this name would be cut off its users' names.
    format!(
        "configdirectory: {c}/conf
partition-default: {c}/spool
defaultpartition: default
proc_path: {c}/conf/proc
mboxname_lockpath: {c}/conf/lock
lmtpsocket: {c}/run/lmtp
idlesocket: {c}/run/idle
notifysocket: {c}/run/notify
sieveusehomedir: false
sievedir: {c}/conf/sieve
cyrus_user: {ACCOUNT}
altnamespace: no
unixhierarchysep: no
virtdomains: userid
defaultdomain: lab.invalid
servername: imap.cyrus.test
allowplaintext: no
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sql
sasl_sql_engine: sqlite3
sasl_sql_database: {c}/sasl.db
sasl_sql_select: SELECT '{PASSWORD}'
sasl_mech_list: PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS CRAM-MD5
sasl_minimum_layer: 0
tls_server_cert: {ca}/good.pem
tls_server_key: {c}/server.key
tls_versions: tls1_2 tls1_3
tls_sessions_db_path: {c}/conf/tls_sessions.db
autocreate_quota: 5242880
autocreate_post: yes
autocreate_inbox_folders: Drafts | Sent | Trash | Junk | Archive
autocreate_subscribe_folders: Drafts | Sent | Trash | Junk | Archive
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
xlist-junk: Junk
xlist-archive: Archive
conversations: yes
imapidlepoll: 1
failedloginpause: 0
lmtp_downcase_rcpt: yes
"
    )
}

fn cyrus_conf(dir: &Path, net: Net, bin: &Path) -> String {
    let (c, bin, address) = (dir.display(), bin.display(), net.cyrus());
    let service = |name: &str, program: &str, port: u16, prefork: u8| {
        format!("  {name} cmd=\"{bin}/{program}\" listen=\"{address}:{port}\" proto=tcp4 prefork={prefork}\n")
    };
    let mut text = format!("START {{\n}}\nDAEMON {{\n  idled cmd=\"{bin}/idled -C {c}/imapd.conf\"\n}}\n");
    text.push_str("SERVICES {\n");
    text.push_str(&service("imap", &format!("imapd -C {c}/imapd.conf -U 50"), 143, 0));
    text.push_str(&service("imaps", &format!("imapd -C {c}/imapd.conf -s -U 50"), 993, 1));
    text.push_str(&service("lmtp", &format!("lmtpd -C {c}/imapd.conf -a"), 24, 0));
    text.push_str("}\nEVENTS {\n}\n");
    text
}
