use super::*;
use Certainty::{CannotTell, Certain, Likely};
use Verdict::*;

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
        ("UNAVAILABLE", "Maximum number of connections from user+IP exceeded", TooManyConnections, Certain),
        ("LIMIT", "Slow down", TooManyConnections, Likely),
        ("EXPIRED", "Password expired", AccountLocked, Certain),
        ("CONTACTADMIN", "Suspended", AccountLocked, Certain),
        ("AUTHORIZATIONFAILED", "No such identity", AccountLocked, Likely),
        ("PRIVACYREQUIRED", "Cleartext authentication disallowed", CleartextRefused, Certain),
        ("", "Login only available under a layer", CleartextRefused, Likely),
        ("REFERRAL imap://new.example.org/", "Try there", MailboxMoved, Certain),
        ("authenticationfailed", "Too many simultaneous connections. (Failure)", TooManyConnections, Certain),
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
        (Stage::Sender, 553, "5.7.1", "<a>: Sender address rejected: not owned by user b", SenderNotAllowed),
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
        let finding =
            smtp_refusal(Around::default(), *stage, *code, (!enhanced.is_empty()).then_some(enhanced), text);
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
    let finding = smtp_refusal(Around::default(), Stage::SubmissionLogin, 535, None, "AUTH failed for user");
    assert_eq!(finding.evidence, "535 AUTH failed for user");
}

#[test]
fn no_row_hides_behind_another() {
    for on in [On::ImapGreeting, On::ImapLogin, On::Mailbox, On::SmtpGreeting, On::SmtpLogin, On::Sender] {
        let rows = table(on);
        for (at, row) in rows.iter().enumerate() {
            let hidden = rows[..at].iter().find(|earlier| {
                (earlier.0 == When::Any || earlier.0 == row.0)
                    && (earlier.1.is_empty() || earlier.1 == row.1)
                    && contains(row.2, earlier.2)
            });
            assert_eq!(hidden, None, "{on:?} {row:?} can never be reached");
            assert_eq!(row.2, row.2.to_lowercase(), "{on:?}");
            assert!(row.4 != Certain || row.5.is_empty(), "{on:?} {row:?}: certain, and yet others");
        }
        let last = rows.last().map(|row| (row.0, row.1, row.2));
        assert_eq!(last, Some((When::Any, "", "")), "{on:?}: something may fit no row");
    }
}

#[test]
fn every_condition_names_somebody() {
    for row in signatures() {
        if let When::At(name) = row.when {
            assert!(Provider::ALL.iter().any(|provider| provider.name == name), "{name}");
        }
    }
}

fn at<'a>(host: &'a str, greeting: &'a str, username: &'a str) -> Around<'a> {
    Around { host, greeting, username }
}

const EXCHANGE: &str = "The Microsoft Exchange IMAP4 service is ready. [RQBYAEEATQBQAEwARQA=]";

