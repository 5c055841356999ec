//! What servers mean by their refusals: a table of what they were seen to send.
//!
//! A row holds where the reply was heard, its code, a part of its text, and what that means. The first
//! row that fits decides, so the particular stands before the general. A new row is one line.

use super::{Certainty, Finding, PasswordJudgement, Service, Stage, Verdict};
use Certainty::{CannotTell, Certain, Likely};
use On::{Greeting, Imap, Sender, SmtpLogin};
use Verdict::{
    AccountLocked, AccountNotConnected, AddressBlocked, AdminConsentRequired, AppPasswordRequired,
    BrowserSignInRequired, CleartextRefused, ClientHostRefused, CredentialsRefused, GreetingRefused,
    MailboxMoved, MechanismUnsupported, MessageTooLarge, OauthRequired, RateLimited, SenderNotAllowed,
    ServiceDisabled, StarttlsNotOffered, SubmissionAuthNotOffered, SubmissionAuthRequired, TemporaryFailure,
    TooManyConnections, TwoStepBlocksPassword, UsernameForm,
};

/// Where a reply was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// IMAP LOGIN or AUTHENTICATE.
    Imap,
    /// SMTP AUTH, and what comes before it.
    SmtpLogin,
    /// SMTP MAIL, RCPT, DATA.
    Sender,
    /// The first line of a submission server.
    Greeting,
}

