//! Postfix with a configuration, a queue and a log of its own: submission, and delivery to Dovecot by LMTP.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::ca::Variant;
use super::cyrus::ACCOUNT;
use super::net::Net;
use super::odd::AUTH_PORT;
use super::state::State;
use crate::{Context, Result};

/// The largest message Postfix takes: 20 MB.
pub const MESSAGE_SIZE_LIMIT: usize = 20 * 1024 * 1024;

/// The program; it is not on the path.
pub(crate) const MASTER: &str = "/usr/lib/postfix/sbin/master";

/// Delivers standard input to the Maildir of `$2`, an address, below the homes of `$1`.
const INTO_MAILDIR: &str = r#"set -e
case $2 in */* | .* | *@.*) exit 67 ;; esac
maildir=$1/${2##*@}/${2%@*}/Maildir
mkdir -p "$maildir/cur" "$maildir/new" "$maildir/tmp"
name=$(date +%s.%N)_$$.lab
cat > "$maildir/tmp/$name"
mv "$maildir/tmp/$name" "$maildir/new/$name"
"#;

/// Writes the configuration and an empty queue below `postfix/`.
pub(crate) fn prepare(state: &State, net: Net) -> Result<()> {
    let dir = state.postfix();
    let (etc, queue, data, log) = (dir.join("etc"), dir.join("queue"), dir.join("data"), dir.join("log"));
    for path in [&etc, &queue, &data, &log] {
        fs::create_dir_all(path).context(|| format!("cannot create {}", path.display()))?;
    }
    for name in ["postfix-files.d", "dynamicmaps.cf.d"] {
        fs::create_dir_all(etc.join(name))?;
    }
    for name in ["postfix-files", "dynamicmaps.cf"] {
        fs::write(etc.join(name), fs::read(Path::new("/etc/postfix").join(name)).unwrap_or_default())?;
    }
    for (name, content) in [
        ("main.cf", main_cf(state, net)),
        ("master.cf", master_cf(state, net)),
        // Any domain below .test is delivered here.
        ("domains", "/\\.test$/ lmtp\n".into()),
        (
            "transport",
            format!("/@cyrus\\.test$/ lmtp:inet:{}:24\n/@courier\\.test$/ courier:\n", net.cyrus()),
        ),
        ("recipients", "if !/^nobody-/\n/@/ known\nendif\n".into()),
        // Everybody may send as himself, and with his own +extension.
        ("senders", "/^([^+@]+)\\+[^@]*(@.*)$/ $1$2\n/^(.*)$/ $1\n".into()),
        ("access", "/^later-/ 450 4.2.1 The mailbox is busy, try again later\n".into()),
    ] {
        write_old(&etc.join(name), &content)?;
    }
    fs::write(etc.join("into-maildir"), INTO_MAILDIR)?;
    let (user, group) = identity()?;
    chown(&data, Some(user), None)?;
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
        "trace",
    ] {
        folder(&queue.join(name), Some(user), None, 0o700)?;
    }
    folder(&queue.join("pid"), None, None, 0o755)?;
    folder(&queue.join("public"), Some(user), Some(group), 0o2710)?;
    folder(&queue.join("maildrop"), Some(user), Some(group), 0o1730)
}

/// Starts the master as a child in a process group of its own, which it needs in order to end cleanly.
pub(crate) fn start(state: &State) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    let out = fs::File::create(state.postfix().join("log/out.log"))?;
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", MASTER, "-d", "-c"])
        .arg(state.postfix().join("etc"))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context(|| format!("cannot start {MASTER}"))
}

/// Postfix reads a file again and again until it is more than a second old, in every process: so make it old.
fn write_old(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).context(|| format!("cannot write {}", path.display()))?;
    let file = fs::File::options().write(true).open(path)?;
    Ok(file.set_modified(SystemTime::now() - Duration::from_secs(3600))?)
}

fn folder(path: &Path, user: Option<u32>, group: Option<u32>, mode: u32) -> Result<()> {
    fs::create_dir_all(path)?;
    chown(path, user, group)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .context(|| format!("cannot prepare {}", path.display()))
}

/// Postfix's user and the group of its drop folder, by who owns what the package installed.
fn identity() -> Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let user =
        numeric(&passwd, "postfix").ok_or("there is no user `postfix`: install the package postfix")?;
    let groups = fs::read_to_string("/etc/group")?;
    let group = numeric(&groups, "postdrop")
        .or_else(|| fs::metadata("/var/spool/postfix/maildrop").ok().map(|meta| meta.gid()))
        .ok_or("there is no group `postdrop`: install the package postfix")?;
    Ok((user, group))
}

/// The numbers of an account and its group.
pub(crate) fn account(name: &str) -> Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
    let mut fields = line.unwrap_or_default().split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => Err(format!("there is no user `{name}` here").into()),
    }
}

fn numeric(table: &str, name: &str) -> Option<u32> {
    table.lines().map(|line| line.split(':')).find_map(|mut fields| {
        (fields.next() == Some(name)).then(|| fields.nth(1)).flatten().and_then(|id| id.parse().ok())
    })
}

fn main_cf(state: &State, net: Net) -> String {
    let dir = state.postfix();
    let (p, ca, mail) = (dir.display(), state.ca(), net.mail());
    let ca = ca.display();
    format!(
        "compatibility_level = 3.6
config_directory = {p}/etc
queue_directory = {p}/queue
data_directory = {p}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = {p}/etc
mail_owner = postfix
setgid_group = postdrop
maillog_file = {p}/log/mail.log
maillog_file_prefixes = {p}
myhostname = mx1.hoster.test
mydestination =
mynetworks =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
local_transport = error:5.1.1 there is no local mail
default_transport = error:5.1.2 there is nothing outside the laboratory
smtp_dns_support_level = disabled
smtp_host_lookup = native
biff = no
in_flow_delay = 0
virtual_mailbox_domains = regexp:{p}/etc/domains
virtual_mailbox_maps = regexp:{p}/etc/recipients
transport_maps = regexp:{p}/etc/transport
courier_destination_recipient_limit = 1
virtual_transport = lmtp:inet:{mail}:24
lmtp_destination_recipient_limit = 1
recipient_delimiter = +
message_size_limit = {MESSAGE_SIZE_LIMIT}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {ca}/good.pem
smtpd_tls_key_file = {ca}/good.key
smtpd_tls_auth_only = yes
tls_random_source = dev:/dev/urandom
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{mail}:12345
smtpd_sasl_security_options = noanonymous
smtpd_sender_login_maps = regexp:{p}/etc/senders
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = reject_non_fqdn_recipient, reject_unlisted_recipient, check_recipient_access regexp:{p}/etc/access
unknown_virtual_mailbox_reject_code = 550
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100
smtpd_hard_error_limit = 200
smtpd_client_connection_count_limit = 0
bounce_queue_lifetime = 1d
"
    )
}

fn master_cf(state: &State, net: Net) -> String {
    let ca = state.ca();
    let (ca, mail) = (ca.display(), net.mail());
    let submission = "-o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt \
                      -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject";
    let tls = "-o smtpd_tls_wrappermode=yes";
    let mut text = format!(
        "postlog unix-dgram n - n - 1 postlogd\n\
         {mail}:25 inet n - n - - smtpd\n\
         {mail}:587 inet n - n - - smtpd {submission}\n\
         {mail}:465 inet n - n - - smtpd {submission} {tls}\n"
    );
    for (address, variant) in [
        (net.expired(), Variant::Expired),
        (net.wrong_name(), Variant::WrongName),
        (net.self_signed(), Variant::SelfSigned),
        (net.untrusted(), Variant::Untrusted),
        (net.no_intermediate(), Variant::NoIntermediate),
        (net.not_yet(), Variant::NotYet),
    ] {
        let name = variant.name();
        let broken = format!("-o smtpd_tls_cert_file={ca}/{name}.pem -o smtpd_tls_key_file={ca}/{name}.key");
        text.push_str(&format!("{address}:587 inet n - n - - smtpd {submission} {broken}\n"));
        text.push_str(&format!("{address}:465 inet n - n - - smtpd {submission} {tls} {broken}\n"));
    }
    text.push_str(&format!(
        "{}:587 inet n - n - - smtpd {submission} -o smtpd_tls_security_level=none -o smtpd_tls_auth_only=no\n",
        net.no_tls()
    ));
    let dead = format!("-o smtpd_sasl_path=inet:{}:{AUTH_PORT}", net.dead_auth());
    let old = "-o smtpd_tls_protocols=TLSv1,TLSv1.1 -o smtpd_tls_mandatory_protocols=TLSv1,TLSv1.1 \
               -o smtpd_tls_mandatory_ciphers=low -o tls_low_cipherlist=ALL:@SECLEVEL=0";
    let open = submission
        .replace("sasl_auth_enable=yes", "sasl_auth_enable=no")
        .replace(" -o smtpd_client_restrictions=permit_sasl_authenticated,reject", "");
    let rejects = submission.replace("permit_sasl_authenticated,reject", "reject");
    let small = "-o message_size_limit=65536";
    let at_once = "-o smtpd_delay_reject=no";
    for (address, port, options) in [
        (net.limit(), 587, submission.to_owned()),
        (net.limit(), 465, format!("{submission} {tls}")),
        (net.old_tls(), 587, format!("{submission} {old}")),
        (net.old_tls(), 465, format!("{submission} {old} {tls}")),
        (net.no_auth(), 587, open.clone()),
        (net.no_auth(), 465, format!("{open} {tls}")),
        (net.dead_auth(), 587, format!("{submission} {dead}")),
        (net.dead_auth(), 465, format!("{submission} {dead} {tls}")),
        (net.small(), 587, format!("{submission} {small}")),
        (net.small(), 465, format!("{submission} {small} {tls}")),
        (net.rejects(), 587, rejects.clone()),
        (net.rejects(), 465, format!("{rejects} {at_once} {tls}")),
        (net.swapped(), 465, submission.to_owned()),
        (net.swapped(), 587, format!("{submission} {tls}")),
    ] {
        text.push_str(&format!("{address}:{port} inet n - n - - smtpd {options}\n"));
    }
    text.push_str(&format!(
        "courier unix - n n - - pipe flags=Ru user={ACCOUNT} argv=/bin/sh {}/etc/into-maildir {}/home ${{recipient}}\n",
        state.postfix().display(),
        state.dir().display()
    ));
    // name type private unpriv chroot wakeup maxproc command; never chroot.
    text.push_str(
        "pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
",
    );
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_numeric_id_is_found_by_whole_name() {
        let table = "postfixed:x:7:7::/:/bin/sh\npostfix:x:109:116::/var/spool/postfix:/usr/sbin/nologin\n";
        assert_eq!(super::numeric(table, "postfix"), Some(109));
        assert_eq!(super::numeric(table, "post"), None);
    }
}
