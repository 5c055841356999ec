//! A large mailbox whose words are as uneven as a language's, and queries whose answers are in it.

use std::fmt::Write as _;
use std::path::Path;

use testkit::Result;
use testkit::mail::Rng;

/// How many words there are; the word of rank n comes about half as often as that of rank n/2.
const WORDS: f64 = 150_000.0;
const SENDERS: f64 = 3_000.0;
const SYLLABLES: [&str; 20] = [
    "ba", "ne", "ti", "lo", "ru", "sha", "den", "mi", "cor", "ve", "pla", "gus", "fi", "ha", "jo", "kel",
    "wyn", "ster", "qua", "xo",
];
const CHARACTERS: [char; 24] = [
    '東', '京', '都', '天', '気', '会', '議', '資', '料', '送', '付', '請', '求', '書', '確', '認', '日',
    '本', '時', '間', '変', '更', '連', '絡',
];
/// The first second of the oldest message, and how many years there are.
const OLDEST: i64 = 1_420_000_000;
const YEARS: i64 = 10;

/// The word of a rank, from 1.
fn word(rank: usize) -> String {
    let mut text = String::new();
    let mut rest = rank + 19;
    while rest > 0 {
        text.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    text
}

/// A rank, the small ones often.
fn rank(rng: &mut Rng, most: f64) -> usize {
    most.powf(rng.unit()) as usize
}

fn sender(rank: usize) -> (String, String) {
    let (first, last) = (word(500 + rank), word(9_000 + rank * 7));
    (
        format!("{}{} {}{}", first[..1].to_uppercase(), &first[1..], last[..1].to_uppercase(), &last[1..]),
        first + "@" + &last + ".example",
    )
}

/// Writes `count` messages of `octets` each on average as a Maildir, and gives how many octets they have.
pub(super) fn write(place: &Path, count: usize, octets: usize) -> Result<u64> {
    for folder in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(place.join(folder))?;
    }
    let mut total = 0;
    for number in 0..count {
        let mut rng = Rng::new(7).fork(number as u64);
        let text = message(&mut rng, number, count, octets);
        total += text.len() as u64;
        let flags = if rng.chance(95) { "S" } else { "" };
        std::fs::write(place.join(format!("cur/{number:07}.M1P1.bench:2,{flags}")), text)?;
    }
    Ok(total)
}

fn message(rng: &mut Rng, number: usize, count: usize, octets: usize) -> String {
    let (name, address) = sender(rank(rng, SENDERS));
    let seconds = OLDEST + YEARS * 365 * 86_400 * number as i64 / count as i64;
    let date = seconds_to_date(seconds);
    let subject: Vec<String> = (0..rng.between(2, 7)).map(|_| word(rank(rng, WORDS))).collect();
    let mut text = format!(
        "Received: from mail.example by mx.example.org with ESMTPS id {number:x}; {date}\nFrom: {name} <{address}>\n\
         To: Ann Lee <ann@example.org>\nSubject: {}\nDate: {date}\nMessage-ID: <{number}.{seconds}@mail.example>\n",
        subject.join(" "),
    );
    if !number.is_multiple_of(4) {
        let first = number - number % 4;
        let _ = writeln!(
            text,
            "References: <{first}.{}@mail.example>",
            OLDEST + YEARS * 365 * 86_400 * first as i64 / count as i64
        );
    }
    let length = octets / 3 + rng.below(octets);
    let attached = rng.chance(8);
    if attached {
        text.push_str("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=-b\"\n\n--=-b\n");
    } else {
        text.push_str("MIME-Version: 1.0\n");
    }
    text.push_str("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
    let is_cjk = rng.chance(2);
    let end = text.len() + length;
    let mut line = 0;
    while text.len() < end {
        if is_cjk {
            let piece: String =
                (0..rng.between(2, 12)).map(|_| CHARACTERS[rng.below(CHARACTERS.len())]).collect();
            line += piece.chars().count() * 2;
            text.push_str(&piece);
            text.push('。');
        } else if rng.chance(1) {
            let _ = write!(text, "INV-{}{:05} ", rng.between(2015, 2025), rng.below(100_000));
            line += 15;
        } else {
            let next = word(rank(rng, WORDS));
            line += next.len() + 1;
            text.push_str(&next);
            text.push(' ');
        }
        if line > 68 {
            line = 0;
            text.push('\n');
        }
    }
    text.push('\n');
    if attached {
        let _ = write!(
            text,
            "--=-b\nContent-Type: application/pdf; name=\"{}.pdf\"\nContent-Disposition: attachment\n\
             Content-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--=-b--\n",
            word(rank(rng, WORDS))
        );
    }
    text
}

fn seconds_to_date(seconds: i64) -> String {
    // Days since 1970 to a civil date (the Gregorian calendar repeats every 146,097 days).
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = NAMES[usize::try_from(month - 1).unwrap_or(0)];
    format!("{day} {name} {year} {:02}:{:02}:{:02} +0000", time / 3600, time / 60 % 60, time % 60)
}

/// One query in each program's language.
pub(super) struct Question {
    pub(super) kind: &'static str,
    pub(super) restante: String,
    pub(super) notmuch: String,
    pub(super) mu: String,
}

/// How many questions there are of each kind.
pub(super) const EACH: usize = 10;

/// What a person types of a word before the star: three syllables. In 6,048
/// messages of real mail, the first four letters of the words of rank 1,000 to 3,000 are in 4.0 % of the messages
/// (median; 15.7 % at the 90th of 100).
fn beginning(n: usize) -> String {
    word(500 + n * 97)
}

/// Beginnings that half of all messages have, four letters of so few syllables: asked beside the twelve kinds.
pub(super) fn short_beginnings() -> Vec<String> {
    (0..EACH).map(|n| beginning(n).chars().take(4).chain(['*']).collect()).collect()
}

/// The twelve kinds of questions.
pub(super) fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    let mut rng = Rng::new(99);
    for n in 0..EACH {
        let common = word(2 + n);
        let middle = word(200 + n * 37);
        let other = word(900 + n * 31);
        let rare = word(60_000 + n * 7_001);
        let (name, _) = sender(3 + n * 9);
        let last = name.split(' ').next_back().unwrap_or_default().to_lowercase();
        let characters: String = (0..2).map(|_| CHARACTERS[rng.below(CHARACTERS.len())]).collect();
        let year = 2015 + n;
        let mut same = |kind, text: String| {
            all.push(Question { kind, notmuch: text.clone(), mu: text.clone(), restante: text });
        };
        same("common word", common.clone());
        same("rare word", rare);
        same("phrase", format!("\"{} {}\"", word(1 + n), word(4 + n)));
        same("prefix", format!("{}*", beginning(n)));
        same("from", format!("from:{last}"));
        same("subject", format!("subject:{middle}"));
        same("CJK", characters);
        same("no hit", format!("zzyx{n}"));
        // Those that notmuch and mu, both on Xapian, put otherwise.
        let mut other_way = |kind, restante: String, notmuch: String, mu: String| {
            all.push(Question { kind, restante, notmuch, mu });
        };
        let either = format!("{middle} or {other}");
        other_way("OR", format!("{middle} OR {other}"), either.clone(), either);
        let months = format!("{common} date:{year}-03-01..{year}-05-31");
        other_way("date range", format!("{common} date:{year}-03..{year}-05"), months.clone(), months);
        other_way(
            "attachment",
            format!("{common} has:attachment"),
            format!("{common} tag:attachment"),
            format!("{common} flag:attach"),
        );
        let without = format!("{common} and not {middle}");
        other_way("negation", format!("{common} -{middle}"), without.clone(), without);
    }
    all
}
