//! The catalogue: every verdict with its code, exit code, stages, meaning, remedy and look.

use super::Stage;
use serde::{Serialize, Serializer};

macro_rules! catalogue {
    ($($variant:ident $code:literal $exit:literal [$($stage:ident)*] $meaning:literal $remedy:literal $shows:literal)+) => {
        /// What can be wrong with an account. Codes are stable: scripts depend on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Verdict {
            $(#[doc = $meaning] $variant,)+
        }

        impl Verdict {
            /// Every verdict, in the catalogue's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable code, as `credentials-refused`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The exit code (sysexits) of a command that fails for this reason; 0 for a mere note.
            #[must_use]
            pub fn exit_code(self) -> u8 {
                match self { $(Self::$variant => $exit,)+ }
            }

            /// Where it is met.
            #[must_use]
            pub fn stages(self) -> &'static [Stage] {
                match self { $(Self::$variant => &[$(Stage::$stage),*],)+ }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What to do, in one or two sentences.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }

            /// How it shows, apart from the lines in the table of signatures; empty when they say it all.
            #[must_use]
            pub fn shows(self) -> &'static str {
                match self { $(Self::$variant => $shows,)+ }
            }
        }
    };
}

catalogue! {
    // A refused login, and why.
    AppPasswordRequired "app-password-required" 77 [Login SubmissionLogin]
        "The password may be right, but mail programs need an app password here."
        "Create an app password in the provider's security settings, and use it in place of the account's password."
        ""
    TwoStepBlocksPassword "two-step-blocks-password" 77 [Login SubmissionLogin]
        "Two-step sign-in closes mail programs out at this provider, and it has no app passwords."
        "Turn two-step sign-in off in the provider's control panel, or use its web mail."
        ""
    OauthRequired "oauth-required" 77 [Login SubmissionLogin]
        "This provider takes no password from mail programs; it wants a browser sign-in."
        "No password will work, so do not try others: use a token command with --auth oauthbearer or --auth xoauth2."
        "The server offers XOAUTH2 or OAUTHBEARER and no way to use a password."
    BrowserSignInRequired "browser-sign-in-required" 77 [Login SubmissionLogin]
        "The provider wants you to sign in with a browser first."
        "Open the link, sign in and confirm that it was you, then try again."
        ""
    AdminConsentRequired "admin-consent-required" 77 [Login SubmissionLogin]
        "Your sign-in worked; an administrator must approve this program."
        "Ask the administrator of the organisation to approve it, and show them the server's line."
        ""
    ServiceDisabled "service-disabled" 77 [Login SubmissionLogin]
        "This service is switched off for the account."
        "Switch IMAP (or SMTP) on in the provider's settings, or ask its administrator to. The password need not change."
        "IMAP refuses a password that submission accepted a moment ago."
    AccountNotConnected "account-not-connected" 77 [Login Mailbox]
        "The login worked, but the mailbox behind it cannot be used."
        "The password is not the problem: check that IMAP is on for this mailbox, that it is the right one, and that a token has the scope for IMAP."
        ""
    UsernameForm "username-form" 77 [Login SubmissionLogin]
        "The server wants another form of the user name."
        "Give the other form (the full address, or the part before the @) with --username."
        ""
    CredentialsRefused "credentials-refused" 77 [Login SubmissionLogin]
        "The server refused the login and does not say why."
        "Check in this order: the password, by signing in to the provider's web mail with it; whether two-step sign-in is on and wants an app password; whether IMAP is switched on in the provider's settings; and the user name, which is mostly the full address and sometimes the part before the @. Do not send the same password again and again: servers lock accounts for that."
        ""
    PasswordHasSpace "password-has-space" 65 [Login SubmissionLogin]
        "The password begins or ends with white space, or looks like an app password copied in groups."
        "If the white space came with the copying, remove it; nothing is changed without asking."
        "The password itself, looked at here: white space at an end, or groups of equal length with a space between."
    PasswordNotAscii "password-not-ascii" 65 [Login SubmissionLogin]
        "The password has characters outside ASCII, which not every server and login method can carry."
        "If the login is refused, change the password to one of plain ASCII characters."
        "The password itself, looked at here, when the server offers LOGIN only."
    AccountLocked "account-locked" 77 [Login SubmissionLogin]
        "The account is locked or expired, or this login is not permitted."
        "Stop trying, sign in to the provider's web mail, and ask the provider or the administrator."
        ""
    TemporaryFailure "temporary-failure" 75 [Greeting Login Mailbox SubmissionConnect SubmissionLogin Sender]
        "The server cannot do this at the moment."
        "Keep the password and try again later: this says nothing about it."
        ""
    TooManyConnections "too-many-connections" 75 [Greeting Login Mailbox SubmissionConnect SubmissionLogin Sender]
        "Too many connections to this account or from this network are open."
        "Close other mail programs and try again in some minutes; the password was not looked at."
        ""
    RateLimited "rate-limited" 75 [Login SubmissionConnect SubmissionLogin Sender]
        "The server takes no more attempts or messages for now."
        "Wait before trying again, an hour if the server names no time; the password was not looked at."
        ""
    AddressBlocked "address-blocked" 69 [Connect Greeting SubmissionConnect]
        "The server seems to have blocked this network address."
        "Stop trying: every attempt makes it longer. Wait an hour, or use another network."
        "All mail ports of the host refuse or time out right after refused logins, while port 443 answers."
    MechanismUnsupported "mechanism-unsupported" 76 [Capability Login SubmissionLogin]
        "The server offers no way to log in that works with restante."
        "Ask the provider for plain password login over TLS, or choose another offered way with --auth."
        "No offered mechanism is one of restante's, or the server refuses the one it offered."
    IdRequired "id-required" 76 [Mailbox]
        "The server opens mailboxes only to programs that have told their name (ID, RFC 2971)."
        "Nothing to do but to try again: restante tells its name after the login. If it stays, report it."
        ""
    MailboxMoved "mailbox-moved" 77 [Login Mailbox]
        "The server says that the mailbox lives elsewhere now."
        "Compare the old server with the new one in the server's line; if it is the provider's, run setup again with --imap."
        ""
    // The way there.
    AddressInvalid "address-invalid" 64 [Address Sender]
        "This is not an e-mail address that can be used."
        "Check it for spaces, for a missing or second @, and for the dot in the domain."
        "The address does not follow RFC 5322, has no domain, or its domain does not map to ASCII."
    DomainNotFound "domain-not-found" 68 [Dns]
        "The domain of this address does not exist."
        "Check the part after the @ for a typing error."
        "The name service answers NXDOMAIN."
    NoMailService "no-mail-service" 68 [Discovery]
        "No IMAP service was found for this domain."
        "Ask the provider for its servers, and give them with --imap and --smtp."
        "No source has settings and no usual name answers; `MX 0 .` (RFC 7505); an SRV target of `.` (RFC 6186)."
    NeedsBridge "needs-bridge" 69 [Discovery]
        "This provider offers no IMAP without a program of its own."
        "Install the provider's bridge program, if it has one, and use the address and password it shows."
        "The domain of the address, or its mail exchanger, belongs to such a provider."
    ServerMoved "server-moved" 69 [Dns Connect Tls]
        "The stored server is gone, and the provider names another one now."
        "Compare old and new, and confirm the move; mail and mailboxes stay."
        "A stored host is not found, refuses connections or shows another's certificate, and discovery names another host."
    MailMissing "mail-missing" 0 [Mailbox]
        "The new server does not have everything that the old one had."
        "It stays here for 30 days at least. If the provider still copies, wait; else ask it for the rest."
        "After a move, messages that were held are not on the new server."
    SourcesDisagree "sources-disagree" 0 [Discovery]
        "Places that should know this domain name different servers."
        "Nothing to do when it works: the most credible one is used. Whoever runs the domain should mend the others."
        "Two sources name different hosts, as a web host's old document beside the mail exchanger of another provider."
    DnsFailure "dns-failure" 75 [Dns]
        "The domain's name service does not answer properly."
        "Nothing is wrong with your settings: try again later, or tell the domain's owner."
        "SERVFAIL, or no answer in time, while other domains can be resolved."
    Offline "offline" 75 [Dns Connect]
        "This machine has no network."
        "Connect it, then try again."
        "There is no resolver, or no route to any address."
    CaptivePortal "captive-portal" 75 [Discovery]
        "This network answers in place of the internet."
        "Sign in to the network in a browser, then try again."
        "A request of discovery is answered by another host's page or certificate."
    ConnectionRefused "connection-refused" 69 [Connect SubmissionConnect]
        "Nothing listens on this port."
        "Check host and port: reading is mostly 993, sending 465 or 587."
        "The connection is refused at once (RST)."
    PortBlocked "port-blocked" 69 [Connect SubmissionConnect]
        "The connection attempt got no answer."
        "This network may block the port: try 465 in place of 587 (or the other way round), or another network."
        "The connection attempt times out; the more surely so when another port of the host answers."
    Ipv6Broken "ipv6-broken" 0 [Connect SubmissionConnect]
        "The server's IPv6 address does not answer; its IPv4 address does."
        "Nothing to do: IPv4 is used."
        "An AAAA address fails and an A address works."
    PlainOnTlsPort "plain-on-tls-port" 76 [Greeting SubmissionConnect]
        "The port speaks TLS from the first byte."
        "Use implicit TLS for this port: write it as HOST:PORT/tls."
        "The server waits, or hangs up without a greeting, where a greeting in the clear is due."
    TlsOnPlainPort "tls-on-plain-port" 76 [Tls SubmissionTls]
        "The port speaks in the clear first and starts TLS later."
        "Use STARTTLS for this port: write it as HOST:PORT/starttls."
        "`* OK` or `220 ` where a TLS record is due."
    StarttlsNotOffered "starttls-not-offered" 76 [Capability Tls SubmissionTls SubmissionLogin]
        "The server offers no encryption on this port."
        "Refused, because a fault cannot be told from an attack. Try the port with implicit TLS: 993 for reading, 465 for sending."
        "STARTTLS is missing in CAPABILITY or EHLO, or refused."
    StarttlsStripped "starttls-stripped" 76 [Tls SubmissionTls]
        "Somebody put bytes between the greeting and the encryption."
        "Refused: this network or the server cannot be trusted with a password. Try another network, or the port with implicit TLS."
        "Bytes after the answer to STARTTLS and before the handshake, or PREAUTH where STARTTLS is due."
    CleartextRefused "cleartext-refused" 77 [Login SubmissionLogin Sender]
        "The server takes no password without encryption."
        "Use the port with /tls or /starttls. If the server's line says that the password was exposed, change it."
        "LOGINDISABLED is listed (RFC 9051, section 6.2.3)."
    NotAMailServer "not-a-mail-server" 76 [Greeting SubmissionConnect]
        "What answered is not a mail server."
        "Check host and port; the evidence shows what answered there."
        "HTTP, SSH or anything else in place of a greeting."
    GreetingRefused "greeting-refused" 69 [Greeting SubmissionConnect]
        "The server closed the door at once."
        "Read its words; try again later, or from another network."
        ""
    CertificateNameMismatch "certificate-name-mismatch" 76 [Tls SubmissionTls]
        "The server's certificate is for other names."
        "Use a host name that the certificate has, after checking that it is your provider's."
        "The host is not among the certificate's names."
    CertificateExpired "certificate-expired" 76 [Tls SubmissionTls]
        "The server's certificate has expired."
        "Whoever runs the server must renew it; if this machine's clock is wrong, set that."
        "The certificate's notAfter has passed."
    CertificateNotYetValid "certificate-not-yet-valid" 76 [Tls SubmissionTls]
        "The server's certificate is not valid yet."
        "Check this machine's clock first; if it is right, whoever runs the server must mend the certificate."
        "The certificate's notBefore is ahead."
    ClockWrong "clock-wrong" 78 [Discovery Tls]
        "This machine's clock is wrong."
        "Set the clock; certificates cannot be checked until then."
        "The HTTP Date of discovery and this machine's clock are more than a day apart."
    CertificateChainIncomplete "certificate-chain-incomplete" 76 [Tls SubmissionTls]
        "The server does not send the certificate that vouches for its own."
        "Whoever runs the server must add the intermediate certificate to what it sends; until then it can be named with --ca-file."
        "Only one certificate came, and its issuer is another."
    CertificateUnknownIssuer "certificate-unknown-issuer" 76 [Tls SubmissionTls]
        "The certificate's issuer is not trusted on this machine."
        "If a company's own authority issued it, name that authority's certificate with --ca-file; else do not go on."
        "The chain ends in a certificate that is not among the trusted ones."
    CertificateSelfSigned "certificate-self-signed" 76 [Tls SubmissionTls]
        "The server vouches for itself only."
        "If you run this server, compare the fingerprint on the server itself, then accept exactly this certificate with --pin sha256:…; else do not go on."
        "The certificate's issuer is its own subject."
    TlsIntercepted "tls-intercepted" 76 [Tls SubmissionTls]
        "A program or device on the way opens the encryption."
        "Turn the mail scanning of the product named in the certificate off, or ask who runs it."
        "The issuer names an antivirus program or a middlebox."
    TlsVersionUnsupported "tls-version-unsupported" 76 [Tls SubmissionTls]
        "The server offers no encryption that is still safe."
        "Whoever runs the server must update it to TLS 1.2 or later; the network is not at fault."
        "The alerts handshake_failure or protocol_version, or an end of the connection after the hello."
    ExchangeOnly "exchange-only" 69 [Discovery]
        "Exchange (ActiveSync) is open and IMAP is not."
        "Ask the administrator to open IMAP, or read this mail with a program that speaks Exchange."
        "Discovery names Exchange services only, or IMAP is closed while ActiveSync or Autodiscover answers."
    // Submission.
    SubmissionLoginRefused "submission-login-refused" 77 [SubmissionLogin]
        "Reading works; the sending server refused the same password."
        "The password is right for reading. Check whether sending has a switch, a user name or an app password of its own at this provider."
        "Submission refuses a password that IMAP accepted a moment ago."
    SubmissionAuthNotOffered "submission-auth-not-offered" 76 [SubmissionLogin]
        "The sending server offers no login."
        "It is probably the wrong port or server for sending: try 587 with STARTTLS or 465 with TLS."
        "EHLO over TLS lists no AUTH."
    SubmissionAuthRequired "submission-auth-required" 77 [SubmissionLogin Sender]
        "The sending server wants a login first."
        "Turn the login for sending on: give a password, and a server of this account's provider with --smtp."
        ""
    SenderNotAllowed "sender-not-allowed" 77 [Sender]
        "The login is fine; this account may not send from this address."
        "Send from the account's own address, or have the provider add this one to the account."
        ""
    RecipientRefused "recipient-refused" 69 [Sender]
        "The server takes no mail for this recipient."
        "Check the address for a typing error; the server's line says whether the mailbox is unknown, full or closed."
        ""
    MessageRefused "message-refused" 69 [Sender]
        "The server does not take this message: its content or its origin looks wrong to it."
        "Read the server's line and the page it names; sending the same again will not help."
        ""
    ClientHostRefused "client-host-refused" 69 [SubmissionConnect Sender]
        "The server refuses this network."
        "Send through the provider's submission server with a login (465 or 587), or try another network."
        ""
    MessageTooLarge "message-too-large" 65 [Sender]
        "The message is larger than the server takes."
        "Send less, or a link in its place; the evidence has the limit where the server told it."
        "EHLO announces a SIZE below the message's (RFC 1870)."
    MailboxFull "mailbox-full" 69 [Mailbox Sender]
        "There is no room left in the mailbox on the server, or hardly any."
        "Delete mail there, or ask the provider for more room."
        ""
    MessageNotTaken "message-not-taken" 65 [Sender]
        "The sending server cannot carry a message of this kind."
        "Send it without characters outside ASCII in addresses, or as an attachment."
        "EHLO lacks SMTPUTF8 or 8BITMIME, which the message needs."
    RequestRefused "request-refused" 69 [Mailbox]
        "The server refused what it was asked."
        "Read its words; if they do not help, ask the provider."
        ""
    ProtocolError "protocol-error" 76 [Greeting Login Mailbox SubmissionConnect SubmissionLogin Sender]
        "The server said something that cannot be understood."
        "Try again; if it stays, report the line to restante's authors."
        "A line that follows no grammar, or an answer to nothing that was asked."
    ConnectionLost "connection-lost" 75 [Connect Tls Greeting Login Mailbox SubmissionConnect SubmissionLogin Sender]
        "The connection ended before the work was done."
        "Try again; nothing is lost."
        "The connection closes or falls silent in the middle of something."
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Verdict::ALL.iter().map(|v| v.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Verdict::ALL.len());
    }

    #[test]
    fn every_verdict_says_what_it_means_and_what_to_do() {
        for verdict in Verdict::ALL {
            let code = verdict.code();
            assert!(verdict.meaning().ends_with('.') && verdict.remedy().ends_with('.'), "{code}");
            assert!(!verdict.stages().is_empty(), "{code}");
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{code}"
            );
        }
    }
}
