//! A message in a browser: nothing of it runs, and no request leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;

use serde_json::Value;
use testkit::lab::{Browser, Everybody, Visit};

use crate::person::Person;

/// Every way to load something or to run something that a page has without a click. Each that loads asks for a path of
/// its own; a script that runs asks for one below `/ran/` and takes the title.
const HOSTILE: &str = include_str!("opening/hostile.html");
/// What cannot stand in the same page, because it leaves it.
const LEAVING: &str = "<meta http-equiv=refresh content='0;url=http://evil.test/refresh'>\
    <base href='http://evil.test/base/'><p>visible</p><img src=relative.png>";

/// Paths that a browser which is not held back asks for: else the tests of this file would prove nothing.
const SEEN: [&str; 50] = [
    "/img",
    "/srcset",
    "/source",
    "/input",
    "/css",
    "/import",
    "/sheet",
    "/sheet-inner",
    "/style",
    "/escaped",
    "/image-set",
    "/border",
    "/mask",
    "/cursor",
    "/shape",
    "/content",
    "/font",
    "/list",
    "/table",
    "/cell",
    "/script",
    "/module",
    "/modulepreload",
    "/preload",
    "/prefetch",
    "/iframe",
    "/object",
    "/embed",
    "/foreign",
    "/poster",
    "/video",
    "/audio",
    "/svg-image",
    "/icon-body",
    "/ran/script",
    "/ran/onerror",
    "/ran/upper",
    "/ran/onload",
    "/ran/inline",
    "/ran/svg",
    "/ran/svg-onload",
    "/ran/animate",
    "/ran/srcdoc",
    "/ran/details",
    "/ran/focus",
    "/ran/data-frame",
    "/ran/data-object",
    "/ran/style-comment",
    "/ran/comment",
    "/ran/textarea",
];

/// A browser, what it may ask of others, and a message to show.
struct Scene {
    person: Person,
    browser: Browser,
}

impl Scene {
    fn set() -> Self {
        let person = Person::new("autoconfig.test");
        let browser = Browser::find(person.lab.state()).expect("a browser: the laboratory unpacks one");
        Self { person, browser }
    }

    /// Writes a message with this HTML, and opens it: the running command and the page's address.
    fn open(&self, html: &str, options: &[&str]) -> (Child, String) {
        let message = format!(
            "From: \"service@bank.test\" <x@evil.test>\r\nTo: ann@autoconfig.test\r\nSubject: offer\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n--b\r\n\
             Content-Type: image/gif\r\nContent-ID: <dot@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n\
             R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=\r\n--b--\r\n"
        );
        fs::write(self.person.home().join("message.eml"), message).unwrap();
        let mut child = self
            .person
            .command(&[&["open", "message.eml", "--print-url"], options].concat())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (child, line.trim_end().to_owned())
    }

    fn visit(&self, url: &str, everybody: &Everybody) -> Visit {
        let home = tempfile::tempdir().unwrap();
        self.browser.visit(url, everybody.address(), home.path()).unwrap()
    }

    /// Opens a message and visits its page. What was asked of others comes with what the browser made of it.
    fn look(&self, html: &str, options: &[&str]) -> (Visit, Vec<String>) {
        let everybody = Everybody::listen(scripts()).unwrap();
        let (mut child, url) = self.open(html, options);
        let visit = self.visit(&url, &everybody);
        assert!(child.wait().unwrap().success(), "it ends when the page was fetched");
        (visit, everybody.asked())
    }

    /// Visits a page that a plain web server gives, with these fields in its head.
    fn look_at(&self, html: &str, fields: &str) -> (Visit, Vec<String>) {
        let page = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{fields}Connection: close\r\n\r\n{html}"
        );
        let server = Everybody::listen(vec![("/page".to_owned(), page)]).unwrap();
        let everybody = Everybody::listen(scripts()).unwrap();
        let visit = self.visit(&format!("http://{}/page", server.address()), &everybody);
        (visit, everybody.asked())
    }
}

/// What the others answer: scripts that run, sheets that load more.
fn scripts() -> Vec<(String, String)> {
    let answer = |kind: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let script =
        answer("text/javascript", "document.title='ran';new Image().src='http://evil.test/ran/script'");
    let sheet = answer("text/css", "body{background:url(http://evil.test/sheet-inner)}");
    vec![("/script".to_owned(), script), ("/sheet".to_owned(), sheet)]
}

fn has_run(visit: &Visit) -> bool {
    visit.dom.contains("<title>ran")
}

#[test]
fn a_browser_that_is_not_held_back_asks_and_runs() {
    let scene = Scene::set();
    let (visit, asked) = scene.look_at(HOSTILE, "");
    let missing: Vec<_> = SEEN
        .iter()
        .filter(|path| !asked.iter().any(|head| head.starts_with(&format!("GET {path} "))))
        .collect();
    assert!(missing.is_empty(), "{missing:?} were not asked for, of {asked:#?}");
    assert!(has_run(&visit), "{visit:?}");
    let (_, asked) = scene.look_at(LEAVING, "");
    assert!(asked.iter().any(|head| head.starts_with("GET /refresh ")), "{asked:?}");
}

