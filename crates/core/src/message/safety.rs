//! What in a message may deceive its reader: names, domains and links that look like others.

use super::html::Link;
use super::{Reading, Warning, WarningKind};
use crate::mail::Contact;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::RestrictionLevel;
use unicode_security::confusable_detection::skeleton;
use unicode_security::restriction_level::RestrictionLevelDetection as _;

/// The most warnings of one message.
const MAX_WARNINGS: usize = 50;
/// The longest name or link text that is looked at, in bytes.
const MAX_TEXT: usize = 500;

/// The most web addresses of a text that are looked at.
const MAX_ADDRESSES: usize = 1000;

/// Warnings in the order they were found, each once.
#[derive(Default)]
pub(super) struct Warnings(pub(super) Vec<Warning>);

impl Warnings {
    fn add(&mut self, kind: WarningKind, place: &'static str, shown: &str, actual: &str) {
        let warning = Warning { kind, place, shown: shown.to_owned(), actual: actual.to_owned() };
        if self.0.len() < MAX_WARNINGS && !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    /// Looks at those who are said to have sent a message.
    pub(super) fn contacts(&mut self, place: &'static str, contacts: &[Contact]) {
        for contact in contacts.iter().take(MAX_WARNINGS) {
            let name = contact.name.get(..contact.name.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
            if let Some(other) = address_in(&folded(name))
                && !other.eq_ignore_ascii_case(&contact.address)
            {
                self.add(WarningKind::NameShowsAnotherAddress, place, &other, &contact.address);
            }
            if name.split(|c: char| !c.is_alphanumeric()).any(is_mixed) {
                self.add(WarningKind::MixedScripts, place, name, &contact.address);
            }
            self.hidden(place, name);
            if let Some((_, domain)) = contact.address.rsplit_once('@') {
                self.domain(place, domain);
            }
        }
    }

    /// Looks where an answer goes: to nobody of another domain but those the message was sent to as well.
    pub(super) fn answers(&mut self, reading: &Reading) {
        let domain =
            |contact: &Contact| contact.address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        let own: Vec<String> = reading.from.iter().filter_map(domain).collect();
        let Some(first) = own.first() else { return };
        let is_own = |other: &str| own.iter().any(|own| is_same_site(own, other));
        let is_known = |contact: &Contact| {
            let mut known = reading.to.iter().chain(&reading.cc);
            known.any(|known| known.address.eq_ignore_ascii_case(&contact.address))
        };
        for contact in reading.reply_to.iter().take(MAX_WARNINGS) {
            if domain(contact).is_some_and(|other| !is_own(&other)) && !is_known(contact) {
                self.add(WarningKind::AnswerGoesElsewhere, "reply-to", first, &contact.address);
            }
        }
    }

    /// Looks at a domain that may be an imitation (Unicode TR 39).
    pub(super) fn domain(&mut self, place: &'static str, domain: &str) {
        let domain = domain.trim_end_matches('.');
        let is_international = !domain.is_ascii() || domain.to_ascii_lowercase().contains("xn--");
        if domain.len() > MAX_TEXT || !is_international {
            return;
        }
        let shown = idna::domain_to_unicode(domain).0;
        let labels = || shown.split('.').filter(|label| !label.is_ascii());
        let ascii: String = skeleton(&shown).collect();
        let actual = idna::domain_to_ascii(&shown).unwrap_or_else(|_| domain.to_owned());
        if ascii.is_ascii() {
            self.add(WarningKind::LookAlikeDomain, place, &shown, &actual);
        } else if labels().any(is_mixed) {
            self.add(WarningKind::MixedScripts, place, &shown, &actual);
        }
    }

    /// Looks for characters that reorder or hide others.
    pub(super) fn hidden(&mut self, place: &'static str, text: &str) {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        if text.chars().any(|c| super::clean::is_reordering(c) || c.is_control()) {
            self.add(WarningKind::HiddenCharacters, place, &super::clean_line(text), "");
        }
    }

    /// Looks at the web addresses in a text.
    pub(super) fn text(&mut self, text: &str) {
        for at in memchr::memmem::find_iter(text.as_bytes(), b"://").take(MAX_ADDRESSES) {
            let start = text.get(..at).map_or(0, |before| {
                before
                    .rfind(|c: char| !c.is_ascii_alphabetic())
                    .map_or(0, |at| text.ceil_char_boundary(at + 1))
            });
            let end = text.len().min(at.saturating_add(MAX_TEXT));
            let address = text.get(start..text.floor_char_boundary(end)).unwrap_or_default();
            let address = address.split(|c: char| c.is_whitespace() || "<>\"',;()".contains(c)).next();
            if let Some(host) = address.and_then(host_of) {
                self.domain("link", host);
            }
        }
    }

    /// Looks at the links of a document.
    pub(super) fn links(&mut self, links: &[Link]) {
        for link in links {
            if let Some(host) = host_of(&link.target) {
                self.domain("link", host);
            }
            if let Some((shown, host)) = leads_elsewhere(&link.text, &link.target) {
                self.add(WarningKind::LinkShowsAnotherHost, "link", &shown, host);
            }
        }
    }
}

/// The host that a link's text names, and the other one that it leads to.
pub(super) fn leads_elsewhere<'a>(text: &str, target: &'a str) -> Option<(String, &'a str)> {
    let host = host_of(target)?;
    let shown = host_in(text)?;
    (!is_same_site(&shown, host)).then_some((shown, host))
}

