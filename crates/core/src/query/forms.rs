//! A word in its other forms.
//!
//! The index holds words as they stand. That a search for *invoices* finds *invoice* is made at the moment of asking:
//! endings of the language are put to the word's stem, and those that the Snowball stemmer of that language leads back
//! to the same stem are looked for too. Nothing is guessed for languages that the mail is not written in.

use super::{Field, Query, Term, Way};
use rust_stemmers::{Algorithm, Stemmer};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Words of a text that are looked at to tell its language.
const LOOKED_AT: usize = 80;
/// A word shorter than this is looked for as it is, in characters.
const SHORT: usize = 3;
/// The longest word that has forms, in characters.
const LONG: usize = 30;
/// The most forms of one word, all languages together.
const FORMS: usize = 48;

/// A language whose words have forms that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Danish.
    Danish,
    /// Dutch.
    Dutch,
    /// English.
    English,
    /// Finnish.
    Finnish,
    /// French.
    French,
    /// German.
    German,
    /// Italian.
    Italian,
    /// Norwegian.
    Norwegian,
    /// Portuguese.
    Portuguese,
    /// Russian.
    Russian,
    /// Spanish.
    Spanish,
    /// Swedish.
    Swedish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Italian,
        Self::Norwegian,
        Self::Portuguese,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
    ];

    /// Its code of two letters (ISO 639-1).
    #[must_use]
    pub fn code(self) -> &'static str {
        self.facts().0
    }

    /// The language of a code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language of a text, when its first words leave no doubt: by the little words that every text has.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let mut hits = [0_usize; Self::ALL.len()];
        let mut words = 0;
        let all = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        for word in all.take(LOOKED_AT) {
            words += 1;
            if word.len() > LONGEST_LITTLE {
                continue;
            }
            let Some(whose) = LITTLE.get(&*lower(word)) else { continue };
            for language in whose {
                if let Some(count) = hits.get_mut(*language as usize) {
                    *count += 1;
                }
            }
        }
        let (best, count) = Self::ALL.into_iter().zip(hits).max_by_key(|(_, count)| *count)?;
        let second =
            Self::ALL.into_iter().zip(hits).filter(|(other, _)| *other != best).map(|(_, n)| n).max()?;
        (count >= 4 && count * 12 >= words && count * 3 >= second * 4).then_some(best)
    }

    /// The other forms of a word that the language knows, lower case. Not all of them exist; each is one the stemmer
    /// takes for the same word.
    fn forms(self, word: &str) -> Vec<String> {
        let (_, _, algorithm, endings) = self.facts();
        let stemmer = Stemmer::create(algorithm);
        let stem = stemmer.stem(word).into_owned();
        if stem.chars().count() < SHORT {
            return Vec::new();
        }
        let mut bases = vec![stem.clone()];
        // studi: study. Stemmers write one letter for both.
        bases.extend(stem.strip_suffix('i').map(|front| format!("{front}y")));
        // run: running.
        let last = stem.chars().last().filter(|c| c.is_ascii_alphabetic() && !"aeiouwxy".contains(*c));
        bases.extend(last.map(|last| format!("{stem}{last}")));
        let all =
            bases.iter().flat_map(|base| endings.split(' ').map(move |ending| format!("{base}{ending}")));
        let mut forms: Vec<String> = all
            .chain(bases.iter().cloned())
            .filter(|form| form != word && stemmer.stem(form) == stem)
            .collect();
        forms.sort_unstable();
        forms.dedup();
        forms
    }
}

impl Query {
    /// The same query that finds words in their other forms too, where it allows that ([`Way::Loose`]) and what is
    /// looked for is one word.
    #[must_use]
    pub fn widened(&self, languages: &[Language]) -> Self {
        match self {
            Self::And(parts) => Self::And(parts.iter().map(|part| part.widened(languages)).collect()),
            Self::Or(parts) => Self::Or(parts.iter().map(|part| part.widened(languages)).collect()),
            Self::Not(part) => Self::Not(Box::new(part.widened(languages))),
            Self::Term(Term::Text { field, text, way: Way::Loose }) if !is_of_names(*field) => {
                let term = |text: String, way| Self::Term(Term::Text { field: *field, text, way });
                let forms: BTreeSet<String> =
                    languages.iter().flat_map(|language| forms(*language, text)).collect();
                let own = term(text.clone(), Way::Loose);
                if forms.is_empty() {
                    return own;
                }
                let others = forms.into_iter().take(FORMS).map(|form| term(form, Way::Exact));
                Self::Or(std::iter::once(own).chain(others).collect())
            }
            other => other.clone(),
        }
    }
}

