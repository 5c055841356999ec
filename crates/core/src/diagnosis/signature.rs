//! What servers mean by what they say: tables of what they were seen to send.
//!
//! A row holds what must be known around the reply, its code, a part of its text, and what that means. The
//! first row that fits decides, so the particular stands before the general. A new row is one line.

mod imap;
mod smtp;
#[cfg(test)]
mod tests;

use super::hide::without_commands;
use super::provider::{self, Access, Provider, TwoStep, UserName};
use super::referral::referral;
use super::{Certainty, Finding, PasswordJudgement, Service, Stage, Verdict};
use crate::settings::Protocol;
use std::fmt;

/// Where a reply was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// An IMAP server's `* BYE`, in place of a greeting or later.
    ImapGreeting,
    /// IMAP LOGIN or AUTHENTICATE.
    ImapLogin,
    /// Any IMAP command after the login.
    Mailbox,
    /// The first line of a submission server.
    SmtpGreeting,
    /// SMTP AUTH, and what comes before it.
    SmtpLogin,
    /// SMTP MAIL, RCPT, DATA.
    Sender,
}

/// What must be known around a reply for a row to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing.
    Any,
    /// The server is this provider's.
    At(&'static str),
    /// The greeting has this, in lower case.
    Greets(&'static str),
    /// The provider takes a browser sign-in only.
    SignInOnly,
    /// Two-step sign-in closes mail programs out at the provider.
    TwoStepBlocks,
    /// The provider never takes the account's password from mail programs.
    AppPasswordOnly,
    /// The provider wants the full address, and the user name that was sent is none.
    NeedsAddress,
    /// The provider wants the part before the `@`, and an address was sent.
    NeedsLocalPart,
}

/// What must be known; the IMAP response code (`none` when there is none), or the SMTP reply code, the
/// enhanced status code, both, or a class as `4xx` and `5.7.x` ("" fits all); a part of the text in lower
/// case, where `*` stands for anything ("" fits all); what it means; how sure; what else it may mean.
type Row = (When, &'static str, &'static str, Verdict, Certainty, &'static [Verdict]);

/// A row of the tables, for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Where the reply is heard.
    pub on: On,
    /// What must be known around it.
    pub when: When,
    /// Its code, or a class of codes; empty when any fits.
    pub code: &'static str,
    /// A part of its text in lower case, where `*` stands for anything; empty when any fits.
    pub text: &'static str,
    /// What it means.
    pub verdict: Verdict,
    /// How sure.
    pub certainty: Certainty,
    /// What else it may mean.
    pub also: &'static [Verdict],
}

/// All rows, table by table, in the order they are tried.
pub fn signatures() -> impl Iterator<Item = Signature> {
    let all = [On::ImapGreeting, On::ImapLogin, On::Mailbox, On::SmtpGreeting, On::SmtpLogin, On::Sender];
    all.into_iter().flat_map(|on| {
        table(on).iter().map(move |&(when, code, text, verdict, certainty, also)| Signature {
            on,
            when,
            code,
            text,
            verdict,
            certainty,
            also,
        })
    })
}

/// What is known around a refusal. Where a line says nothing, this does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around<'a> {
    /// The server's name.
    pub host: &'a str,
    /// The text of its greeting.
    pub greeting: &'a str,
    /// The user name that was sent.
    pub username: &'a str,
}

impl Around<'_> {
    /// Whose server it is: by the user name's domain when that provider uses this host, by the host, or by
    /// the greeting.
    #[must_use]
    pub fn provider(&self) -> Option<&'static Provider> {
        let domain = self.username.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        let uses_host = |provider: &&Provider| {
            provider
                .imap
                .iter()
                .chain(provider.smtp)
                .any(|server| server.host.eq_ignore_ascii_case(self.host))
        };
        domain
            .and_then(|domain| provider::of_domain(&domain))
            .filter(uses_host)
            .or_else(|| provider::of_server(self.host))
            .or_else(|| provider::of_greeting(self.greeting))
    }
}

/// What a refused IMAP login means. `code` is the response code without brackets, arguments included
/// (`AUTHENTICATIONFAILED`, `WEBALERT https://…`); `text` is what follows it.
#[must_use]
pub fn imap_refusal(around: Around<'_>, code: Option<&str>, text: &str) -> Finding {
    imap(On::ImapLogin, Stage::Login, around, code, text, "NO ")
}

/// What a `* BYE` means, in place of a greeting or later; `text` is what follows the `BYE`.
#[must_use]
pub fn imap_greeting(around: Around<'_>, text: &str) -> Finding {
    let (code, text) = split_code(text);
    imap(On::ImapGreeting, Stage::Greeting, around, code, text, "* BYE ")
}

