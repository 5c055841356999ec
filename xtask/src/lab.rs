//! `cargo xtask lab`: the laboratory of real servers (see `testkit::lab`).

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use testkit::lab::{self, DOMAINS, Lab, Mode, PASSWORD, State};
use testkit::mail::Plan;
use testkit::{Context, Result};

use crate::programs::{cargo, succeed, target};

const DEFAULT: &str = "default";

/// Runs `lab WORDS` and gives the exit code.
pub(crate) fn run(mut words: Vec<OsString>) -> Result<i32> {
    let command = if words.is_empty() { OsString::new() } else { words.remove(0) };
    match command.to_str() {
        Some("up") => up(words),
        Some("down") => down(words),
        Some("status") => status(words),
        Some("run") => inside(words),
        Some("mail") => mail(words),
        Some("serve") => serve(&words),
        _ => Err("lab what? up, down, status, run -- CMD, or mail USER".into()),
    }
}

fn up(words: Vec<OsString>) -> Result<i32> {
    if let Some(code) = become_root(&words, "up")? {
        return Ok(code);
    }
    let mut options = Options::read(words)?;
    let name = options.name()?;
    options.end()?;
    let state = State::place(&target()?, &name)?;
    let start = Instant::now();
    let lab = start_lab(&state, &name, false)?;
    let ready = start.elapsed().as_secs_f32();
    describe(&lab, &name);
    eprintln!("ready after {ready:.1} s");
    Ok(0)
}

fn down(words: Vec<OsString>) -> Result<i32> {
    if let Some(code) = become_root(&words, "down")? {
        return Ok(code);
    }
    let mut options = Options::read(words)?;
    let name = options.name()?;
    options.end()?;
    let ran = lab::down(&State::place(&target()?, &name)?)?;
    eprintln!(
        "{}",
        if ran { format!("laboratory {name} has ended") } else { format!("no laboratory {name} ran") }
    );
    Ok(0)
}

fn status(words: Vec<OsString>) -> Result<i32> {
    Options::read(words)?.end()?;
    let target = target()?;
    let mut found = 0;
    let mut names: Vec<String> = std::fs::read_dir(target.join("lab"))
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    names.sort();
    for name in names {
        if let Some(lab) = State::place(&target, &name).ok().and_then(|state| lab::running(&state)) {
            found += 1;
            println!("{name}: runs ({}), state in {}", lab.mode().name(), lab.state().dir().display());
        }
    }
    if found == 0 {
        println!("no laboratory runs");
    }
    Ok(i32::from(found == 0))
}

fn inside(mut words: Vec<OsString>) -> Result<i32> {
    let at = words.iter().position(|word| word == "--").ok_or("lab run [--name NAME] -- CMD")?;
    let wants_program = !is_cargo(words.get(at + 1));
    // Root must not own what an ordinary user builds.
    if wants_program && !is_sudo() {
        succeed(cargo(&["build", "--quiet", "--package", "restante"]).stdout(Stdio::null()))?;
    }
    if let Some(code) = become_root(&words, "run")? {
        return Ok(code);
    }
    let mut command = words.split_off(at + 1);
    if wants_program && !command.is_empty() {
        command.splice(0..0, ["env".into(), path_with_program()?]);
    }
    words.truncate(at);
    let mut options = Options::read(words)?;
    let given = options.value("--name")?;
    options.end()?;
    let name = given.clone().unwrap_or_else(|| DEFAULT.into());
    if let Some(lab) = lab::running(&State::place(&target()?, &name)?) {
        return lab::run(&lab, &command);
    }
    if let Some(name) = given {
        return Err(format!("no laboratory {name} runs: cargo xtask lab up --name {name}").into());
    }
    let name = format!("run-{}", std::process::id());
    let state = State::place(&target()?, &name)?;
    let lab = start_lab(&state, &name, true)?;
    let code = lab::run(&lab, &command);
    lab::down(&state)?;
    if matches!(code, Ok(0)) {
        state.remove()?;
        // Where the state lies elsewhere, a link is left.
        let _ = std::fs::remove_file(target()?.join("lab").join(&name));
    } else {
        eprintln!("the servers' logs are below {}", state.dir().display());
    }
    code
}

/// Cargo builds what it needs by itself, also for other programs than ours.
fn is_cargo(program: Option<&OsString>) -> bool {
    program.is_some_and(|program| Path::new(program).file_stem().is_some_and(|stem| stem == "cargo"))
}

/// `PATH=…` with the folder of the built `restante` first.
fn path_with_program() -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(target()?.join("debug")).chain(std::env::split_paths(&path));
    let mut pair = OsString::from("PATH=");
    pair.push(std::env::join_paths(folders)?);
    Ok(pair)
}

/// Whether an ordinary user's command was started again as root.
fn is_sudo() -> bool {
    std::env::var_os("RESTANTE_SUDO").is_some()
}

