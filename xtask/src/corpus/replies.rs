//! Refusals that servers were seen to send, against the tables of `restante_core::diagnosis::signature`.
//!
//! Every one must give a verdict, and none may contradict what its label says. What is certain deserves a look:
//! `--verbose` prints it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use restante_core::diagnosis::signature::{
    Around, imap_greeting, imap_refusal, mailbox_refusal, smtp_refusal,
};
use restante_core::diagnosis::{Certainty, Finding, PasswordJudgement, Stage, Verdict};
use serde_json::Value;
use testkit::{Context, Result};

use crate::programs::{succeed, target};

/// One refusal.
#[derive(Clone, Debug, Default)]
struct Case {
    /// The file, and where in it.
    place: String,
    /// Who sent it, as the collection says.
    who: String,
    /// What the collection says about it.
    note: String,
    greeting: String,
    heard: Heard,
}

/// A reply and where it was heard.
#[derive(Clone, Debug, Default)]
enum Heard {
    #[default]
    Nothing,
    Imap {
        stage: Stage,
        line: String,
    },
    Smtp {
        stage: Stage,
        code: u16,
        enhanced: Option<String>,
        text: String,
    },
}

pub(super) fn run(words: &[OsString]) -> Result<i32> {
    let (flags, paths): (Vec<_>, Vec<_>) = words.iter().partition(|word| *word == "--verbose");
    if paths.is_empty() {
        return Err("name a file or a folder".into());
    }
    let mut cases = Vec::new();
    for path in paths {
        gather(Path::new(path), &mut cases)?;
    }
    Ok(report(&cases, !flags.is_empty()))
}

/// Prints what was found; 1 when a verdict contradicts its label, or there was nothing to judge.
fn report(cases: &[Case], verbose: bool) -> i32 {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut contradictions = 0;
    let mut total = 0;
    for case in cases {
        let Some(finding) = case.judge() else { continue };
        total += 1;
        let column = match finding.certainty {
            Certainty::Certain => 0,
            Certainty::Likely => 1,
            Certainty::CannotTell => 2,
        };
        counts.entry(finding.verdict.code()).or_default()[column] += 1;
        if verbose && finding.certainty == Certainty::Certain {
            println!("{}: {} ({})", finding.verdict.code(), finding.evidence, case.who);
        }
        for why in contradictions_of(case, &finding) {
            contradictions += 1;
            println!("CONTRADICTION at {}: {why}\n  {}\n  {}", case.place, finding.evidence, case.note);
        }
    }
    println!("{:<32} {:>8} {:>8} {:>12}", "verdict", "certain", "likely", "cannot-tell");
    for (verdict, [certain, likely, unknown]) in &counts {
        println!("{verdict:<32} {certain:>8} {likely:>8} {unknown:>12}");
    }
    println!("{total} replies judged, {contradictions} contradictions");
    i32::from(contradictions > 0 || total == 0)
}

impl Case {
    fn judge(&self) -> Option<Finding> {
        let around =
            Around { host: host_of(&self.who), greeting: &self.greeting, username: "joe@example.org" };
        match &self.heard {
            Heard::Nothing => None,
            Heard::Imap { stage, line } => {
                let (code, text) = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                    Some((code, text)) => (Some(code), text.trim_start()),
                    None => (None, line.as_str()),
                };
                Some(match stage {
                    Stage::Greeting => imap_greeting(around, line),
                    Stage::Mailbox => mailbox_refusal(around, code, text),
                    _ => imap_refusal(around, code, text),
                })
            }
            // Mail exchangers are nobody's submission server.
            Heard::Smtp { stage: Stage::Sender, code, enhanced, text } => {
                Some(smtp_refusal(Around::default(), Stage::Sender, *code, enhanced.as_deref(), text))
            }
            Heard::Smtp { stage, code, enhanced, text } => {
                Some(smtp_refusal(around, *stage, *code, enhanced.as_deref(), text))
            }
        }
    }
}

