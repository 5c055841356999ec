//! The model beside a real server: the same commands, and answers that mean the same.
//!
//! It runs inside the laboratory: `cargo xtask lab run -- cargo nextest run -p testkit --test model`.

use std::collections::BTreeMap;

use testkit::lab::Lab;
use testkit::model::{Config, Model};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// What two clients of one account say, in turn. `{validity}` and `{since}` are what STATUS said at the last `mark`.
const PLAY: &[(usize, &str)] = &[
    (0, "ENABLE QRESYNC"),
    (0, "CREATE Archive"),
    (0, "CREATE Archive"),
    (0, "APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {24+}\r\nMessage-ID: <a@x>\r\n\r\na\r\n"),
    (0, "APPEND INBOX {25+}\r\nMessage-ID: <b@x>\r\n\r\nbb\r\n"),
    (0, "APPEND INBOX ($Work) {26+}\r\nMessage-ID: <c@x>\r\n\r\nccc\r\n"),
    (0, "APPEND INBOX {24+}\r\nMessage-ID: <d@x>\r\n\r\nd\r\n"),
    (0, "APPEND INBOX {24+}\r\nMessage-ID: <e@x>\r\n\r\ne\r\n"),
    (0, "APPEND Nowhere {1+}\r\nx"),
    (0, "SELECT Nowhere"),
    (0, "SELECT INBOX"),
    (1, "SELECT INBOX"),
    (0, "UID FETCH 1:* (FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"),
    (0, "UID FETCH 1 (INTERNALDATE BODY.PEEK[]<3.9>)"),
    (0, "UID FETCH 77 (FLAGS)"),
    (0, "UID SEARCH HEADER Message-ID c@x"),
    (0, "UID SEARCH RETURN (ALL COUNT) UID 2:*"),
    (0, "UID SEARCH RETURN (ALL) DELETED"),
    (0, "UID SEARCH BEFORE 1-Jan-2000"),
    (0, "UID SEARCH SINCE 1-Jan-2000 NOT KEYWORD $Work"),
    (1, "UID SEARCH OR SEEN UID 4:5"),
    (0, "mark"),
    (0, "UID STORE 2:3 +FLAGS (\\Flagged)"),
    (0, "UID STORE 3 -FLAGS.SILENT ($Work)"),
    (1, "NOOP"),
    (0, "UID STORE 1:3 (UNCHANGEDSINCE {since}) +FLAGS (\\Answered)"),
    (1, "NOOP"),
    (1, "UID STORE 4 +FLAGS.SILENT (\\Deleted)"),
    (0, "UID EXPUNGE 1:3"),
    (0, "UID EXPUNGE 4"),
    (1, "NOOP"),
    (0, "UID COPY 1,5 Archive"),
    (0, "UID MOVE 2 Archive"),
    (0, "UID MOVE 2 Archive"),
    (0, "UID COPY 1 Nowhere"),
    (1, "NOOP"),
    (1, "FETCH 1:* (UID FLAGS)"),
    (0, "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})"),
    (0, "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since} VANISHED)"),
    (0, "APPEND INBOX {24+}\r\nMessage-ID: <f@x>\r\n\r\nf\r\n"),
    (1, "NOOP"),
    (1, "STORE 2 FLAGS (\\Draft)"),
    (1, "STORE 1:2 +FLAGS (\\Deleted)"),
    (1, "EXPUNGE"),
    (0, "NOOP"),
    (0, "EXAMINE INBOX (QRESYNC ({validity} {since}))"),
    (0, "EXAMINE INBOX (QRESYNC ({validity} {since} 1:2,4))"),
    (0, "UNSELECT"),
    (0, "STATUS INBOX (MESSAGES UIDNEXT UNSEEN)"),
    (0, "STATUS Nowhere (MESSAGES)"),
    (0, "SELECT Archive"),
    (0, "UID FETCH 1:* (FLAGS)"),
    (0, "UID STORE 1 +FLAGS.SILENT (\\Deleted)"),
    (0, "CLOSE"),
    (0, "RENAME Archive Old"),
    (0, "STATUS Old (MESSAGES UIDNEXT)"),
    (0, "DELETE Old"),
    (0, "DELETE Old"),
    (0, "RENAME Old New"),
];

/// One account with two connections.
trait Side {
    fn ask(&mut self, who: usize, command: &str) -> String;
}

struct Real(Vec<testkit::lab::Client>);

impl Side for Real {
    fn ask(&mut self, who: usize, command: &str) -> String {
        match self.0[who].ask(command) {
            Ok(said) => said,
            // What a client says of a refusal: the command, and the line it was refused with.
            Err(error) => {
                error.to_string().rsplit("x NO ").next().map(|words| format!("x NO {words}")).unwrap()
            }
        }
    }
}

struct Modelled {
    runtime: tokio::runtime::Runtime,
    streams: Vec<DuplexStream>,
}