/// Where; the IMAP response code, or the SMTP reply code, enhanced status code or both ("" fits all); a
/// part of the text in lower case ("" fits all); what it means; how sure; what else it may mean.
type Row = (On, &'static str, &'static str, Verdict, Certainty, &'static [Verdict]);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // IMAP: texts that say more than their code.
    (Imap, "", "application-specific password", AppPasswordRequired, Certain, &[]),
    (Imap, "", "application password is required", AppPasswordRequired, Certain, &[]),
    (Imap, "", "app password", AppPasswordRequired, Likely, &[CredentialsRefused]),
    (Imap, "", "app-specific password", AppPasswordRequired, Likely, &[CredentialsRefused]),
    (Imap, "", "authorized code", AppPasswordRequired, Certain, &[]),
    (Imap, "", "authorization code", AppPasswordRequired, Certain, &[]),
    (Imap, "", "授权码", AppPasswordRequired, Certain, &[]),
    (Imap, "", "weixin token", AppPasswordRequired, Likely, &[ServiceDisabled]),
    (Imap, "WEBALERT", "", BrowserSignInRequired, Certain, &[]),
    (Imap, "", "via your web browser", BrowserSignInRequired, Certain, &[]),
    (Imap, "", "web login required", BrowserSignInRequired, Certain, &[]),
    (Imap, "", "enable imap for your account", ServiceDisabled, Certain, &[]),
    (Imap, "", "imap is disabled", CredentialsRefused, CannotTell, &[ServiceDisabled, AppPasswordRequired]),
    (Imap, "", "imap access is disabled", ServiceDisabled, Certain, &[]),
    (Imap, "", "imap access disabled", ServiceDisabled, Certain, &[]),
    (Imap, "", "not enabled for imap", ServiceDisabled, Certain, &[]),
    (Imap, "", "service is not open, password is incorrect", CredentialsRefused, CannotTell, &[ServiceDisabled, AppPasswordRequired, RateLimited]),
    (Imap, "", "login frequency limited", RateLimited, Likely, &[CredentialsRefused]),
    (Imap, "", "authenticated but not connected", AccountNotConnected, Certain, &[]),
    (Imap, "", "aadsts90094", AdminConsentRequired, Certain, &[]),
    (Imap, "", "aadsts65001", AdminConsentRequired, Certain, &[]),
    (Imap, "", "basic authentication is disabled", OauthRequired, Certain, &[]),
    (Imap, "", "basic authentication is not supported", OauthRequired, Certain, &[]),
    (Imap, "", "two-factor", TwoStepBlocksPassword, Likely, &[AppPasswordRequired]),
    (Imap, "", "two-step", TwoStepBlocksPassword, Likely, &[AppPasswordRequired]),
    (Imap, "", "2fa", TwoStepBlocksPassword, Likely, &[AppPasswordRequired]),
    (Imap, "", "too many login attempts", RateLimited, Certain, &[]),
    (Imap, "", "too many bad auth attempts", AccountLocked, Likely, &[RateLimited, AppPasswordRequired]),
    (Imap, "", "too many failed", RateLimited, Likely, &[AccountLocked]),
    (Imap, "", "rate limit", RateLimited, Certain, &[]),
    (Imap, "", "too many simultaneous connections", TooManyConnections, Certain, &[]),
    (Imap, "", "maximum number of connections", TooManyConnections, Certain, &[]),
    (Imap, "", "too many connections", TooManyConnections, Certain, &[]),
    (Imap, "", "temporary authentication failure", TemporaryFailure, Certain, &[]),
    (Imap, "", "temporarily unavailable", TemporaryFailure, Certain, &[]),
    (Imap, "", "under a layer", CleartextRefused, Likely, &[]),
    (Imap, "", "plaintext authentication disallowed", CleartextRefused, Certain, &[]),
    (Imap, "", "cleartext authentication disallowed", CleartextRefused, Certain, &[]),
    (Imap, "", "account is locked", AccountLocked, Certain, &[]),
    (Imap, "", "account locked", AccountLocked, Certain, &[]),
    (Imap, "", "account is disabled", AccountLocked, Certain, &[]),
    (Imap, "", "account disabled", AccountLocked, Certain, &[]),
    (Imap, "", "password expired", AccountLocked, Certain, &[]),
    (Imap, "", "full email address", UsernameForm, Likely, &[CredentialsRefused]),
    (Imap, "", "mechanism not supported", MechanismUnsupported, Certain, &[]),
    (Imap, "", "unsupported authentication mechanism", MechanismUnsupported, Certain, &[]),
    (Imap, "", "no mechanism available", MechanismUnsupported, Certain, &[]),
    // IMAP: response codes (RFC 5530, section 3; LIMIT also as Dovecot uses it; RFC 2221).
    (Imap, "UNAVAILABLE", "", TemporaryFailure, Certain, &[]),
    (Imap, "INUSE", "", TemporaryFailure, Certain, &[]),
    (Imap, "SERVERBUG", "", TemporaryFailure, Likely, &[]),
    (Imap, "LIMIT", "", TooManyConnections, Likely, &[RateLimited]),
    (Imap, "PRIVACYREQUIRED", "", CleartextRefused, Certain, &[]),
    (Imap, "EXPIRED", "", AccountLocked, Certain, &[]),
    (Imap, "CONTACTADMIN", "", AccountLocked, Certain, &[]),
    (Imap, "AUTHORIZATIONFAILED", "", AccountLocked, Likely, &[AccountNotConnected]),
    (Imap, "NOPERM", "", AccountLocked, Likely, &[ServiceDisabled]),
    (Imap, "REFERRAL", "", MailboxMoved, Certain, &[]),
    (Imap, "AUTHENTICATIONFAILED", "", CredentialsRefused, CannotTell, &[AppPasswordRequired, ServiceDisabled, UsernameForm]),
    (Imap, "", "", CredentialsRefused, CannotTell, &[AppPasswordRequired, ServiceDisabled, UsernameForm, OauthRequired]),
    // SMTP AUTH: texts.
    (SmtpLogin, "5.7.139", "smtpclientauthentication is disabled", ServiceDisabled, Certain, &[]),
    (SmtpLogin, "5.7.139", "basic authentication is disabled", OauthRequired, Certain, &[]),
    (SmtpLogin, "5.7.139", "", OauthRequired, Likely, &[ServiceDisabled, CredentialsRefused]),
    (SmtpLogin, "5.7.30", "", OauthRequired, Certain, &[]),
    (SmtpLogin, "", "basic authentication is", OauthRequired, Certain, &[]),
    (SmtpLogin, "", "webloginrequired", BrowserSignInRequired, Certain, &[]),
    (SmtpLogin, "", "web browser", BrowserSignInRequired, Certain, &[]),
    (SmtpLogin, "", "application-specific password", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "application password is required", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "invalidsecondfactor", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "authorization code", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "authorized code", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "授权码", AppPasswordRequired, Certain, &[]),
    (SmtpLogin, "", "app password", AppPasswordRequired, Likely, &[CredentialsRefused]),
    (SmtpLogin, "", "aadsts", AdminConsentRequired, Likely, &[]),
    (SmtpLogin, "", "too many login attempts", RateLimited, Certain, &[]),
    (SmtpLogin, "", "too many bad auth attempts", AccountLocked, Likely, &[RateLimited, AppPasswordRequired]),
    (SmtpLogin, "", "login frequency limited", RateLimited, Likely, &[CredentialsRefused]),
    (SmtpLogin, "", "rate limit", RateLimited, Certain, &[]),
    (SmtpLogin, "", "too many connections", TooManyConnections, Certain, &[]),
    (SmtpLogin, "", "starttls", CleartextRefused, Certain, &[]),
    (SmtpLogin, "", "secure connection is requ", CleartextRefused, Certain, &[]),
    (SmtpLogin, "", "tls not available", StarttlsNotOffered, Certain, &[]),
    (SmtpLogin, "", "password is too simple", AccountLocked, Likely, &[CredentialsRefused]),
    (SmtpLogin, "", "has no permission", ServiceDisabled, Likely, &[CredentialsRefused]),
    (SmtpLogin, "", "account is locked", AccountLocked, Certain, &[]),
    (SmtpLogin, "", "account is disabled", AccountLocked, Certain, &[]),
    // SMTP AUTH: codes (RFC 4954, sections 4 and 6; RFC 3207, section 4).
    (SmtpLogin, "538", "", CleartextRefused, Certain, &[]),
    (SmtpLogin, "530 5.7.0", "", CleartextRefused, Likely, &[SubmissionAuthRequired]),
    (SmtpLogin, "534", "mechanism is too weak", MechanismUnsupported, Certain, &[]),
    (SmtpLogin, "534", "", BrowserSignInRequired, Likely, &[AppPasswordRequired, MechanismUnsupported]),
    (SmtpLogin, "432", "", AccountLocked, Likely, &[MechanismUnsupported]),
    (SmtpLogin, "504", "", MechanismUnsupported, Certain, &[]),
    (SmtpLogin, "500", "", SubmissionAuthNotOffered, Likely, &[]),
    (SmtpLogin, "501", "", MechanismUnsupported, Likely, &[]),
    (SmtpLogin, "502", "", SubmissionAuthNotOffered, Certain, &[]),
    (SmtpLogin, "503", "", SubmissionAuthNotOffered, Likely, &[]),
    (SmtpLogin, "454", "", TemporaryFailure, Certain, &[]),
    (SmtpLogin, "421", "", TemporaryFailure, Certain, &[]),
    (SmtpLogin, "4xx", "", TemporaryFailure, Likely, &[]),
    (SmtpLogin, "", "", CredentialsRefused, CannotTell, &[AppPasswordRequired, ServiceDisabled, UsernameForm]),
    // MAIL, RCPT, DATA.
    (Sender, "5.2.252", "", SenderNotAllowed, Certain, &[]),
    (Sender, "", "sendasdenied", SenderNotAllowed, Certain, &[]),
    (Sender, "", "not owned by user", SenderNotAllowed, Certain, &[]),
    (Sender, "", "sender address rejected", SenderNotAllowed, Likely, &[]),
    (Sender, "", "not allowed to send", SenderNotAllowed, Certain, &[]),
    (Sender, "", "client host rejected", ClientHostRefused, Certain, &[]),
    (Sender, "", "relay access denied", SubmissionAuthRequired, Likely, &[ClientHostRefused]),
    (Sender, "", "relay", SubmissionAuthRequired, Likely, &[ClientHostRefused]),
    (Sender, "5.7.57", "", SubmissionAuthRequired, Certain, &[]),
    (Sender, "530", "starttls", CleartextRefused, Certain, &[]),
    (Sender, "530", "", SubmissionAuthRequired, Certain, &[]),
    (Sender, "552 5.3.4", "", MessageTooLarge, Certain, &[]),
    (Sender, "5.2.3", "", MessageTooLarge, Certain, &[]),
    (Sender, "552", "size", MessageTooLarge, Certain, &[]),
    (Sender, "", "rate limit", RateLimited, Certain, &[]),
    (Sender, "", "too many", RateLimited, Likely, &[]),
    (Sender, "5.4.5", "", RateLimited, Certain, &[]),
    (Sender, "4xx", "", TemporaryFailure, Likely, &[]),
    (Sender, "553", "", SenderNotAllowed, Likely, &[]),
    (Sender, "", "", SenderNotAllowed, Likely, &[ClientHostRefused, SubmissionAuthRequired]),
    // The greeting.
    (Greeting, "", "too many connections", TooManyConnections, Certain, &[]),
    (Greeting, "", "blocked", AddressBlocked, Likely, &[GreetingRefused]),
    (Greeting, "421", "", GreetingRefused, Certain, &[TemporaryFailure]),
    (Greeting, "", "", GreetingRefused, Certain, &[]),
];

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