fn mail(words: Vec<OsString>) -> Result<i32> {
    if let Some(code) = become_root(&words, "mail")? {
        return Ok(code);
    }
    let mut options = Options::read(words)?;
    let name = options.name()?;
    let number = |options: &mut Options, name: &str| -> Result<Option<u64>> {
        options.value(name)?.map(|text| text.parse().context(|| format!("{name} {text}"))).transpose()
    };
    let count = number(&mut options, "--count")?.unwrap_or(1000) as usize;
    let mean = number(&mut options, "--mean-kb")?.unwrap_or(13) as usize * 1024;
    let seed = number(&mut options, "--seed")?.unwrap_or(1);
    let many = options.flag("--mailboxes");
    let user = options.word("USER, a full address")?;
    options.end()?;
    let lab = lab::running(&State::place(&target()?, &name)?)
        .ok_or_else(|| format!("no laboratory {name} runs: cargo xtask lab up"))?;
    let plan = if many { Plan::household(&user, count) } else { Plan::inbox(&user, count) };
    let start = Instant::now();
    let bytes = lab.fill(&user, &plan.seed(seed).mean_bytes(mean))?;
    eprintln!("{count} messages, {} MB, {:.1} s", bytes / 1_000_000, start.elapsed().as_secs_f32());
    Ok(0)
}

/// Hidden: the process inside the namespaces.
fn serve(words: &[OsString]) -> Result<i32> {
    let [dir, name, mode] = words else { return Err("lab serve DIR NAME MODE".into()) };
    let name = name.to_str().ok_or("a name is text")?;
    let mode = mode.to_str().and_then(Mode::from_name).ok_or("unknown mode")?;
    lab::serve(&State::at(dir), name, mode)?;
    Ok(0)
}

/// Starts a laboratory, installing what it needs first.
pub(crate) fn start_lab(state: &State, name: &str, ephemeral: bool) -> Result<Lab> {
    lab::install(&lab::missing(Path::new("/")))?;
    if lab::uid() == 0 {
        lab::unpack(state)?;
    }
    if let Err(error) = lab::Browser::unpack(state) {
        eprintln!("there is no browser, so the tests with one will fail: {error}");
    }
    let lab = lab::up(&std::env::current_exe()?, state, name, ephemeral)?;
    match lab.mode() {
        Mode::Namespace => {}
        Mode::UserNamespace => eprintln!("without root there is no Postfix: what sends mail will fail"),
        Mode::Host => eprintln!(
            "namespaces are refused here: names resolve only by asking {}, and the servers are on {}",
            lab.dns(),
            lab.net().mail()
        ),
    }
    Ok(lab)
}

/// An ordinary user who may use sudo runs the same command as root; gives its exit code.
fn become_root(words: &[OsString], command: &str) -> Result<Option<i32>> {
    if lab::uid() == 0 || is_sudo() || Command::new("sudo").arg("-V").output().is_err() {
        return Ok(None);
    }
    let mut sudo = Command::new("sudo");
    // Without a terminal nobody can type a password.
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        sudo.arg("-n");
        if !Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|out| out.status.success()) {
            return Ok(None);
        }
    }
    sudo.args(["env", "RESTANTE_SUDO=1"]);
    for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "CARGO"] {
        if let Some(value) = std::env::var_os(name) {
            let mut pair = OsString::from(format!("{name}="));
            pair.push(value);
            sudo.arg(pair);
        }
    }
    let status = sudo.arg(std::env::current_exe()?).args(["lab", command]).args(words).status()?;
    Ok(Some(status.code().unwrap_or(1)))
}

fn describe(lab: &Lab, name: &str) {
    let net = lab.net();
    let option = if name == DEFAULT { String::new() } else { format!(" --name {name}") };
    println!("laboratory {name}: {} ({})", lab.state().dir().display(), lab.mode().name());
    println!("  {:<12} Dovecot 993 143, Postfix 587 465 25", net.mail());
    println!("  {:<12} Cyrus 993 143", net.cyrus());
    println!("  {:<12} Courier 993 143", net.courier());
    println!("  {:<12} DNS", net.dns());
    println!("  {:<12} web 443 80", net.web());
    println!("  trust        {}", lab.ca_file().display());
    println!("domains (any address is a user, the password is \"{PASSWORD}\"):");
    for domain in DOMAINS {
        println!("  {:<16} {}", domain.name, domain.shows);
    }
    println!("try:");
    println!("  cargo xtask lab mail me@autoconfig.test --count 500{option}");
    println!("  cargo xtask lab run{option} -- openssl s_client -quiet -connect imap.autoconfig.test:993");
    println!("  cargo xtask lab run{option} -- restante discover me@autoconfig.test");
}

struct Options {
    words: Vec<String>,
}

impl Options {
    fn read(words: Vec<OsString>) -> Result<Self> {
        let words: std::result::Result<_, _> = words.into_iter().map(OsString::into_string).collect();
        Ok(Self { words: words.map_err(|word| format!("{} is not text", word.display()))? })
    }

    fn name(&mut self) -> Result<String> {
        Ok(self.value("--name")?.unwrap_or_else(|| DEFAULT.into()))
    }

    fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.words.len() {
            return Err(format!("{name} needs a value").into());
        }
        self.words.remove(at);
        Ok(Some(self.words.remove(at)))
    }

    fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    fn word(&mut self, what: &str) -> Result<String> {
        if self.words.first().is_none_or(|word| word.starts_with('-')) {
            return Err(format!("{what} is missing").into());
        }
        Ok(self.words.remove(0))
    }

    fn end(self) -> Result<()> {
        match self.words.first() {
            Some(word) => Err(format!("what is {word:?}? See cargo xtask --help").into()),
            None => Ok(()),
        }
    }
}
