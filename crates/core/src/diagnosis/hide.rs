//! Keeping secrets out of evidence: some servers repeat what they were sent.

use crate::sasl;

/// What stands in a secret's place.
const HIDDEN: &str = "…";

/// A server's line without the secret that was sent to it: as it is, and in the base64 of the SASL
/// mechanisms PLAIN, LOGIN and XOAUTH2. A secret of up to three characters is hidden where it stands alone.
#[must_use]
pub fn hide(line: &str, username: &str, secret: &str) -> String {
    conceal(&without_commands(line), username, secret, HIDDEN)
}

/// As [`hide`], with `hidden` in the secret's place and everything else as it is.
#[must_use]
pub fn conceal(line: &str, username: &str, secret: &str, hidden: &str) -> String {
    let mut shown = line.to_owned();
    if secret.is_empty() {
        return shown;
    }
    let encoded = [
        format!("\0{username}\0{secret}"),
        format!("{username}\0{username}\0{secret}"),
        format!("user={username}\x01auth=Bearer {secret}\x01\x01"),
        secret.to_owned(),
    ]
    .map(|plain| sasl::encode(plain.as_bytes()));
    for form in &encoded {
        shown = shown.replace(form.as_str(), hidden);
    }
    if secret.chars().count() > 3 {
        return shown.replace(secret, hidden);
    }
    let mut words: Vec<&str> = shown.split(' ').collect();
    for word in &mut words {
        if word.trim_matches(['"', '\'', '<', '>', '.', ',', ':']) == secret {
            *word = hidden;
        }
    }
    words.join(" ")
}

/// A line without what follows a repeated `AUTH` or `AUTHENTICATE` command: there the password is.
pub(super) fn without_commands(text: &str) -> String {
    let mut shown = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        shown.push(word);
        let command = word.trim_start_matches(['"', '\'', '<', ':']);
        if command.eq_ignore_ascii_case("AUTH") || command.eq_ignore_ascii_case("AUTHENTICATE") {
            shown.extend(words.next());
            if words.peek().is_some_and(|word| looks_encoded(word)) {
                words.next();
                shown.push(HIDDEN);
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
    fn a_secret_that_a_server_repeats_is_hidden_in_every_form() {
        let hidden = |line: &str| hide(line, "joe", "hunter2!");
        assert_eq!(hidden("BAD unknown: LOGIN joe hunter2!"), "BAD unknown: LOGIN joe …");
        assert_eq!(hidden("bad command \"AGpvZQBodW50ZXIyIQ==\""), "bad command \"…\"");
        assert_eq!(hidden("500 what is aHVudGVyMiE= ?"), "500 what is … ?");
        assert_eq!(
            hidden("500 5.5.1 unrecognized: \"AUTH PLAIN AGFubgBodW50ZXIy\""),
            "500 5.5.1 unrecognized: \"AUTH PLAIN …"
        );
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        assert_eq!(
            hide("NO LOGIN Login error or password error", "joe", "hunter2!"),
            "NO LOGIN Login error or password error"
        );
        assert_eq!(hide("AUTH failed for user", "joe", "o"), "AUTH failed for user");
        assert_eq!(hide("bad password: o.", "joe", "o"), "bad password: …");
        assert_eq!(hide("no", "joe", ""), "no");
    }
}