/// What a refused IMAP login means. `code` is the response code without brackets, arguments included
/// (`AUTHENTICATIONFAILED`, `WEBALERT https://…`); `text` is what follows it.
#[must_use]
pub fn imap_refusal(_around: Around<'_>, code: Option<&str>, text: &str) -> Finding {
    let code = code.unwrap_or_default();
    let evidence = if code.is_empty() { format!("NO {text}") } else { format!("NO [{code}] {text}") };
    let name = code.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    judge(Imap, Stage::Login, Service::Imap, &[&name], text, evidence)
}

/// What a refusal by a submission server means, by the stage it was heard at: [`Stage::SubmissionLogin`]
/// for AUTH and what comes before it, [`Stage::Sender`] for MAIL, RCPT and DATA, any other for the
/// greeting. `text` is the reply's text without codes, its lines joined.
#[must_use]
pub fn smtp_refusal(
    _around: Around<'_>,
    stage: Stage,
    code: u16,
    enhanced: Option<&str>,
    text: &str,
) -> Finding {
    let reply = code.to_string();
    let enhanced = enhanced.unwrap_or_default();
    let both = format!("{reply} {enhanced}");
    let class = if (400..500).contains(&code) { "4xx" } else { "" };
    let on = match stage {
        Stage::SubmissionLogin | Stage::Login | Stage::SubmissionTls => SmtpLogin,
        Stage::Sender => Sender,
        _ => Greeting,
    };
    let text = without_secret(text);
    let evidence = format!("{} {text}", both.trim_end());
    judge(on, stage, Service::Smtp, &[&both, enhanced, &reply, class], &text, evidence)
}

