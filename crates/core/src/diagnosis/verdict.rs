//! The catalogue: every verdict with its code, exit code, meaning and remedy.

use serde::{Serialize, Serializer};

macro_rules! catalogue {
    ($($variant:ident $code:literal $exit:literal $meaning:literal $remedy:literal)+) => {
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
        }
    };
}

catalogue! {
    AppPasswordRequired "app-password-required" 77
        "The password may be right, but two-step sign-in is on and mail programs need an app password."
        "Create an app password in the provider's security settings and use it here."
    TwoStepBlocksPassword "two-step-blocks-password" 77
        "Two-step sign-in closes mail programs out at this provider, and it has no app passwords."
        "Turn two-step sign-in off in the provider's control panel, or use its web mail."
    OauthRequired "oauth-required" 77
        "This provider takes no password from mail programs; it wants a browser sign-in."
        "Use a token command with --auth oauthbearer or xoauth2; no password will work."
    BrowserSignInRequired "browser-sign-in-required" 77
        "The provider wants you to sign in with a browser first."
        "Open the link, sign in, then try again."
    AdminConsentRequired "admin-consent-required" 77
        "Your sign-in worked; an administrator must approve this program."
        "Ask the administrator of the domain to approve it."
    ServiceDisabled "service-disabled" 77
        "This service is switched off for the account."
        "Switch it on in the provider's settings; the password need not change."
    AccountNotConnected "account-not-connected" 77
        "The password was taken, but the mailbox behind it cannot be used."
        "Check that IMAP is on for this mailbox and that it is the right one."
    UsernameForm "username-form" 77
        "The server wants another form of the user name."
        "Set it with --username."
    CredentialsRefused "credentials-refused" 77
        "The server refused the login and does not say why."
        "Check in this order: the password as typed into the provider's web mail, whether two-step sign-in asks for an app password, whether IMAP is switched on, and the user name's form. Do not retype the same password again and again."
    PasswordHasSpace "password-has-space" 65
        "The password begins or ends with a space, or looks like an app password copied in groups."
        "Check it before it is sent."
    PasswordNotAscii "password-not-ascii" 65
        "The password has characters that this server's only login method cannot carry."
        "Change the password to one of plain ASCII characters."
    AccountLocked "account-locked" 77
        "The account is locked or expired, or this login is not permitted."
        "Stop trying, and ask the provider or the administrator."
    TemporaryFailure "temporary-failure" 75
        "The server cannot check passwords at the moment."
        "Keep the password and try again later."
    TooManyConnections "too-many-connections" 75
        "Too many connections to this account are open."
        "Close other mail programs and try again; the password was not looked at."
    RateLimited "rate-limited" 75
        "The server takes no more attempts for now."
        "Wait before trying again; the password was not looked at."
    AddressBlocked "address-blocked" 69
        "The server seems to have blocked this network address."
        "Stop, wait, or try from another network."
    MechanismUnsupported "mechanism-unsupported" 76
        "The server offers no way to log in that restante speaks."
        "Ask the provider for plain password login over TLS, or use --auth."
    IdRequired "id-required" 76
        "The server wants to know the program's name before it opens mailboxes."
        "Nothing to do: restante sends it."
    MailboxMoved "mailbox-moved" 77
        "The server says that the mailbox lives elsewhere now."
        "Run setup again with the new server."
    AddressInvalid "address-invalid" 64
        "This is not an e-mail address that can be set up."
        "Check the address."
    DomainNotFound "domain-not-found" 68
        "The domain of this address does not exist."
        "Check the part after the @ for a typing error."
    NoMailService "no-mail-service" 68
        "No IMAP service was found for this domain."
        "Ask the provider for its IMAP server, and give it with --imap and --smtp."
    NeedsBridge "needs-bridge" 69
        "This provider offers no IMAP without a program of its own."
        "Install the provider's bridge program, if it has one."
    ServerMoved "server-moved" 69
        "The stored server is gone, and the provider names another one now."
        "Check old and new, and confirm the move."
    MailMissing "mail-missing" 0
        "The new server does not have everything that the old one had."
        "It stays here for 30 days at least. If the provider still copies, wait; else ask it for the rest."
    DnsFailure "dns-failure" 75
        "The domain's name service does not answer properly."
        "Nothing is wrong with your settings; try again later, or ask the domain's owner."
    Offline "offline" 75
        "This machine has no network."
        "Connect it, then try again."
    CaptivePortal "captive-portal" 75
        "This network answers in place of the internet."
        "Sign in to the network in a browser, then try again."
    ConnectionRefused "connection-refused" 69
        "Nothing listens on this port."
        "Check the host and the port."
    PortBlocked "port-blocked" 69
        "The connection attempt got no answer."
        "This network may block the port: try another port or another network."
    Ipv6Broken "ipv6-broken" 0
        "The server's IPv6 address does not answer; its IPv4 address does."
        "Nothing to do: IPv4 is used."
    PlainOnTlsPort "plain-on-tls-port" 76
        "The port speaks TLS from the first byte."
        "Use implicit TLS for this port (…/tls)."
    TlsOnPlainPort "tls-on-plain-port" 76
        "The port speaks in the clear first and starts TLS later."
        "Use STARTTLS for this port (…/starttls)."
    StarttlsNotOffered "starttls-not-offered" 76
        "The server offers no encryption on this port."
        "Refused, because a fault cannot be told from an attack. Try the port with implicit TLS (993, 465)."
    StarttlsStripped "starttls-stripped" 76
        "Somebody put bytes between the greeting and the encryption."
        "Refused: this network or the server cannot be trusted with a password."
    CleartextRefused "cleartext-refused" 77
        "The server takes no password without encryption."
        "Turn TLS on."
    NotAMailServer "not-a-mail-server" 76
        "What answered is not a mail server."
        "Check the host and the port."
    GreetingRefused "greeting-refused" 69
        "The server closed the door at once."
        "Read its words; try again later or from another network."
    CertificateNameMismatch "certificate-name-mismatch" 76
        "The server's certificate is for other names."
        "Use a host name that the certificate has, after checking that it is your provider's."
    CertificateExpired "certificate-expired" 76
        "The server's certificate has expired."
        "The provider must renew it; if this machine's clock is wrong, set it."
    CertificateNotYetValid "certificate-not-yet-valid" 76
        "The server's certificate is not valid yet."
        "Check this machine's clock; else the provider must mend the certificate."
    ClockWrong "clock-wrong" 78
        "This machine's clock is wrong."
        "Set the clock."
    CertificateChainIncomplete "certificate-chain-incomplete" 76
        "The server does not send the certificate that vouches for its own."
        "The provider must add the intermediate certificate."
    CertificateUnknownIssuer "certificate-unknown-issuer" 76
        "The certificate's issuer is not trusted on this machine."
        "If a company's own authority issued it, add that with --ca-file; else do not go on."
    CertificateSelfSigned "certificate-self-signed" 76
        "The server vouches for itself only."
        "If you run this server, add its certificate with --ca-file after comparing it."
    TlsIntercepted "tls-intercepted" 76
        "A program or device on the way opens the encryption."
        "Turn the interception off for mail, or ask who runs it."
    TlsVersionUnsupported "tls-version-unsupported" 76
        "The server offers no encryption that is still safe."
        "The provider must update the server."
    ExchangeOnly "exchange-only" 69
        "Exchange (ActiveSync) is open and IMAP is not."
        "Ask the administrator to open IMAP, or use a program that speaks Exchange."
    SubmissionLoginRefused "submission-login-refused" 77
        "Reading works; the sending server refused the same password."
        "Check whether sending needs its own switch, user name or password at this provider."
    SubmissionAuthNotOffered "submission-auth-not-offered" 76
        "The sending server offers no login."
        "It is probably the wrong port or server for sending: try 587 with STARTTLS or 465 with TLS."
    SubmissionAuthRequired "submission-auth-required" 77
        "The sending server wants a login first."
        "Turn SMTP login on."
    SenderNotAllowed "sender-not-allowed" 77
        "The login is fine; this account may not send from this address."
        "Send from the account's own address, or ask for permission to use this one."
    ClientHostRefused "client-host-refused" 69
        "The server refuses this network."
        "Try another network."
    MessageTooLarge "message-too-large" 65
        "The message is larger than the server takes."
        "Send less, or a link in its place."
    MailboxFull "mailbox-full" 69
        "There is no room left in the mailbox on the server."
        "Delete mail there, or ask the provider for more room."
    MessageNotTaken "message-not-taken" 65
        "The sending server cannot carry a message of this kind."
        "Send it without characters outside ASCII in addresses, or as an attachment."
    RequestRefused "request-refused" 69
        "The server refused what it was asked."
        "Read its words; if they do not help, ask the provider."
    ProtocolError "protocol-error" 76
        "The server said something that cannot be understood."
        "Try again; if it stays, report the line to restante's authors."
    ConnectionLost "connection-lost" 75
        "The connection ended before the work was done."
        "Try again; nothing is lost."
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
}