/// Whether a word mixes scripts that no language writes together: Latin with Cyrillic or Greek.
fn is_mixed(word: &str) -> bool {
    !word.is_ascii()
        && word.chars().count() > 1
        && matches!(
            word.detect_restriction_level(),
            RestrictionLevel::MinimallyRestrictive | RestrictionLevel::ModeratelyRestrictive
        )
        && mixes_alike(word)
}

/// Latin beside a script whose letters look like Latin ones.
fn mixes_alike(word: &str) -> bool {
    let is_latin = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}');
    let is_like = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}');
    word.chars().any(is_latin) && word.chars().any(is_like)
}

/// A text as it looks: what is not seen is gone, and what has the shape of a letter or a dot is one. IDNA takes these
/// dots for dots too (RFC 3490, section 3.1).
fn folded(text: &str) -> String {
    super::clean_line(text).nfkc().map(|c| if c == '\u{3002}' { '.' } else { c }).collect()
}

/// The first address that stands in a display name.
fn address_in(name: &str) -> Option<String> {
    let words = name.split(|c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c));
    let is_address = |word: &&str| {
        word.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.contains('@')
        })
    };
    words.map(|word| word.trim_end_matches('.')).find(is_address).map(str::to_owned)
}

/// The host of a web address, without its port and without who logs in.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once(':')?;
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
        return None;
    }
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = if host.starts_with('[') { host } else { host.split(':').next()? };
    (!host.is_empty()).then_some(host)
}

/// The host a link's text names, when the text is a web address or a host and nothing else.
fn host_in(text: &str) -> Option<String> {
    let text = Some(text.trim()).filter(|text| text.len() <= MAX_TEXT).map(folded)?;
    if text.contains(char::is_whitespace) || text.contains('@') {
        return None;
    }
    if let Some(host) = host_of(&text) {
        return Some(host.to_owned());
    }
    let host = text.split(['/', '?', '#', ':']).next()?.trim_end_matches('.');
    let (_, top) = host.rsplit_once('.')?;
    let fits = host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    // A domain that exists, not `readme.txt`: the list of public suffixes knows the top.
    let is_known = psl::suffix(host.to_lowercase().as_bytes()).is_some_and(|suffix| suffix.is_known());
    (fits && top.chars().all(char::is_alphabetic) && is_known).then(|| host.to_owned())
}

/// Whether two hosts belong to one registered domain.
fn is_same_site(one: &str, other: &str) -> bool {
    let normal = |host: &str| idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_lowercase());
    let (one, other) = (normal(one), normal(other));
    one == other || site(&one).is_some_and(|found| site(&other) == Some(found))
}