fn judge(on: On, stage: Stage, service: Service, codes: &[&str], text: &str, evidence: String) -> Finding {
    let lower = text.to_lowercase();
    let fits = |row: &&Row| {
        row.0 == on
            && (row.1.is_empty() || codes.contains(&row.1))
            && (row.2.is_empty() || lower.contains(row.2))
    };
    let (_, _, _, verdict, certainty, also) =
        TABLE.iter().find(fits).copied().unwrap_or((on, "", "", CredentialsRefused, CannotTell, &[]));
    let link = link(&evidence);
    let mut finding = Finding::new(stage, service, verdict, evidence);
    finding.certainty = certainty;
    finding.also = also.to_vec();
    finding.password =
        if verdict == CredentialsRefused { PasswordJudgement::Refused } else { PasswordJudgement::NotJudged };
    finding.link = link;
    finding
}

/// The first address of the web in a line.
fn link(line: &str) -> Option<String> {
    let at = line.find("https://").or_else(|| line.find("http://"))?;
    let rest = line.get(at..)?;
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ']' | '>' | '"')).unwrap_or(rest.len());
    Some(rest.get(..end)?.trim_end_matches(['.', ',', ')', ';']).to_owned())
}

/// Some servers repeat a command they do not know, `AUTH PLAIN` with the password in it included.
fn without_secret(text: &str) -> String {
    let mut shown = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        shown.push(word);
        let command = word.trim_start_matches(['"', '\'', '<', ':']);
        if command.eq_ignore_ascii_case("AUTH") || command.eq_ignore_ascii_case("AUTHENTICATE") {
            shown.extend(words.next());
            if words.peek().is_some_and(|word| looks_encoded(word)) {
                words.next();
                shown.push("…");
            }
        }
    }
    shown.join(" ")
}

