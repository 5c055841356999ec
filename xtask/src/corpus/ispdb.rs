//! The ISPDB's domains: what it publishes about each is served by the laboratory as a document, and
//! `restante discover` has to come to the same servers.
//!
//! FILE has one JSON object a line: `domains`, and `incoming` and `outgoing` servers as the document has them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;
use testkit::lab::Lab;
use testkit::{Context, Result};

use crate::programs::target;

/// Processes side by side.
const WORKERS: usize = 4;
/// The part before the `@` of every address asked about.
const LOCAL: &str = "ann.lee";

/// Asks about every domain, in the laboratory.
pub(super) fn inside(words: &[OsString]) -> Result<i32> {
    let [file] = words else { return Err("corpus ispdb FILE".into()) };
    let documents = documents(Path::new(file))?;
    let lab = Lab::current();
    let mut domains: BTreeMap<String, &Value> = BTreeMap::new();
    for document in &documents {
        let xml = xml(document);
        for domain in texts(&document["domains"]) {
            lab.zone(domain, "")?;
            lab.document("autoconfig.thunderbird.net", &format!("v1.1/{domain}"), &xml)?;
            domains.insert(domain.to_owned(), document);
        }
    }
    let begun = Instant::now();
    let domains: Vec<_> = domains.into_iter().collect();
    let results = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((domain, document)) = domains.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let judged = judge(&lab, domain, document);
                    if let Ok(mut results) = results.lock() {
                        results.insert(domain.clone(), judged);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| "a worker died")?;
    Ok(report(documents.len(), &results, begun.elapsed().as_secs_f32()))
}

fn documents(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).context(|| format!("cannot read {}", file.display()))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// What came of one domain: a class, and what was wrong.
struct Judged {
    class: &'static str,
    wrong: Vec<String>,
}

fn judge(lab: &Lab, domain: &str, document: &Value) -> Judged {
    let address = format!("{LOCAL}@{domain}");
    let (imap, smtp) =
        (first(&document["incoming"], "imap", domain), first(&document["outgoing"], "smtp", domain));
    let plain = texts_of(&document["incoming"]).any(|(kind, _)| kind == "imap");
    let class = match (&imap, &smtp) {
        (Some(_), Some(_)) => "IMAP and SMTP, both protected",
        (Some(_), None) => "IMAP protected, SMTP without encryption only",
        (None, _) if plain => "IMAP without encryption only",
        (None, _) => "POP3 only",
    };
    let mut wrong = Vec::new();
    match ask(lab, &address) {
        Err(error) => wrong.push(error.to_string()),
        Ok((status, found)) => {
            let best = &found["candidates"][0];
            let mut held = |what: &str, expected: &Option<Server>, settings: &Value| {
                let is = settings.as_array().and_then(|list| list.iter().find_map(Server::found));
                if is != *expected {
                    wrong.push(format!("{what}: published {}, found {}", shown(expected), shown(&is)));
                }
            };
            held("IMAP", &imap, &best["incoming"]);
            held("SMTP", &smtp, &best["outgoing"]);
            let verdict = found["findings"][0]["verdict"].as_str().unwrap_or("none");
            let expected = match class {
                "POP3 only" => ("no-mail-service", 68),
                "IMAP without encryption only" => ("starttls-not-offered", 76),
                _ => ("none", 0),
            };
            if (verdict, status) != expected {
                wrong.push(format!("{verdict}, exit code {status}; expected {expected:?}"));
            }
            if best["trusted"] != true {
                wrong.push(format!("not trusted: {}", best["why"]));
            }
            // What has no encryption is named as such.
            let open =
                |list: &Value| list.as_array().is_some_and(|l| l.iter().any(|s| s["security"] == "none"));
            let told = found["oddities"].as_array().is_some_and(|list| {
                list.iter().any(|oddity| oddity["text"].as_str().is_some_and(|t| t.contains("no encryption")))
            });
            if (open(&best["incoming"]) || open(&best["outgoing"])) && !told {
                wrong.push("servers without encryption are not named as such".to_owned());
            }
        }
    }
    Judged { class, wrong }
}

/// A protected server as it is used.
#[derive(PartialEq)]
struct Server {
    host: String,
    port: u64,
    security: String,
    username: String,
    authentication: Vec<String>,
}

impl Server {
    /// From restante's JSON, when it is of the protocols used and protected.
    fn found(settings: &Value) -> Option<Self> {
        let word = |name: &str| settings[name].as_str().unwrap_or_default().to_owned();
        let used = matches!(word("protocol").as_str(), "imap" | "smtp") && word("security") != "none";
        used.then(|| Self {
            host: word("host"),
            port: settings["port"].as_u64().unwrap_or_default(),
            security: word("security"),
            username: word("username"),
            authentication: texts(&settings["authentication"]).map(str::to_owned).collect(),
        })
    }
}

