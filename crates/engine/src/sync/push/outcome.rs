//! What a refusal means for the operation.

use crate::imap::Completion;
use restante_core::imap::wire::Status;

/// Whether it is worth asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server cannot now.
    Later,
    /// The server will not.
    Never,
}

/// Response codes that say "not now" (RFC 5530, section 3; RFC 9738).
const PASSING: [&str; 7] =
    ["UNAVAILABLE", "SERVERBUG", "INUSE", "EXPUNGEISSUED", "LIMIT", "MESSAGELIMIT", "THROTTLED"];

pub(super) fn judge(completion: &Completion) -> Verdict {
    let code = completion.code.as_ref().map(|code| code.name().to_ascii_uppercase());
    let passing = code.is_some_and(|code| PASSING.contains(&code.as_str()))
        || completion.text.to_ascii_lowercase().contains("try again")
        || completion.text.contains("Backoff");
    // Some of it was done: to ask for all of it again is harmless.
    let part = completion.stopped.is_some();
    if part || passing && completion.status != Status::Ok { Verdict::Later } else { Verdict::Never }
}

#[cfg(test)]
mod tests {
    use super::*;
    use restante_core::imap::wire::Code;

    fn judged(code: &str, text: &str) -> Verdict {
        let code = Some(Code::Other(code.to_owned(), String::new())).filter(|_| !code.is_empty());
        judge(&Completion { status: Status::No, code, text: text.to_owned(), stopped: None })
    }

    #[test]
    fn what_passes_is_asked_again_and_what_does_not_is_said() {
        assert_eq!(judged("INUSE", "locked"), Verdict::Later);
        assert_eq!(judged("", "Internal error, please try again later"), Verdict::Later);
        assert_eq!(judged("", "Request is throttled. Suggested Backoff Time: 300000 ms"), Verdict::Later);
        assert_eq!(judged("OVERQUOTA", "full"), Verdict::Never);
        assert_eq!(judged("NOPERM", "no"), Verdict::Never);
    }
}