impl Modelled {
    fn new(model: &Model) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let streams = (0..2).map(|_| {
            let (near, far) = duplex(1 << 16);
            let model = model.clone();
            runtime.spawn(async move { model.serve(far).await });
            near
        });
        let streams = streams.collect();
        let mut side = Self { runtime, streams };
        (0..2).for_each(|who| drop(side.hear(who, "* ")));
        side
    }

    fn hear(&mut self, who: usize, end: &str) -> String {
        let stream = &mut self.streams[who];
        self.runtime.block_on(async {
            let mut said = Vec::new();
            let mut start = 0;
            loop {
                said.push(stream.read_u8().await.unwrap());
                if said.last() == Some(&b'\n') {
                    if said[start..].starts_with(end.as_bytes()) {
                        return String::from_utf8(said).unwrap();
                    }
                    start = said.len();
                }
            }
        })
    }
}

impl Side for Modelled {
    fn ask(&mut self, who: usize, command: &str) -> String {
        let line = format!("x {command}\r\n");
        let stream = &mut self.streams[who];
        self.runtime.block_on(async { stream.write_all(line.as_bytes()).await.unwrap() });
        self.hear(who, "x ")
    }
}

/// Plays everything; what was said, as far as it matters.
fn play(side: &mut dyn Side) -> Vec<String> {
    let mut marks: BTreeMap<&str, String> = BTreeMap::new();
    let mut heard = Vec::new();
    for (who, command) in PLAY {
        if *command == "mark" {
            let said = side.ask(1, "STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)");
            for (mark, item) in [("{validity}", "UIDVALIDITY "), ("{since}", "HIGHESTMODSEQ ")] {
                let after = said.split_once(item).unwrap().1;
                let number = after.chars().take_while(char::is_ascii_digit).collect();
                marks.insert(mark, number);
            }
            continue;
        }
        let mut line = (*command).to_owned();
        for (mark, value) in &marks {
            line = line.replace(mark, value);
        }
        let said = side.ask(*who, &line);
        // Order among untagged answers is the server's.
        let mut lines: Vec<String> = said.lines().filter_map(meaning).collect();
        let last = lines.pop();
        lines.sort();
        lines.extend(last);
        heard.push(format!("{who} {command}\n  {}", lines.join("\n  ")));
    }
    heard
}

/// A line without words for people, and with numbers that differ from server to server made equal.
fn meaning(line: &str) -> Option<String> {
    // HIGHESTMODSEQ comes untagged or with the tagged OK, and is in every FETCH.
    const IDLE: [&str; 5] =
        ["* FLAGS", "* OK [PERMANENTFLAGS", "* OK [UNSEEN", "* OK [CLOSED", "* OK [HIGHESTMODSEQ"];
    if IDLE.iter().any(|idle| line.starts_with(idle)) || line.ends_with(" RECENT") {
        return None;
    }
    let mut line = line.trim_end().to_owned();
    for (before, after) in [
        ("MODSEQ (", ")"),
        ("HIGHESTMODSEQ ", "]"),
        ("UIDVALIDITY ", "]"),
        ("COPYUID ", " "),
        ("APPENDUID ", " "),
    ] {
        if let Some((head, rest)) = line.split_once(before)
            && let Some((_, tail)) = rest.split_once(after)
        {
            line = format!("{head}{before}#{after}{tail}");
        }
    }
    if let Some((head, rest)) = line.split_once("FLAGS (")
        && let Some((flags, tail)) = rest.split_once(')')
    {
        let mut flags: Vec<&str> =
            flags.split(' ').filter(|flag| !matches!(*flag, "" | "\\Recent")).collect();
        flags.sort_unstable();
        line = format!("{head}FLAGS ({}){tail}", flags.join(" "));
    }
    // The order of what a row has is the server's.
    if let Some((head, tail)) = line.split_once("MODSEQ (#) ") {
        let tail = tail.strip_suffix(')').unwrap_or(tail);
        line = format!("{head}{tail} MODSEQ (#))");
    }
    if line.starts_with("* STATUS") {
        line = line.replace('"', "");
    }
    // After a status, the code alone counts.
    let mut words = line.splitn(3, ' ');
    if let (Some(tag), Some(status @ ("OK" | "NO" | "BAD")), Some(rest)) =
        (words.next(), words.next(), words.next())
    {
        let code = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(code, _)| code);
        // Not every NO says it.
        let code = code.filter(|code| !matches!(*code, "NONEXISTENT" | "HIGHESTMODSEQ #"));
        return Some(format!("{tag} {status} {}", code.unwrap_or_default()));
    }
    Some(line)
}

#[test]
fn the_model_answers_as_dovecot_does() {
    let lab = Lab::current();
    let user = lab.fresh_user("autoconfig.test");
    let mut real = Real((0..2).map(|_| lab.client(&user).unwrap()).collect());
    let mut modelled = Modelled::new(&Model::new(Config::qresync()));
    let (real, modelled) = (play(&mut real), play(&mut modelled));
    let differ = |(real, modelled): (&String, &String)| {
        (real != modelled).then(|| format!("Dovecot: {real}\nThe model: {modelled}"))
    };
    let differences: Vec<String> = real.iter().zip(&modelled).filter_map(differ).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