fn shown(server: &Option<Server>) -> String {
    server.as_ref().map_or("none".to_owned(), |s| {
        let logins = s.authentication.join(" ");
        format!("{}:{}/{} as {} by {logins}", s.host, s.port, s.security, s.username)
    })
}

/// The first protected server of a kind that the facts hold.
fn first(servers: &Value, kind: &str, domain: &str) -> Option<Server> {
    let filled = |text: &str| {
        let address = format!("{LOCAL}@{domain}");
        let text = text.replace("%EMAILADDRESS%", &address).replace("%EMAILLOCALPART%", LOCAL);
        text.replace("%EMAILDOMAIN%", domain)
    };
    texts_of(servers).filter(|(is, _)| *is == kind).find_map(|(_, server)| {
        let security = match server["socketType"].as_str()? {
            "SSL" => "tls",
            "STARTTLS" => "starttls",
            _ => return None,
        };
        let username = server["username"].as_str().unwrap_or("%EMAILADDRESS%");
        let authentication = texts(&server["authentication"]).map(|way| match way {
            "password-cleartext" => "password".to_owned(),
            "password-encrypted" => "cram-md5".to_owned(),
            other => other.to_ascii_lowercase(),
        });
        Some(Server {
            host: filled(server["host"].as_str()?),
            port: server["port"].as_u64()?,
            security: security.to_owned(),
            username: filled(username),
            authentication: authentication.collect(),
        })
    })
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn texts_of(servers: &Value) -> impl Iterator<Item = (&str, &Value)> {
    servers
        .as_array()
        .into_iter()
        .flatten()
        .map(|server| (server["type"].as_str().unwrap_or_default(), server))
}

/// What the program prints about an address, with its exit code.
pub(super) fn ask(lab: &Lab, address: &str) -> Result<(i32, Value)> {
    let program: PathBuf = target()?.join("debug/restante");
    let output = Command::new(program)
        .args(["discover", address, "--json"])
        .arg(format!("--dns={}", lab.dns()))
        .env("SSL_CERT_FILE", lab.ca_file())
        .stdin(Stdio::null())
        .output()?;
    let document = serde_json::from_slice(&output.stdout)
        .context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((output.status.code().unwrap_or(-1), document))
}

/// The document as the ISPDB has it, from the facts.
fn xml(document: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => escape(text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"{}\">\n<emailProvider id=\"{}\">\n",
        text(&document["version"]),
        text(&document["id"])
    );
    for domain in texts(&document["domains"]) {
        let _ = writeln!(out, "<domain>{}</domain>", escape(domain));
    }
    let _ = writeln!(out, "<displayName>{}</displayName>", text(&document["displayName"]));
    for (tag, list) in [("incomingServer", "incoming"), ("outgoingServer", "outgoing")] {
        for (kind, server) in texts_of(&document[list]) {
            let _ = writeln!(out, "<{tag} type=\"{}\">", escape(kind));
            for (name, field) in [
                ("hostname", "host"),
                ("port", "port"),
                ("socketType", "socketType"),
                ("username", "username"),
            ] {
                if matches!(server[field], Value::String(_) | Value::Number(_)) {
                    let _ = writeln!(out, "<{name}>{}</{name}>", text(&server[field]));
                }
            }
            for way in texts(&server["authentication"]) {
                let _ = writeln!(out, "<authentication>{}</authentication>", escape(way));
            }
            for (name, value) in server["extra"].as_object().into_iter().flatten() {
                if value.is_string() {
                    let _ = writeln!(out, "<{name}>{}</{name}>", text(value));
                }
            }
            let _ = writeln!(out, "</{tag}>");
        }
    }
    for enable in document["enable"].as_array().into_iter().flatten() {
        let _ = write!(out, "<enable visiturl=\"{}\">", text(&enable["url"]));
        for (lang, said) in enable["instruction"].as_object().into_iter().flatten() {
            let _ = write!(out, "<instruction lang=\"{}\">{}</instruction>", escape(lang), text(said));
        }
        out.push_str("</enable>\n");
    }
    out.push_str("</emailProvider>\n</clientConfig>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Prints the table and every deviation; the exit code.
fn report(documents: usize, results: &BTreeMap<String, Judged>, seconds: f32) -> i32 {
    let mut classes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for judged in results.values() {
        let (all, wrong) = classes.entry(judged.class).or_default();
        *all += 1;
        *wrong += usize::from(!judged.wrong.is_empty());
    }
    for (domain, judged) in results {
        for wrong in &judged.wrong {
            println!("{domain}: {wrong}");
        }
    }
    println!("\n{documents} documents, {} domains, {seconds:.0} s\n", results.len());
    println!("| what is published | domains | right | wrong |\n| --- | --- | --- | --- |");
    for (class, (all, wrong)) in &classes {
        println!("| {class} | {all} | {} | {wrong} |", all - wrong);
    }
    i32::from(classes.values().any(|(_, wrong)| *wrong > 0) || results.is_empty())
}