/// What a label rules out. Labels are words of people: only plain ones count.
fn contradictions_of(case: &Case, finding: &Finding) -> Vec<String> {
    use Verdict::{
        AppPasswordRequired, IdRequired, MessageTooLarge, OauthRequired, RateLimited, RecipientRefused,
        ServiceDisabled,
    };
    let mut found = Vec::new();
    let verdict = finding.verdict;
    let named = |wanted| verdict == wanted || finding.also.contains(&wanted);
    let mut must = |holds: bool, why: &str| {
        if !holds {
            found.push(format!("{} ({}): {why}", verdict.code(), finding.certainty.code()));
        }
    };
    must(verdict.stages().contains(&finding.stage), "this verdict is not one of this stage");
    let note = case.note.to_lowercase();
    let says = |words: &str| note.contains(words);
    if says("not a password problem") {
        must(finding.password != PasswordJudgement::Refused, "the password was not judged");
    }
    if says("app password") || says("authorization code") || says("2-step") {
        must(named(AppPasswordRequired), "an app password was missing");
    }
    if says("needs oauth2") {
        must(named(OauthRequired), "a browser sign-in was missing");
    }
    if says("not enabled") || says("switched off") {
        must(named(ServiceDisabled), "the service was off");
    }
    if says("two causes") || says("wrong password / app password") {
        must(finding.certainty == Certainty::CannotTell, "one text, several causes");
    }
    if says("has sent the client id") || says("client has sent id") {
        must(verdict == IdRequired, "ID was missing");
    }
    if says("recipient limit") || says("daily") {
        must(named(RateLimited), "a limit was reached");
    }
    if finding.certainty == Certainty::Certain
        && let Heard::Smtp { stage: Stage::Sender, code, enhanced, .. } = &case.heard
    {
        let enhanced = enhanced.as_deref().unwrap_or_default();
        if (400..500).contains(code) {
            must(verdict.exit_code() == 75, "it passes by itself (RFC 5321, section 4.2.1)");
        }
        if matches!(enhanced, "5.1.1" | "5.1.6" | "5.1.10" | "5.2.2") {
            must(matches!(verdict, RecipientRefused | RateLimited), "it is about the recipient (RFC 3463)");
        }
        if enhanced == "5.3.4" {
            must(verdict == MessageTooLarge, "the message is too large (RFC 3463)");
        }
    }
    found
}

/// A server of whoever the collection names.
fn host_of(who: &str) -> &'static str {
    const HOSTS: &[(&str, &str)] = &[
        ("gmail", "imap.gmail.com"),
        ("office365", "outlook.office365.com"),
        ("outlook", "outlook.office365.com"),
        ("yahoo", "imap.mail.yahoo.com"),
        ("icloud", "imap.mail.me.com"),
        ("fastmail", "imap.fastmail.com"),
        ("web.de", "imap.web.de"),
        ("gmx", "imap.gmx.net"),
        ("yandex", "imap.yandex.com"),
        ("mail.ru", "imap.mail.ru"),
        ("qq", "imap.qq.com"),
        ("163", "imap.163.com"),
        ("zoho", "imap.zoho.com"),
    ];
    let who = who.to_lowercase();
    HOSTS.iter().find(|(name, _)| who.contains(name)).map_or("", |(_, host)| host)
}

fn gather(path: &Path, cases: &mut Vec<Case>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .context(|| format!("cannot read {}", path.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect();
        entries.sort();
        return entries
            .iter()
            .filter(|entry| entry.is_dir() || is_collection(entry))
            .try_for_each(|p| gather(p, cases));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".tar.xz") {
        return unpacked(path, cases);
    }
    let text =
        String::from_utf8_lossy(&fs::read(path).context(|| format!("cannot read {}", path.display()))?)
            .into_owned();
    if name.ends_with(".jsonl") {
        for (number, line) in text.lines().enumerate() {
            let row: Value = serde_json::from_str(line).context(|| format!("{name}:{}", number + 1))?;
            cases.extend(of_row(&row, &format!("{name}:{}", number + 1)));
        }
    } else {
        cases.extend(of_transcript(path, &text));
    }
    Ok(())
}

/// Whether a file in a folder is of a kind that holds refusals.
fn is_collection(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".txt")
        || ["quirks.jsonl", "smtp_replies.jsonl"].contains(&&*name)
        || name.ends_with("transcripts.tar.xz")
}