/// The registered domain of a host.
pub(super) fn site(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, address: &str) -> Vec<(WarningKind, String, String)> {
        let mut warnings = Warnings::default();
        warnings.contacts("from", &[Contact { name: name.to_owned(), address: address.to_owned() }]);
        warnings.0.into_iter().map(|w| (w.kind, w.shown, w.actual)).collect()
    }

    fn kinds(name: &str, address: &str) -> Vec<WarningKind> {
        of(name, address).into_iter().map(|(kind, ..)| kind).collect()
    }

    #[test]
    fn a_name_with_another_address_is_told() {
        assert_eq!(
            of("\"Bank service@bank.example\"", "x@evil.example"),
            [(
                WarningKind::NameShowsAnotherAddress,
                "service@bank.example".to_owned(),
                "x@evil.example".to_owned()
            )]
        );
        // In letters of another width.
        assert_eq!(
            kinds("service\u{ff20}bank\u{ff0e}example", "x@evil.example"),
            [WarningKind::NameShowsAnotherAddress]
        );
        assert_eq!(
            kinds("service@bank\u{ff61}example", "x@evil.example"),
            [WarningKind::NameShowsAnotherAddress]
        );
        assert_eq!(of("Ann <ANN@example.org>", "ann@example.org"), []);
        assert_eq!(of("Ann @ work", "ann@example.org"), []);
    }

    #[test]
    fn scripts_that_look_alike_are_told_and_foreign_names_are_not() {
        use WarningKind::{LookAlikeDomain, MixedScripts};
        assert_eq!(kinds("P\u{430}yPal", "a@b.example"), [MixedScripts]);
        assert_eq!(kinds("", "a@\u{430}\u{440}\u{440}l\u{435}.example"), [LookAlikeDomain]);
        // All Cyrillic, and read as Latin.
        assert_eq!(kinds("", "a@xn--80ak6aa92e.com"), [LookAlikeDomain]);
        for (name, address) in [
            ("Jürgen Groß", "a@müller.example"),
            ("Анна Petrova", "a@пример.example"),
            ("山田 Taro", "a@b.example"),
            ("Ελένη", "a@b.example"),
            ("日本語メールAB", "a@b.example"),
            ("Ann 😀", "a@b.example"),
        ] {
            assert_eq!(kinds(name, address), [], "{name} {address}");
        }
    }

    #[test]
    fn names_that_reorder_are_told() {
        assert_eq!(kinds("Ann\u{202e}x", "a@b.example"), [WarningKind::HiddenCharacters]);
    }

    fn link(text: &str, target: &str) -> Option<(String, String)> {
        let mut warnings = Warnings::default();
        warnings.links(&[Link { text: text.to_owned(), target: target.to_owned() }]);
        warnings.0.pop().map(|w| (w.shown, w.actual))
    }

    #[test]
    fn a_link_whose_text_names_another_host_is_told() {
        let told = |shown: &str, actual: &str| Some((shown.to_owned(), actual.to_owned()));
        assert_eq!(
            link("https://bank.example/login", "http://evil.example/"),
            told("bank.example", "evil.example")
        );
        assert_eq!(
            link("www.bank.com", "https://bank.com.evil.org/x"),
            told("www.bank.com", "bank.com.evil.org")
        );
        assert_eq!(link("http://bank.com/", "http://bank.com@evil.org/"), told("bank.com", "evil.org"));
        for dot in ["\u{ff0e}", "\u{3002}", "\u{ff61}", "\u{2024}", "\u{200b}."] {
            assert_eq!(
                link(&format!("bank{dot}com"), "http://evil.org"),
                told("bank.com", "evil.org"),
                "{dot}"
            );
        }
        for (text, target) in [
            ("bank.com", "https://www.bank.com/login"),
            ("click here", "https://evil.org/"),
            ("readme.txt", "https://evil.org/"),
            ("Yes. No", "https://evil.org/"),
            ("ann@bank.com", "mailto:ann@bank.com"),
            ("http://münchen.de", "http://xn--mnchen-3ya.de/"),
        ] {
            assert_eq!(link(text, target), None, "{text}");
        }
    }
}
