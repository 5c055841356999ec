//! A browser without a window: what it fetches, and what it makes of a page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::unpack::{Programs, fetch};
use super::{State, program};
use crate::{Context, Result};

const NAME: &str = "chromium";
const PROOF: &str = "usr/lib/chromium/chromium-headless-shell";
/// Programs that do as well, where they are installed.
const INSTALLED: [&str; 5] =
    ["chromium-headless-shell", "chrome-headless-shell", "chromium", "google-chrome", "chromium-browser"];

/// Headless Chromium.
#[derive(Clone, Debug)]
pub struct Browser {
    program: PathBuf,
    libraries: String,
}

/// What a browser made of a page.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The document after everything was loaded and every script had its time.
    pub dom: String,
    /// What it complained about.
    pub said: String,
}

impl Browser {
    /// Fetches and unpacks Chromium next to `state`, unless one is there or installed.
    ///
    /// # Errors
    /// When the package can be neither found nor fetched.
    pub fn unpack(state: &State) -> Result<()> {
        if Self::find(state).is_none() {
            eprintln!("unpacking chromium-headless-shell");
            fetch(&state.programs(), NAME, &["chromium-headless-shell"])?;
        }
        Ok(())
    }

    /// The browser that is there.
    #[must_use]
    pub fn find(state: &State) -> Option<Self> {
        let programs = Programs::of(state, NAME);
        let unpacked = programs.path(PROOF);
        if unpacked.exists() {
            return Some(Self { program: unpacked, libraries: programs.libraries_with("pulseaudio") });
        }
        let installed = INSTALLED.iter().find(|name| program(Path::new("/"), name))?;
        Some(Self { program: PathBuf::from(installed), libraries: String::new() })
    }

    /// Visits an address and waits until nothing happens any more. Whatever host a page names but 127.0.0.1, it is
    /// `everybody` that is asked. `home` is an empty folder.
    ///
    /// # Errors
    /// When the browser cannot be started, or ends badly.
    pub fn visit(&self, url: &str, everybody: SocketAddr, home: &Path) -> Result<Visit> {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--enable-logging=stderr", "--virtual-time-budget=4000", "--timeout=20000"])
            .arg(format!("--user-data-dir={}", home.join("profile").display()))
            .arg(format!("--host-resolver-rules=MAP * {everybody}, EXCLUDE 127.0.0.1"))
            .args(["--dump-dom", url])
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null());
        if !self.libraries.is_empty() {
            command.env("LD_LIBRARY_PATH", &self.libraries);
        }
        let output = command.output().context(|| format!("cannot start {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(format!("the browser ended with {}: {said}", output.status).into());
        }
        Ok(Visit { dom: String::from_utf8_lossy(&output.stdout).into_owned(), said })
    }
}

/// A web server that answers everything, with nothing or with what it was given, and knows what it was asked.
#[derive(Debug)]
pub struct Everybody {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Everybody {
    /// Listens on this machine. `answers` are pairs of a path and the whole answer, head and body.
    ///
    /// # Errors
    /// When there is no port.
    pub fn listen(answers: Vec<(String, String)>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heard, answers) = (Arc::clone(&asked), Arc::new(answers));
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, answers) = (Arc::clone(&heard), Arc::clone(&answers));
                thread::spawn(move || answer(stream, &heard, &answers));
            }
        });
        Ok(Self { address, asked })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The head of every request so far; `connected` for a connection without one.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stream: TcpStream, heard: &Mutex<Vec<String>>, answers: &[(String, String)]) {
    let note = |what: String| heard.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    // A connection alone tells who reads; what is not a request is not waited for.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut head = String::new();
    let mut reader = BufReader::new((&stream).take(16 * 1024));
    while !head.ends_with("\r\n\r\n") {
        if !matches!(reader.read_line(&mut head), Ok(1..)) {
            break;
        }
    }
    if head.is_empty() {
        return note("connected".to_owned());
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    note(head);
    let known = answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| answer.as_str());
    let nothing =
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // It may have gone.
    let _ = (&stream).write_all(known.unwrap_or(nothing).as_bytes());
}