fn unpacked(path: &Path, cases: &mut Vec<Case>) -> Result<()> {
    let folder = target()?.join(format!("corpus-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let gathered = succeed(Command::new("tar").arg("-xJf").arg(path).arg("-C").arg(&folder))
        .and_then(|()| gather(&folder, cases));
    fs::remove_dir_all(&folder)?;
    gathered
}

/// The refusals in a row of a collection: of SMTP, with `phase` and `reply`; of IMAP, with `kind` and `line`.
fn of_row(row: &Value, place: &str) -> Vec<Case> {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let case = |who: String, heard| Case {
        place: place.to_owned(),
        who,
        note: text("note"),
        heard,
        ..Case::default()
    };
    if row["reply"].is_string() {
        let phase = text("phase");
        let stage = if phase.starts_with("auth") { Stage::SubmissionLogin } else { Stage::Sender };
        return smtp(stage, &text("reply")).map(|heard| case(text("provider"), heard)).into_iter().collect();
    }
    let stage = match text("kind").as_str() {
        "login-no" | "auth" => Stage::Login,
        "bye" => Stage::Greeting,
        kind if kind.starts_with("transcript") => return Vec::new(),
        _ => Stage::Mailbox,
    };
    let lines = text("line");
    imap(stage, &lines).into_iter().map(|heard| case(text("server"), heard)).collect()
}

/// The refusals in a transcript, by the folder and name it has.
fn of_transcript(path: &Path, text: &str) -> Vec<Case> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let of_imap = path.components().any(|part| part.as_os_str() == "Imap");
    let of_smtp = path.components().any(|part| part.as_os_str() == "Smtp");
    let login = name.contains("auth") && name != "auth-required" || name.contains("login");
    let heard: Vec<Heard> = if of_imap {
        imap(if login { Stage::Login } else { Stage::Mailbox }, text)
    } else if of_smtp {
        let stage = match &*name {
            name if name.starts_with("greeting") || name.starts_with("ehlo") => Stage::SubmissionConnect,
            _ if login => Stage::SubmissionLogin,
            _ => Stage::Sender,
        };
        text.lines()
            .filter(|line| line.starts_with(['4', '5']))
            .filter_map(|line| smtp(stage, line))
            .collect()
    } else {
        Vec::new()
    };
    let case = |heard| Case {
        place: format!("{folder}/{name}"),
        who: folder.clone().into_owned(),
        heard,
        ..Case::default()
    };
    heard.into_iter().map(case).collect()
}

/// The `NO`, `BAD` and `BYE` in lines of IMAP, whatever tag they carry.
fn imap(stage: Stage, lines: &str) -> Vec<Heard> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let mut words = line.splitn(3, ' ');
        let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let line = words.next().unwrap_or_default().trim().to_owned();
        match status {
            "NO" | "BAD" if !tag.is_empty() => found.push(Heard::Imap { stage, line }),
            "BYE" if tag == "*" && !line.starts_with("LOGOUT") => {
                found.push(Heard::Imap { stage: Stage::Greeting, line })
            }
            _ => {}
        }
    }
    found
}

/// A failing reply of SMTP on any number of lines, with anything before its code; `None` when it is none.
fn smtp(stage: Stage, reply: &str) -> Option<Heard> {
    let mut code = None;
    let mut enhanced: Option<String> = None;
    let mut text = Vec::new();
    for word in reply.split_whitespace() {
        let (first, rest) = word.split_at_checked(3).unwrap_or((word, ""));
        let number = first
            .parse::<u16>()
            .ok()
            .filter(|n| (400..600).contains(n) && code.is_none_or(|code| code == *n));
        match number {
            Some(number) if rest.is_empty() || rest.starts_with('-') => {
                code = code.or(Some(number));
                let rest = rest.trim_start_matches('-');
                if is_enhanced(rest) {
                    enhanced.get_or_insert_with(|| rest.to_owned());
                } else if !rest.is_empty() {
                    text.push(rest);
                }
            }
            _ if is_enhanced(word) => {
                enhanced.get_or_insert_with(|| word.to_owned());
            }
            _ => text.push(word),
        }
    }
    let class = enhanced.as_deref().and_then(|enhanced| enhanced.get(..1)?.parse::<u16>().ok());
    let code = code.or_else(|| class.map(|class| class * 100 + 50))?;
    Some(Heard::Smtp { stage, code, enhanced, text: text.join(" ") })
}

fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts.as_slice(), ["4" | "5", subject, detail]
        if [subject, detail].iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(row: &Value) -> Vec<(Finding, Vec<String>)> {
        let cases = of_row(row, "test:1");
        let judge =
            |case: &Case| case.judge().map(|finding| (finding.clone(), contradictions_of(case, &finding)));
        cases.iter().filter_map(judge).collect()
    }

    #[test]
    fn rows_are_read_with_their_codes() {
        let row = json!({"phase": "auth", "provider": "X", "reply": "535-5.7.8 Not\r\n535 5.7.8 accepted", "note": ""});
        let found = judged(&row);
        assert_eq!(found[0].0.evidence, "535 5.7.8 Not accepted");
        assert!(found[0].1.is_empty());
        assert!(judged(&json!({"phase": "ehlo", "reply": "250 fine"})).is_empty());
        let found = judged(
            &json!({"kind": "bye", "server": "X", "line": "* OK hi\r\n* BYE shutting down", "note": ""}),
        );
        assert_eq!(found[0].0.verdict, Verdict::TemporaryFailure);
    }

    #[test]
    fn a_verdict_against_its_label_is_a_contradiction() {
        let row = json!({"kind": "login-no", "server": "X", "line": "a NO [EXPIRED] no", "note": "needs an app password"});
        assert_eq!(judged(&row)[0].1.len(), 1);
        let row =
            json!({"kind": "login-no", "server": "X", "line": "a NO no", "note": "not a password problem"});
        assert_eq!(judged(&row)[0].1.len(), 1);
    }

    #[test]
    fn nothing_judged_is_no_success() {
        assert_eq!(report(&[], false), 1);
    }
}