/// Winters is nobody's plural.
fn is_of_names(field: Field) -> bool {
    matches!(field, Field::From | Field::To | Field::Cc | Field::List | Field::Filename)
}

fn forms(language: Language, word: &str) -> Vec<String> {
    let length = word.chars().count();
    if (SHORT..=LONG).contains(&length) && word.chars().all(char::is_alphabetic) {
        language.forms(&word.to_lowercase())
    } else {
        Vec::new()
    }
}

fn lower(word: &str) -> Cow<'_, str> {
    if word.chars().all(char::is_lowercase) { Cow::Borrowed(word) } else { Cow::Owned(word.to_lowercase()) }
}

/// The little words, and whose they are.
static LITTLE: LazyLock<HashMap<&str, Vec<Language>>> = LazyLock::new(|| {
    let mut little: HashMap<_, Vec<_>> = HashMap::new();
    for language in Language::ALL {
        for word in language.facts().1 {
            little.entry(*word).or_default().push(language);
        }
    }
    little
});

/// Octets of the longest little word.
const LONGEST_LITTLE: usize = 10;

type Facts = (&'static str, &'static [&'static str], Algorithm, &'static str);

impl Language {
    /// Its code, its little words, its stemmer and its endings.
    fn facts(self) -> Facts {
        match self {
            Self::Danish => (
                "da",
                &[
                    "og", "det", "er", "jeg", "ikke", "til", "på", "af", "hvad", "også", "blev", "efter",
                    "været", "mig",
                ],
                Algorithm::Danish,
                "e en er ens erne ernes et ets ene s ede ende t te",
            ),
            Self::Dutch => (
                "nl",
                &[
                    "de", "het", "een", "en", "van", "niet", "voor", "zijn", "met", "dat", "op", "ik",
                    "naar", "wij", "u",
                ],
                Algorithm::Dutch,
                "e en s t d de den te ten er ers je jes ing ingen heid heden",
            ),
            Self::English => (
                "en",
                &[
                    "the", "and", "of", "to", "is", "for", "that", "you", "this", "with", "are", "have",
                    "your", "was",
                ],
                Algorithm::English,
                "e s es ed d ing ings er ers ly ation ations ment ments al",
            ),
            Self::Finnish => (
                "fi",
                &[
                    "ja", "on", "ei", "että", "se", "oli", "hän", "mutta", "ovat", "kun", "myös", "tämä",
                    "joka", "sinun",
                ],
                Algorithm::Finnish,
                "a ä n t i an än in en ssa ssä sta stä lla llä lta ltä lle ksi t ien ja jä jen nsa ni si",
            ),
            Self::French => (
                "fr",
                &[
                    "le", "la", "les", "des", "et", "est", "une", "un", "que", "pour", "pas", "vous", "nous",
                    "dans",
                ],
                Algorithm::French,
                "e s es é ée és ées er ez ent ons ait aient ant ions ation ations ement ements if ive ifs ives",
            ),
            Self::German => (
                "de",
                &[
                    "der", "die", "und", "das", "ist", "nicht", "ich", "sie", "mit", "für", "ein", "auf",
                    "eine", "den",
                ],
                Algorithm::German,
                "e en er ern es em s n st t te ten test tet et end ende enden ung ungen heit heiten lich liche lichen",
            ),
            Self::Italian => (
                "it",
                &[
                    "il", "di", "che", "la", "per", "un", "non", "una", "con", "sono", "della", "del", "gli",
                    "anche",
                ],
                Algorithm::Italian,
                "o a i e are ere ire ato ata ati ate ito ita iti ite ando endo ano ono iamo zione zioni mente",
            ),
            Self::Norwegian => (
                "no",
                &[
                    "og", "det", "er", "jeg", "ikke", "til", "på", "av", "hva", "også", "ble", "etter",
                    "vært", "meg",
                ],
                Algorithm::Norwegian,
                "e en er ene et a s ens ets ers te de t",
            ),
            Self::Portuguese => (
                "pt",
                &[
                    "o", "de", "que", "não", "um", "uma", "para", "com", "os", "em", "você", "por", "mais",
                    "são", "ao",
                ],
                Algorithm::Portuguese,
                "o a os as e es s ar er ir ado ada ados adas ido ida ando endo am em amos emos ção ções mente",
            ),
            Self::Russian => (
                "ru",
                &["и", "в", "не", "на", "что", "я", "с", "это", "как", "вы", "для", "по", "мы", "от"],
                Algorithm::Russian,
                "а я ы и у ю е о ь ой ей ом ем ам ям ами ями ах ях ов ев ий ый ая ое ые ого его ому ему ть л ла ли ло ет ит ют ут ат ят",
            ),
            Self::Spanish => (
                "es",
                &[
                    "el", "la", "de", "que", "y", "los", "las", "una", "por", "con", "para", "no", "del",
                    "está",
                ],
                Algorithm::Spanish,
                "o a os as e es s ar er ir ado ada ados adas ido ida ando iendo aba aban an en amos emos ación aciones mente",
            ),
            Self::Swedish => (
                "sv",
                &[
                    "och", "det", "att", "är", "jag", "inte", "till", "på", "av", "som", "vad", "också",
                    "efter", "mig",
                ],
                Algorithm::Swedish,
                "a ar arna er erna en ens et ets n s t or orna ade at ad ande e",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse;

    #[test]
    fn a_text_tells_its_language() {
        for (text, language) in [
            (
                "Dear Ann, thank you for the minutes of the meeting. Are you free to talk about this on Friday?",
                "en",
            ),
            (
                "Liebe Anna, danke für das Protokoll. Ich habe die Liste mit der Post geschickt und warte auf den Brief.",
                "de",
            ),
            (
                "Bonjour, nous avons reçu les documents et la facture est payée. Merci pour tout, et à vous dans une semaine",
                "fr",
            ),
            (
                "Hola, los documentos que envió el lunes no están en la carpeta de las facturas, por favor mire con Ana",
                "es",
            ),
            (
                "Ciao, il contratto che abbiamo firmato non è nella cartella della banca, per questo una copia con la firma",
                "it",
            ),
            (
                "Hej, jag har inte fått det brev som du skickade till mig på fredag, och det är också för sent att svara",
                "sv",
            ),
            ("Добрый день, мы не получили письмо, что вы отправили на прошлой неделе, и это не срочно", "ru"),
        ] {
            assert_eq!(Language::of(text).map(Language::code), Some(language), "{text}");
        }
        for text in ["", "ok", "Invoice 4711", "a b c d e f g", "123 456"] {
            assert_eq!(Language::of(text), None, "{text}");
        }
    }

    #[test]
    fn words_have_the_forms_of_their_language() {
        for (language, word, form) in [
            ("en", "invoice", "invoices"),
            ("en", "invoices", "invoice"),
            ("en", "studies", "study"),
            ("en", "running", "run"),
            ("en", "run", "running"),
            ("en", "Meetings", "meeting"),
            ("de", "Rechnung", "rechnungen"),
            ("de", "Verträge", "vertrag"),
            ("fr", "facture", "factures"),
            ("fr", "payée", "payer"),
            ("es", "facturas", "factura"),
            ("it", "contratto", "contratti"),
            ("nl", "rekening", "rekeningen"),
            ("sv", "fakturor", "faktura"),
            ("ru", "письма", "письмо"),
        ] {
            let found = forms(Language::of_code(language).unwrap(), word);
            assert!(found.iter().any(|found| found == form), "{word} gives {found:?}");
            assert!(found.len() <= FORMS, "{word} gives {}", found.len());
            assert!(!found.contains(&word.to_lowercase()));
        }
        for word in ["is", "r2d2", "well-known", "東京", ""] {
            assert_eq!(forms(Language::English, word), [""; 0], "{word}");
        }
    }

    #[test]
    fn only_single_loose_words_are_widened() {
        let now = "2024-05-31T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
        let widened = |text: &str| parse(text, &now).unwrap().widened(&[Language::English]);
        for same in [
            "from:winters",
            "filename:invoices",
            "\"invoices\"",
            "invoice*",
            "annual-reports",
            "is:unread",
            "4711",
            "",
        ] {
            assert_eq!(widened(same), parse(same, &now).unwrap(), "{same}");
        }
        let Query::Not(inner) = widened("-subject:invoices") else { panic!() };
        let Query::Or(parts) = *inner else { panic!() };
        let expected = Term::Text { field: Field::Subject, text: "invoice".into(), way: Way::Exact };
        assert!(parts.contains(&Query::Term(expected)));
        assert_eq!(parse("invoices", &now).unwrap().widened(&[]), parse("invoices", &now).unwrap());
    }
}