/// Host, greeting, user name, code and text of a refusal by IMAP; the verdict, how sure, a part of the
/// remedy, and of the link.
type Case = (
    (&'static str, &'static str, &'static str),
    (&'static str, &'static str),
    (Verdict, Certainty),
    (&'static str, &'static str),
);

#[test]
fn two_step_sign_in_gets_each_provider_its_own_advice() {
    let cases: &[Case] = &[
        (
            ("imap.gmail.com", "Gimap ready for requests", "joe@gmail.com"),
            (
                "ALERT",
                "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
            ),
            (AppPasswordRequired, Certain),
            ("Google", "https://myaccount.google.com/apppasswords"),
        ),
        (
            ("imap.kolabnow.com", "", "joe@kolabnow.com"),
            ("", "Login failed: authentication failure"),
            (TwoStepBlocksPassword, Likely),
            (
                "there are no app passwords",
                "https://kb.kolabnow.com/documentation/two-factor-authentication-2fa-at-kolab-now",
            ),
        ),
        (
            ("imap.mail.ru", "", "joe@mail.ru"),
            (
                "AUTHENTICATIONFAILED",
                "NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED",
            ),
            (AppPasswordRequired, Certain),
            ("Mail.ru", "https://account.mail.ru/user/2-step-auth/passwords/"),
        ),
        (
            ("imap.qq.com", "[CAPABILITY IMAP4] QQMail IMAP4Server ready", "joe@qq.com"),
            ("", "Please using authorized code to login."),
            (AppPasswordRequired, Certain),
            ("authorization code", "https://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256"),
        ),
        (
            ("imap.mail.me.com", "(2428B47-26126cfe23cd) p00-iscream-f9f7bf749-qjr87", "joe"),
            ("AUTHENTICATIONFAILED", "Authentication failed"),
            (AppPasswordRequired, Likely),
            ("app-specific password", "https://account.apple.com/account/manage"),
        ),
        (
            ("outlook.office365.com", EXCHANGE, "joe@outlook.com"),
            ("", "LOGIN failed."),
            (OauthRequired, Likely),
            (
                "Forwarding and IMAP",
                "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040",
            ),
        ),
        (
            ("outlook.office365.com", EXCHANGE, "joe@example.org"),
            ("", "AUTHENTICATE failed."),
            (OauthRequired, Likely),
            ("administrator", "https://learn.microsoft.com/exchange/"),
        ),
    ];
    let mut remedies = std::collections::BTreeSet::new();
    for ((host, greeting, username), (code, text), (verdict, certainty), (remedy, link)) in cases {
        let finding = imap_refusal(at(host, greeting, username), (!code.is_empty()).then_some(code), text);
        assert_eq!((finding.verdict, finding.certainty), (*verdict, *certainty), "{host} {text}");
        assert!(finding.remedy.contains(remedy), "{host}: {}", finding.remedy);
        let shown = finding.link.as_deref().unwrap_or_default();
        assert!(shown.starts_with(link), "{host}: {shown}");
        assert!(finding.evidence.contains(text), "{host}: {}", finding.evidence);
        assert!(remedies.insert(finding.remedy.clone()), "{host}: {}", finding.remedy);
    }
    let kolab = imap_refusal(at("imap.kolabnow.com", "", "joe@kolabnow.com"), None, "Login failed");
    assert_eq!(kolab.also, [CredentialsRefused]);
}

/// Nobody knows why: the finding says so, and what to check, in order.
#[test]
fn a_bare_refusal_by_an_unknown_server_cannot_be_told() {
    let around = |greeting| at("mail.example.org", greeting, "joe@example.org");
    for (greeting, code, text) in [
        ("Dovecot ready.", Some("AUTHENTICATIONFAILED"), "Authentication failed."),
        ("mail.example.org Cyrus IMAP v3.8 server ready", None, "Login failed: authentication failure"),
        ("mail.example.org Cyrus IMAP v3.8 server ready", None, "authentication failure"),
        ("Courier-IMAP ready.", None, "Login failed."),
    ] {
        let finding = imap_refusal(around(greeting), code, text);
        assert_eq!((finding.verdict, finding.certainty), (CredentialsRefused, CannotTell), "{text}");
        assert_eq!(finding.password, PasswordJudgement::Refused);
        assert_eq!(
            finding.also.get(..3),
            Some(&[AppPasswordRequired, ServiceDisabled, UsernameForm][..]),
            "{text}"
        );
        let place = |words: &str| finding.remedy.find(words).unwrap_or_else(|| panic!("{words}"));
        let order =
            [place("web mail"), place("app password"), place("IMAP is switched on"), place("user name")];
        assert!(order.is_sorted(), "{}", finding.remedy);
        assert_eq!(finding.link, None);
    }
}

#[test]
fn what_the_line_does_not_say_is_taken_from_around_it() {
    let cases: &[Case] = &[
        // Exchange elsewhere, which may take passwords.
        (
            ("mail.example.org", EXCHANGE, "joe@example.org"),
            ("", "LOGIN failed."),
            (OauthRequired, Likely),
            ("token command", ""),
        ),
        (
            ("imap.example.org", "p00-iscream ready to rumble", "joe"),
            ("AUTHENTICATIONFAILED", "Authentication failed"),
            (AppPasswordRequired, Likely),
            ("Apple", "https://account.apple.com"),
        ),
        (
            ("imap.mail.yahoo.com", "", "joe@yahoo.com"),
            ("AUTHENTICATIONFAILED", "LOGIN Invalid credentials"),
            (AppPasswordRequired, Likely),
            ("Yahoo", "https://login.yahoo.com/account/security"),
        ),
        (
            ("imap.aol.com", "", "joe@aol.com"),
            ("AUTHENTICATIONFAILED", "LOGIN Invalid credentials"),
            (AppPasswordRequired, Likely),
            ("AOL", "https://login.aol.com/account/security"),
        ),
        (
            ("imap.fastmail.com", "", "joe@example.org"),
            ("", "Incorrect username or password."),
            (AppPasswordRequired, Likely),
            ("Fastmail", "https://app.fastmail.com/settings/security/apps"),
        ),
        (
            ("imap.gmail.com", "", "joe@gmail.com"),
            ("AUTHENTICATIONFAILED", "Invalid credentials (Failure)"),
            (CredentialsRefused, CannotTell),
            (
                "Gmail's web mail. Google takes no account password",
                "https://myaccount.google.com/apppasswords",
            ),
        ),
        (
            ("imap.gmx.net", "", "joe@gmx.net"),
            ("", "authentication failed"),
            (ServiceDisabled, Likely),
            ("Switch POP3/IMAP on", "https://hilfe.gmx.net/pop-imap/einschalten.html"),
        ),
        (
            ("imap.web.de", "", "joe"),
            ("", "authentication failed"),
            (ServiceDisabled, Likely),
            ("WEB.DE", "https://hilfe.web.de/pop-imap/einschalten.html"),
        ),
        (
            ("imap.web.de", "", "joe@web.de"),
            ("AUTHENTICATIONFAILED", "no"),
            (UsernameForm, Likely),
            ("`joe`, not `joe@web.de`: set it with --username joe.", ""),
        ),
        (
            ("imap.migadu.com", "", "joe"),
            ("AUTHENTICATIONFAILED", "no"),
            (UsernameForm, Likely),
            ("the full address, not `joe`", ""),
        ),
        (
            ("imap.migadu.com", "", "joe@example.org"),
            ("AUTHENTICATIONFAILED", "no"),
            (CredentialsRefused, CannotTell),
            ("Migadu's web mail. The user name is the full address.", ""),
        ),
        (
            ("imap.yandex.com", "", "joe@yandex.ru"),
            ("AUTHENTICATIONFAILED", "LOGIN invalid credentials or IMAP is disabled sc=x"),
            (CredentialsRefused, CannotTell),
            ("Switch access over IMAP on", "https://id.yandex.com"),
        ),
        (
            ("imap.163.com", "", "joe@163.com"),
            ("", "LOGIN Login error or password error"),
            (AppPasswordRequired, Likely),
            ("authorization code", "https://mail.163.com/"),
        ),
        (
            ("imap.qq.com", "", "joe@qq.com"),
            (
                "",
                "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
            ),
            (CredentialsRefused, CannotTell),
            ("QQ Mail", "https://service.mail.qq.com/"),
        ),
        (
            ("imap.naver.com", "", "joe@naver.com"),
            ("AUTHENTICATIONFAILED", "no"),
            (AppPasswordRequired, Likely),
            ("Naver", "https://nid.naver.com"),
        ),
        (
            ("imap.zoho.eu", "", "joe@zoho.eu"),
            (
                "ALERT",
                "You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
            ),
            (ServiceDisabled, Certain),
            ("Mail Accounts", "https://www.zoho.com/mail/help/imap-access.html"),
        ),
        (
            ("imap.example.org", "", "joe"),
            ("REFERRAL imap://joe@new.example.org:993/", "Moved"),
            (MailboxMoved, Certain),
            ("--imap new.example.org:993", ""),
        ),
    ];
    for ((host, greeting, username), (code, text), (verdict, certainty), (remedy, link)) in cases {
        let finding = imap_refusal(at(host, greeting, username), (!code.is_empty()).then_some(code), text);
        assert_eq!((finding.verdict, finding.certainty), (*verdict, *certainty), "{host} {text}");
        assert!(finding.remedy.contains(remedy), "{host}: {}", finding.remedy);
        let shown = finding.link.as_deref().unwrap_or_default();
        assert!(shown.starts_with(link) && (shown.is_empty() == link.is_empty()), "{host}: {shown}");
    }
}

#[test]
fn submission_knows_the_provider_too() {
    let rows: &[(&str, u16, &str, &str, Verdict, Certainty, &str)] = &[
        (
            "smtp.office365.com",
            535,
            "5.7.3",
            "Authentication unsuccessful [X.PROD.OUTLOOK.COM]",
            OauthRequired,
            Likely,
            "https://learn.",
        ),
        ("mail.example.org", 535, "5.7.3", "Authentication unsuccessful", CredentialsRefused, CannotTell, ""),
        (
            "smtp.office365.com",
            535,
            "5.7.139",
            "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
            ServiceDisabled,
            Certain,
            "https://aka.ms/smtp_auth_disabled",
        ),
        (
            "smtp.mail.ru",
            535,
            "5.7.0",
            "NEOBHODIM parol prilozheniya https://help.mail.ru/x / Application password is REQUIRED",
            AppPasswordRequired,
            Certain,
            "https://account.mail.ru",
        ),
        (
            "smtp.qq.com",
            535,
            "",
            "Error: \u{fffd}\u{fffd} http://service.mail.qq.com/cgi-bin/help",
            AppPasswordRequired,
            Likely,
            "https://service.mail.qq.com/",
        ),
        // GB 18030, read as Latin-1.
        ("smtp.example.org", 535, "", "Error: ÇëÊ¹ÓÃÊÚÈ¨ÂëµÇÂ¼", AppPasswordRequired, Certain, ""),
        ("smtp.163.com", 550, "", "User has no permission", ServiceDisabled, Likely, "https://mail.163.com/"),
        (
            "smtp.kolabnow.com",
            535,
            "5.7.8",
            "Error: authentication failed",
            TwoStepBlocksPassword,
            Likely,
            "https://kb.kolabnow.com",
        ),
        (
            "smtp.mail.yahoo.com",
            535,
            "5.7.0",
            "(#AUTH005) Too many bad auth attempts.",
            AccountLocked,
            Likely,
            "",
        ),
        (
            "smtp.gmail.com",
            535,
            "5.7.8",
            "Username and Password not accepted. https://support.google.com/mail/?p=BadCredentials",
            CredentialsRefused,
            CannotTell,
            "https://myaccount.google.com",
        ),
    ];
    for (host, code, enhanced, text, verdict, certainty, link) in rows {
        let around = at(host, "", "joe@example.org");
        let enhanced = (!enhanced.is_empty()).then_some(*enhanced);
        let finding = smtp_refusal(around, Stage::SubmissionLogin, *code, enhanced, text);
        assert_eq!((finding.verdict, finding.certainty), (*verdict, *certainty), "{host} {text}");
        let shown = finding.link.as_deref().unwrap_or_default();
        assert!(shown.starts_with(link) && (shown.is_empty() == link.is_empty()), "{host}: {shown}");
    }
}

#[test]
fn a_refused_recipient_or_message_is_not_the_sender_s_fault() {
    let rows: &[(u16, &str, &str, Verdict, Certainty)] = &[
        (
            550,
            "5.1.1",
            "<a@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
            RecipientRefused,
            Certain,
        ),
        (552, "5.2.2", "Mailbox size limit exceeded", RecipientRefused, Likely),
        (450, "4.1.1", "<a@example.org>: Recipient address rejected: User unknown", TemporaryFailure, Likely),
        (550, "5.7.26", "This mail is unauthenticated", MessageRefused, Certain),
        (554, "5.7.1", "Message considered as SPAM", MessageRefused, Likely),
        (
            550,
            "5.7.1",
            "192.0.2.2 is not allowed to send from <example.net> per its SPF Record",
            MessageRefused,
            Likely,
        ),
        (
            554,
            "5.7.1",
            "Service unavailable; Client host [192.0.2.2] blocked using a list",
            ClientHostRefused,
            Likely,
        ),
        (
            450,
            "4.7.32",
            "This mail has been rate limited because there is no DMARC alignment",
            MessageRefused,
            Likely,
        ),
        (452, "4.5.3", "rate limit exceeded", RateLimited, Certain),
        (550, "5.4.5", "Daily user sending quota exceeded.", RateLimited, Certain),
        (552, "5.3.4", "Message too big for system", MessageTooLarge, Certain),
        (550, "", "Rejected", MessageRefused, Likely),
        (553, "", "No", SenderNotAllowed, Likely),
    ];
    for (code, enhanced, text, verdict, certainty) in rows {
        let enhanced = (!enhanced.is_empty()).then_some(*enhanced);
        let finding = smtp_refusal(Around::default(), Stage::Sender, *code, enhanced, text);
        assert_eq!((finding.verdict, finding.certainty), (*verdict, *certainty), "{code} {text}");
        assert_eq!(finding.password, PasswordJudgement::Accepted);
    }
}

#[test]
fn after_the_login_the_password_is_not_in_question() {
    let rows: &[(&str, &str, Verdict)] = &[
        ("", "SELECT Unsafe Login. Please contact kefu@188.com for help", IdRequired),
        ("", "User is authenticated but not connected.", AccountNotConnected),
        ("OVERQUOTA", "Sorry", MailboxFull),
        ("INUSE", "locked", TemporaryFailure),
        ("REFERRAL imap://new.example.org/", "elsewhere", MailboxMoved),
        ("NONEXISTENT", "Unknown Mailbox", RequestRefused),
    ];
    for (code, text, verdict) in rows {
        let finding = mailbox_refusal(Around::default(), (!code.is_empty()).then_some(code), text);
        assert_eq!((finding.verdict, finding.stage), (*verdict, Stage::Mailbox), "[{code}] {text}");
        assert_eq!(finding.password, PasswordJudgement::Accepted, "{text}");
    }
}

#[test]
fn a_closed_door_says_why() {
    let rows: &[(&str, Verdict)] = &[
        ("Too many connections from your address", TooManyConnections),
        ("[LIMIT] Slow down", TooManyConnections),
        ("[UNAVAILABLE] Later", TemporaryFailure),
        ("Your IP 192.0.2.1 is blocked", AddressBlocked),
        ("IMAP service temporarily unavailable", TemporaryFailure),
        ("IMAP server shutting down", TemporaryFailure),
        ("No", GreetingRefused),
    ];
    for (text, verdict) in rows {
        let finding = imap_greeting(Around::default(), text);
        assert_eq!((finding.verdict, finding.stage), (*verdict, Stage::Greeting), "{text}");
        assert_eq!(finding.evidence, format!("* BYE {text}"));
        assert_eq!(finding.password, PasswordJudgement::NotJudged, "{text}");
    }
}