fn looks_encoded(word: &str) -> bool {
    let word = word.trim_matches(['"', '\'', '>', '.', ',']);
    word.len() >= 8 && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imap_refusals_are_told_apart() {
        let rows: &[(&str, &str, Verdict, Certainty)] = &[
            ("AUTHENTICATIONFAILED", "Authentication failed.", CredentialsRefused, CannotTell),
            ("", "Login failed.", CredentialsRefused, CannotTell),
            (
                "ALERT",
                "Application-specific password required: https://example.org/a (Failure)",
                AppPasswordRequired,
                Certain,
            ),
            (
                "AUTHENTICATIONFAILED",
                "LOGIN invalid credentials or IMAP is disabled sc=x",
                CredentialsRefused,
                CannotTell,
            ),
            ("WEBALERT https://example.org/w", "Web login required.", BrowserSignInRequired, Certain),
            (
                "ALERT",
                "Please log in via your web browser: https://example.org/b (Failure)",
                BrowserSignInRequired,
                Certain,
            ),
            ("ALERT", "You are yet to enable IMAP for your account. (Failure)", ServiceDisabled, Certain),
            ("UNAVAILABLE", "Temporary authentication failure. [mx:2026-01-01]", TemporaryFailure, Certain),
            (
                "UNAVAILABLE",
                "Maximum number of connections from user+IP exceeded",
                TooManyConnections,
                Certain,
            ),
            ("LIMIT", "Slow down", TooManyConnections, Likely),
            ("EXPIRED", "Password expired", AccountLocked, Certain),
            ("CONTACTADMIN", "Suspended", AccountLocked, Certain),
            ("AUTHORIZATIONFAILED", "No such identity", AccountLocked, Likely),
            ("PRIVACYREQUIRED", "Cleartext authentication disallowed", CleartextRefused, Certain),
            ("", "Login only available under a layer", CleartextRefused, Likely),
            ("REFERRAL imap://new.example.org/", "Try there", MailboxMoved, Certain),
            (
                "authenticationfailed",
                "Too many simultaneous connections. (Failure)",
                TooManyConnections,
                Certain,
            ),
        ];
        for (code, text, verdict, certainty) in rows {
            let finding = imap_refusal(Around::default(), (!code.is_empty()).then_some(code), text);
            assert_eq!((finding.verdict, finding.certainty), (*verdict, *certainty), "[{code}] {text}");
            assert!(finding.evidence.contains(text), "{}", finding.evidence);
        }
    }

    #[test]
    fn smtp_refusals_are_told_apart_by_stage() {
        use Stage::{SubmissionConnect, SubmissionLogin};
        let rows: &[(Stage, u16, &str, &str, Verdict)] = &[
            (SubmissionLogin, 535, "5.7.8", "Error: authentication failed", CredentialsRefused),
            (SubmissionLogin, 535, "", "Error: authentication failed", CredentialsRefused),
            (
                SubmissionLogin,
                535,
                "5.7.139",
                "Authentication unsuccessful, basic authentication is disabled.",
                OauthRequired,
            ),
            (
                SubmissionLogin,
                535,
                "5.7.139",
                "SmtpClientAuthentication is disabled for the Tenant.",
                ServiceDisabled,
            ),
            (SubmissionLogin, 550, "5.7.30", "Not supported for Client Submission", OauthRequired),
            (SubmissionLogin, 534, "5.7.9", "Application-specific password required.", AppPasswordRequired),
            (SubmissionLogin, 534, "5.7.9", "Please log in: WebLoginRequired x", BrowserSignInRequired),
            (SubmissionLogin, 454, "4.7.0", "Temporary authentication failure", TemporaryFailure),
            (SubmissionLogin, 454, "4.7.0", "Too many login attempts, please try again later", RateLimited),
            (SubmissionLogin, 432, "4.7.12", "A password transition is needed", AccountLocked),
            (SubmissionLogin, 504, "5.5.4", "Unrecognized authentication type", MechanismUnsupported),
            (SubmissionLogin, 538, "5.7.11", "Encryption required", CleartextRefused),
            (SubmissionLogin, 530, "5.7.0", "Must issue a STARTTLS command first", CleartextRefused),
            (SubmissionLogin, 451, "", "later", TemporaryFailure),
            (Stage::Sender, 530, "5.7.0", "Authentication Required", SubmissionAuthRequired),
            (
                Stage::Sender,
                553,
                "5.7.1",
                "<a>: Sender address rejected: not owned by user b",
                SenderNotAllowed,
            ),
            (Stage::Sender, 554, "5.7.1", "<c>: Relay access denied", SubmissionAuthRequired),
            (
                Stage::Sender,
                554,
                "5.7.1",
                "<unknown[::1]>: Client host rejected: Access denied",
                ClientHostRefused,
            ),
            (Stage::Sender, 552, "5.3.4", "Message size exceeds fixed limit", MessageTooLarge),
            (Stage::Sender, 451, "4.3.0", "try again", TemporaryFailure),
            (SubmissionConnect, 554, "", "no", GreetingRefused),
        ];
        for (stage, code, enhanced, text, verdict) in rows {
            let finding = smtp_refusal(
                Around::default(),
                *stage,
                *code,
                (!enhanced.is_empty()).then_some(enhanced),
                text,
            );
            assert_eq!(finding.verdict, *verdict, "{code} {enhanced} {text}");
            assert_eq!(finding.stage, *stage);
        }
    }

    #[test]
    fn only_a_judged_password_is_called_refused() {
        assert_eq!(imap_refusal(Around::default(), None, "no").password, PasswordJudgement::Refused);
        for (code, text) in [("UNAVAILABLE", "x"), ("LIMIT", "x"), ("ALERT", "app password needed")] {
            assert_eq!(
                imap_refusal(Around::default(), Some(code), text).password,
                PasswordJudgement::NotJudged,
                "{text}"
            );
        }
    }

    #[test]
    fn the_link_in_a_line_is_taken_out() {
        let link = |code, text| imap_refusal(Around::default(), code, text).link;
        assert_eq!(link(Some("WEBALERT https://a.org/x?y=1"), "Go.").as_deref(), Some("https://a.org/x?y=1"));
        assert_eq!(link(None, "see (https://a.org/x).").as_deref(), Some("https://a.org/x"));
        assert_eq!(link(None, "see nothing"), None);
    }

    #[test]
    fn a_password_that_a_server_repeats_is_not_shown() {
        let finding = smtp_refusal(
            Around::default(),
            Stage::SubmissionLogin,
            500,
            Some("5.5.1"),
            "Command unrecognized: \"AUTH PLAIN AGFubgBodW50ZXIy\"",
        );
        assert_eq!(finding.verdict, SubmissionAuthNotOffered);
        assert_eq!(finding.evidence, "500 5.5.1 Command unrecognized: \"AUTH PLAIN …");
        let finding =
            smtp_refusal(Around::default(), Stage::SubmissionLogin, 535, None, "AUTH failed for user");
        assert_eq!(finding.evidence, "535 AUTH failed for user");
    }

    #[test]
    fn no_row_hides_behind_another() {
        for (at, row) in TABLE.iter().enumerate() {
            let hidden = TABLE[..at].iter().find(|earlier| {
                earlier.0 == row.0
                    && (earlier.1.is_empty() || earlier.1 == row.1)
                    && (earlier.2.is_empty() || row.2.contains(earlier.2))
            });
            assert_eq!(hidden, None, "{row:?} can never be reached");
        }
    }
}