/// What a `NO` or `BAD` to a command after the login means; `code` and `text` as for [`imap_refusal`].
#[must_use]
pub fn mailbox_refusal(around: Around<'_>, code: Option<&str>, text: &str) -> Finding {
    let mut finding = imap(On::Mailbox, Stage::Mailbox, around, code, text, "");
    finding.password = PasswordJudgement::Accepted;
    finding
}

/// What a refusal by a submission server means, by the stage it was heard at: [`Stage::SubmissionLogin`]
/// for AUTH and what comes before it, [`Stage::Sender`] for MAIL, RCPT and DATA, any other for the
/// greeting. `text` is the reply's text, its lines joined; codes may stand before it.
#[must_use]
pub fn smtp_refusal(
    around: Around<'_>,
    stage: Stage,
    code: u16,
    enhanced: Option<&str>,
    text: &str,
) -> Finding {
    let reply = code.to_string();
    let enhanced = enhanced.unwrap_or_default();
    let both = format!("{reply} {enhanced}");
    let class = if (400..500).contains(&code) { "4xx" } else { "5xx" };
    let subject = enhanced.rsplit_once('.').map(|(subject, _)| format!("{subject}.x")).unwrap_or_default();
    let on = match stage {
        Stage::SubmissionLogin | Stage::Login | Stage::SubmissionTls => On::SmtpLogin,
        Stage::Sender => On::Sender,
        _ => On::SmtpGreeting,
    };
    let text = text.strip_prefix(both.trim_end()).or_else(|| text.strip_prefix(&reply)).unwrap_or(text);
    let text = without_commands(text);
    let evidence = format!("{} {text}", both.trim_end());
    let heard = Heard { on, codes: &[&both, enhanced, &reply, &subject, class], text: &text };
    let mut finding = judge(&heard, around, stage, Service::Smtp, evidence);
    if on == On::Sender {
        // There is no way here but past the login.
        finding.password = PasswordJudgement::Accepted;
    }
    finding
}

/// A reply, as the tables see it.
struct Heard<'a> {
    on: On,
    codes: &'a [&'a str],
    text: &'a str,
}

fn imap(on: On, stage: Stage, around: Around<'_>, code: Option<&str>, text: &str, word: &str) -> Finding {
    let text = without_commands(text);
    let code = code.unwrap_or_default();
    let evidence = if code.is_empty() { format!("{word}{text}") } else { format!("{word}[{code}] {text}") };
    let name = code.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    let name = if name.is_empty() { "none" } else { name.as_str() };
    judge(&Heard { on, codes: &[name], text: &text }, around, stage, Service::Imap, evidence)
}

fn table(on: On) -> &'static [Row] {
    match on {
        On::ImapGreeting => imap::GREETING,
        On::ImapLogin => imap::LOGIN,
        On::Mailbox => imap::MAILBOX,
        On::SmtpGreeting => smtp::GREETING,
        On::SmtpLogin => smtp::LOGIN,
        On::Sender => smtp::SENDER,
    }
}

fn judge(heard: &Heard<'_>, around: Around<'_>, stage: Stage, service: Service, evidence: String) -> Finding {
    let protocol = if service == Service::Smtp { Protocol::Smtp } else { Protocol::Imap };
    let provider = around.provider();
    let lower = heard.text.to_lowercase();
    let greeting = around.greeting.to_lowercase();
    let fits = |row: &&Row| {
        (row.1.is_empty() || heard.codes.contains(&row.1))
            && contains(&lower, row.2)
            && row.0.fits(provider, protocol, &greeting, around.username)
    };
    // The last row of every table fits everything.
    let (_, _, _, verdict, certainty, also) = table(heard.on).iter().find(fits).copied().unwrap_or((
        When::Any,
        "",
        "",
        Verdict::ProtocolError,
        Certainty::CannotTell,
        &[],
    ));
    let link = link(&evidence);
    let mut finding = Finding::new(stage, service, verdict, evidence);
    finding.certainty = certainty;
    finding.also = also.to_vec();
    finding.link = link;
    if is_refused(verdict, also) {
        finding.password = PasswordJudgement::Refused;
    }
    advise(&mut finding, around);
    finding
}

/// Whether the server looked at the password and did not take it. Where the line speaks of something else,
/// nobody knows.
fn is_refused(verdict: Verdict, also: &[Verdict]) -> bool {
    use Verdict::{
        AppPasswordRequired, CredentialsRefused, OauthRequired, ServiceDisabled, TwoStepBlocksPassword,
        UsernameForm,
    };
    let may_be = matches!(
        verdict,
        AppPasswordRequired | TwoStepBlocksPassword | OauthRequired | ServiceDisabled | UsernameForm
    );
    verdict == CredentialsRefused || may_be && also.contains(&CredentialsRefused)
}

