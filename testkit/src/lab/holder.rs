//! The process a laboratory lives in: it prepares the world, starts the servers, and ends with them.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};

use super::ca::Ca;
use super::launch::Mode;
use super::net::Net;
use super::state::{State, write_atomically};
use super::{courier, cyrus, dns, domains, dovecot, odd, policy, postfix, web};
use crate::{Context, Result};

/// How long the servers may take to answer for the first time.
const START: Duration = Duration::from_secs(20);

/// Runs the laboratory in this process until it is told to end (SIGTERM) or a server dies.
///
/// Called inside the namespaces that [`super::up`] made. `name` chooses the addresses when there are none.
pub fn serve(state: &State, name: &str, mode: Mode) -> Result<()> {
    let net = match mode {
        Mode::Namespace | Mode::UserNamespace => {
            isolate(state)?;
            Net::in_namespace()
        }
        Mode::Host => Net::on_host(name),
    };
    let ca = Arc::new(Ca::new()?);
    ca.write(&state.ca(), &domains::certificate_names())?;
    domains::write(state, net)?;
    let mut servers = Servers(Vec::new());
    dovecot::prepare(state, net)?;
    servers.0.push(("Dovecot", dovecot::start(state)?));
    if mode.has_postfix() {
        postfix::prepare(state, net)?;
        servers.0.push(("Postfix", postfix::start(state)?));
    }
    if mode.has_cyrus_and_courier() {
        cyrus::prepare(state, net)?;
        courier::prepare(state)?;
        servers.0.push(("Cyrus", cyrus::start(state)?));
        servers.0.push(("Courier", courier::start(state, net)?));
    }
    // One thread: the servers' children die with the thread that started them (PR_SET_PDEATHSIG).
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut end = signal(SignalKind::terminate())?;
        dns::start(net.dns(), state.zones()).await?;
        web::start(net.web(), state.clone(), Arc::clone(&ca)).await?;
        policy::start(net.mail(), state.clone()).await?;
        if mode.has_cyrus_and_courier() {
            cyrus::keep_log(state)?;
            courier::answer_logins(state)?;
        }
        odd::start(net, state, &ca).await?;
        wait_for_servers(net, mode, &mut servers).await?;
        write_atomically(&state.description(), description(net, mode).as_bytes())?;
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                _ = end.recv() => return Ok(()),
                _ = look.tick() => servers.check()?,
            }
        }
    })
}

struct Servers(Vec<(&'static str, Child)>);

impl Servers {
    /// Fails when one has ended.
    fn check(&mut self) -> Result<()> {
        for (name, child) in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                return Err(format!("{name} ended: {status}").into());
            }
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, child) in &self.0 {
            let _ = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        for (_, child) in &mut self.0 {
            while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes the new namespaces habitable: loopback, low ports for everybody, our DNS.
fn isolate(state: &State) -> Result<()> {
    command("ip", &["link", "set", "lo", "up"])?;
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")
        .context(|| "cannot open the low ports".into())?;
    let dns = Net::in_namespace().dns();
    let resolv = format!("nameserver {dns}\noptions timeout:2 attempts:2 trust-ad\n");
    cover(state, "/etc/resolv.conf", &resolv)?;
    // Some systems ask a daemon outside before they look at resolv.conf.
    if let Ok(text) = fs::read_to_string("/etc/nsswitch.conf") {
        let ours: String =
            text.lines()
                .map(|line| {
                    if line.starts_with("hosts:") { "hosts: files dns\n".into() } else { format!("{line}\n") }
                })
                .collect();
        cover(state, "/etc/nsswitch.conf", &ours)?;
    }
    Ok(())
}

/// Puts our text in the place of a system file, for this mount namespace only.
fn cover(state: &State, path: &str, text: &str) -> Result<()> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ours = state.dir().join(name);
    fs::write(&ours, text).context(|| format!("cannot write {}", ours.display()))?;
    command("mount", &["--bind", &ours.display().to_string(), path])
}

fn command(program: &str, args: &[&str]) -> Result<()> {
    let status = Command::new(program).args(args).status().context(|| format!("cannot start {program}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {}: {status}", args.join(" ")).into()) }
}

async fn wait_for_servers(net: Net, mode: Mode, servers: &mut Servers) -> Result<()> {
    let mut ports: Vec<(Ipv4Addr, u16)> = [993, 143, 24, 12345].map(|port| (net.mail(), port)).to_vec();
    if mode.has_postfix() {
        ports.extend([25, 465, 587].map(|port| (net.mail(), port)));
    }
    if mode.has_cyrus_and_courier() {
        ports.extend([993, 143, 24].map(|port| (net.cyrus(), port)));
        ports.extend([993, 143].map(|port| (net.courier(), port)));
    }
    let deadline = Instant::now() + START;
    for (address, port) in ports {
        while TcpStream::connect((IpAddr::from(address), port)).await.is_err() {
            servers.check()?;
            if Instant::now() > deadline {
                return Err(format!("nobody listens on {address}:{port}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

fn description(net: Net, mode: Mode) -> String {
    serde_json::json!({
        "mode": mode.name(),
        "prefix": net.prefix(),
        "mail": net.mail().to_string(),
        "dns": net.dns().to_string(),
        "web": net.web().to_string(),
        "postfix": mode.has_postfix(),
    })
    .to_string()
}