#[test]
fn a_hostile_message_asks_nobody_and_runs_nothing() {
    let scene = Scene::set();
    for html in [HOSTILE, LEAVING] {
        let (visit, asked) = scene.look(html, &[]);
        assert_eq!(asked, [] as [&str; 0]);
        assert!(!has_run(&visit) && visit.dom.contains("visible"), "{visit:?}");
        assert!(
            !visit.said.contains("Content Security Policy"),
            "nothing was left for it to stop: {}",
            visit.said
        );
        assert!(visit.dom.contains("Beware: the name in from shows service@bank.test"), "{visit:?}");
    }
}

#[test]
fn the_page_alone_and_the_policy_alone_would_do() {
    let scene = Scene::set();
    for html in [HOSTILE, LEAVING] {
        // The page as it is served, without its policy.
        let (mut child, url) = scene.open(html, &[]);
        let page = fetched(&url);
        assert!(child.wait().unwrap().success());
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        let (visit, asked) = scene.look_at(body, "");
        assert_eq!(asked, [] as [&str; 0]);
        assert!(!has_run(&visit), "{visit:?}");
        // The message as it came, under that policy.
        let policy = head.lines().find(|line| line.starts_with("Content-Security-Policy:")).unwrap();
        let (visit, asked) = scene.look_at(html, &format!("{policy}\r\n"));
        let loaded: Vec<_> = asked.iter().filter(|head| *head != "connected").collect();
        assert_eq!(loaded, [] as [&str; 0]);
        assert!(!has_run(&visit), "{visit:?}");
    }
}

#[test]
fn pictures_of_others_come_when_asked_for_and_nothing_else() {
    let scene = Scene::set();
    let (visit, asked) = scene.look(HOSTILE, &["--remote"]);
    let mut paths: Vec<_> = asked.iter().filter_map(|head| head.split(' ').nth(1)).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths, ["/img", "/picture", "/srcset-src"], "{asked:#?}");
    assert!(asked.iter().all(|head| !head.to_lowercase().contains("referer:")), "{asked:?}");
    assert!(!has_run(&visit));
}

#[test]
fn a_picture_in_the_message_is_shown() {
    let scene = Scene::set();
    let (visit, asked) =
        scene.look("<p style='color:red'>visible<img src='cid:dot@x' width=9 height=9>", &[]);
    assert!(visit.dom.contains("<img src=\"data:image/gif;base64,R0lGODlh"), "{visit:?}");
    assert!(visit.dom.contains("style=\"color:red;\"") && asked.is_empty());
    assert!(
        !visit.said.contains("Refused") && !visit.said.contains("Content Security Policy"),
        "{}",
        visit.said
    );
}

#[test]
fn the_browser_that_was_named_gets_the_address_and_a_document_says_it() {
    let scene = Scene::set();
    let (mut child, _) = scene.open("visible", &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    // A browser that writes down the page: this test's own program would need a client, a shell has none.
    let script = scene.person.home().join("browser");
    fs::write(
        &script,
        "#!/bin/bash\nhost=${1#http://}; path=/${host#*/}; host=${host%%/*}\n\
        exec 3<>/dev/tcp/${host%:*}/${host#*:}\n\
        printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' \"$path\" \"$host\" >&3\ncat <&3 > got\n",
    )
    .unwrap();
    std::os::unix::fs::symlink("/bin/false", scene.person.home().join("broken")).unwrap();
    let browser = format!("bash {}", script.display());
    scene.person.run(&["open", "message.eml", "--browser", &browser]).succeeded();
    assert!(fs::read_to_string(scene.person.home().join("got")).unwrap().contains("visible"));
    // Of several, one after the other.
    fs::remove_file(scene.person.home().join("got")).unwrap();
    let mut command = scene.person.command(&["open", "message.eml", "--json"]);
    command.env(
        "BROWSER",
        format!("nowhere-to-be-found:{}:{browser}", scene.person.home().join("broken").display()),
    );
    let ran = crate::person::finish(command, b"").succeeded();
    let document: Value = ran.document();
    assert_eq!(
        (&document["id"], &document["remote"], &document["left_out"]),
        (&Value::Null, &false.into(), &0.into())
    );
    assert!(fs::read_to_string(scene.person.home().join("got")).unwrap().contains("visible"));
    let (status, error) = scene.person.error(&["open", "message.eml", "--browser", "nowhere-to-be-found"]);
    assert_eq!((status, error["verdict"].as_str()), (66, Some("not-found")), "{error}");
}

/// Fetches a page without a browser.
fn fetched(url: &str) -> String {
    use std::io::{Read, Write};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}
