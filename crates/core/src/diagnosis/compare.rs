//! What the two sides say together: the same password, judged by IMAP and by submission.

use super::provider::Provider;
use super::{Certainty, Finding, PasswordJudgement, Service, Stage, Verdict};

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login<'a> {
    /// Nobody tried.
    Untried,
    /// It was taken.
    Accepted,
    /// It was not.
    Failed(&'a Finding),
}

/// A password that one side takes and the other refuses is a right password: what this says of the side that
/// refused. `None` when the two do not contradict each other, or when the refusal says itself why it was.
#[must_use]
pub fn compare(provider: Option<&Provider>, imap: Login<'_>, smtp: Login<'_>) -> Option<Finding> {
    match (imap, smtp) {
        (Login::Failed(refusal), Login::Accepted) if is_open(refusal) => {
            let evidence = format!("{} (submission accepted the same password)", refusal.evidence);
            let mut finding = Finding::new(Stage::Login, Service::Imap, Verdict::ServiceDisabled, evidence);
            if let Some(switch) = provider.and_then(|provider| provider.switch) {
                switch.say.clone_into(&mut finding.remedy);
                finding.link = Some(switch.link.to_owned());
            }
            finding.also = vec![Verdict::UsernameForm, Verdict::AppPasswordRequired];
            Some(compared(finding))
        }
        (Login::Accepted, Login::Failed(refusal)) if is_open(refusal) => {
            let evidence = format!("{} (IMAP accepted the same password)", refusal.evidence);
            let verdict = Verdict::SubmissionLoginRefused;
            let mut finding = Finding::new(Stage::SubmissionLogin, Service::Smtp, verdict, evidence);
            finding.also =
                vec![Verdict::ServiceDisabled, Verdict::UsernameForm, Verdict::AppPasswordRequired];
            Some(compared(finding))
        }
        _ => None,
    }
}

fn compared(mut finding: Finding) -> Finding {
    finding.certainty = Certainty::Likely;
    finding.password = PasswordJudgement::Accepted;
    finding
}

/// Whether a refusal is one of the login that leaves open why.
fn is_open(refusal: &Finding) -> bool {
    let of_login = matches!(refusal.stage, Stage::Login | Stage::SubmissionLogin);
    of_login && refusal.certainty != Certainty::Certain && refusal.password == PasswordJudgement::Refused
}

#[cfg(test)]
mod tests {
    use super::super::provider;
    use super::super::signature::{Around, imap_refusal, smtp_refusal};
    use super::*;

    fn at(host: &str) -> Around<'_> {
        Around { host, greeting: "", username: "joe@example.org" }
    }

    #[test]
    fn a_password_that_submission_accepts_is_right_and_imap_is_off() {
        let refusal =
            imap_refusal(at("imap.example.org"), Some("AUTHENTICATIONFAILED"), "Authentication failed.");
        let finding = compare(None, Login::Failed(&refusal), Login::Accepted).unwrap();
        assert_eq!((finding.verdict, finding.certainty), (Verdict::ServiceDisabled, Certainty::Likely));
        assert_eq!((finding.service, finding.password), (Service::Imap, PasswordJudgement::Accepted));
        assert!(
            finding.evidence.contains("Authentication failed.") && finding.evidence.contains("submission")
        );
    }

    #[test]
    fn the_switch_of_the_provider_is_named() {
        let refusal = imap_refusal(at("imap.gmx.net"), None, "authentication failed");
        let finding = compare(provider::of_server("imap.gmx.net"), Login::Failed(&refusal), Login::Accepted);
        assert_eq!(finding.unwrap().link.as_deref(), Some("https://hilfe.gmx.net/pop-imap/einschalten.html"));
    }

    #[test]
    fn a_password_that_imap_accepts_is_refused_for_sending_only() {
        let refusal = smtp_refusal(
            at("smtp.example.org"),
            Stage::SubmissionLogin,
            535,
            Some("5.7.8"),
            "authentication failed",
        );
        let finding = compare(None, Login::Accepted, Login::Failed(&refusal)).unwrap();
        assert_eq!(
            (finding.verdict, finding.certainty),
            (Verdict::SubmissionLoginRefused, Certainty::Likely)
        );
        assert_eq!((finding.stage, finding.password), (Stage::SubmissionLogin, PasswordJudgement::Accepted));
        assert_eq!(finding.evidence, "535 5.7.8 authentication failed (IMAP accepted the same password)");
    }

    #[test]
    fn what_a_server_says_itself_is_not_overruled() {
        let busy =
            imap_refusal(at("imap.example.org"), Some("UNAVAILABLE"), "Temporary authentication failure.");
        let words =
            imap_refusal(at("imap.gmail.com"), Some("ALERT"), "Application-specific password required");
        for refusal in [&busy, &words] {
            assert_eq!(compare(None, Login::Failed(refusal), Login::Accepted), None);
        }
        let refusal = imap_refusal(at("imap.example.org"), None, "no");
        assert_eq!(compare(None, Login::Failed(&refusal), Login::Untried), None);
        assert_eq!(compare(None, Login::Failed(&refusal), Login::Failed(&refusal)), None);
        assert_eq!(compare(None, Login::Accepted, Login::Accepted), None);
    }
}