/// Puts the provider's own words for what to do into a finding, and its page, where it has them.
pub fn advise(finding: &mut Finding, around: Around<'_>) {
    let protocol = if finding.service == Service::Smtp { Protocol::Smtp } else { Protocol::Imap };
    if finding.verdict == Verdict::MailboxMoved
        && let Some(new) = finding.evidence.split_once("REFERRAL ").and_then(|(_, rest)| referral(rest))
    {
        finding.remedy = format!(
            "The server names {} as the new place. If that is your provider's, run setup again with --imap {0}.",
            new.host_and_port()
        );
        return;
    }
    let Some(provider) = around.provider() else { return };
    let advice = match finding.verdict {
        Verdict::AppPasswordRequired | Verdict::TwoStepBlocksPassword => provider.password_advice(),
        Verdict::OauthRequired => match provider.access {
            Access::OAuth(advice) => Some(advice),
            Access::Password | Access::Bridge(_) => None,
        },
        // A server that says it is off, and where to switch it on, knows better.
        Verdict::ServiceDisabled if finding.link.is_none() => provider.switch,
        Verdict::CredentialsRefused => {
            finding.remedy = provider.checks(protocol);
            let page = provider.password_advice().or(provider.switch);
            finding.link = page.map(|advice| advice.link.to_owned()).or_else(|| finding.link.take());
            return;
        }
        Verdict::UsernameForm => {
            if let Some(remedy) = other_form(provider, protocol, around.username) {
                finding.remedy = remedy;
            }
            return;
        }
        _ => None,
    };
    if let Some(advice) = advice {
        advice.say.clone_into(&mut finding.remedy);
        finding.link = Some(advice.link.to_owned());
    }
}

fn other_form(provider: &Provider, protocol: Protocol, username: &str) -> Option<String> {
    match (provider.user_name(protocol)?, username.split_once('@')) {
        (UserName::LocalPart, Some((local, _))) => Some(format!(
            "The user name at {} is `{local}`, not `{username}`: set it with --username {local}.",
            provider.name
        )),
        (UserName::Address, None) => Some(format!(
            "The user name at {} is the full address, not `{username}`: set it with --username.",
            provider.name
        )),
        _ => None,
    }
}

impl When {
    fn fits(self, provider: Option<&Provider>, protocol: Protocol, greeting: &str, username: &str) -> bool {
        let wants = |form| provider.and_then(|p| p.user_name(protocol)) == Some(form);
        match self {
            Self::Any => true,
            Self::At(name) => provider.is_some_and(|p| p.name == name),
            Self::Greets(part) => greeting.contains(part),
            Self::SignInOnly => provider.is_some_and(|p| matches!(p.access, Access::OAuth(_))),
            Self::TwoStepBlocks => provider.is_some_and(|p| matches!(p.two_step, TwoStep::Blocks(_))),
            Self::AppPasswordOnly => provider.is_some_and(|p| matches!(p.two_step, TwoStep::Always(_))),
            Self::NeedsAddress => !username.is_empty() && !username.contains('@') && wants(UserName::Address),
            Self::NeedsLocalPart => username.contains('@') && wants(UserName::LocalPart),
        }
    }
}

impl fmt::Display for When {
    /// The condition, for a person; empty when there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::At(name) => write!(f, "at {name}"),
            Self::Greets(part) => write!(f, "after the greeting `{part}`"),
            Self::SignInOnly => f.write_str("at a provider with browser sign-in only"),
            Self::TwoStepBlocks => f.write_str("at a provider whose two-step sign-in closes IMAP"),
            Self::AppPasswordOnly => f.write_str("at a provider that wants app passwords always"),
            Self::NeedsAddress => {
                f.write_str("at a provider that wants the full address, and it was not sent")
            }
            Self::NeedsLocalPart => {
                f.write_str("at a provider that wants the part before the @, and an address was sent")
            }
        }
    }
}

/// Whether the parts of a pattern follow each other in a text, with anything between them.
fn contains(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// `[CODE] text` as its two halves.
fn split_code(text: &str) -> (Option<&str>, &str) {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, text)) => (Some(code), text.trim_start()),
        None => (None, text),
    }
}

/// The first address of the web in a line.
fn link(line: &str) -> Option<String> {
    let at = line.find("https://").or_else(|| line.find("http://"))?;
    let rest = line.get(at..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ']' | '>' | '"')).unwrap_or(rest.len());
    Some(rest.get(..end)?.trim_end_matches(['.', ',', ')', ';']).to_owned())
}
