//! Outlook's way to quote: a copy of the header, and the message below it without a mark.

/// The fewest fields of such a header.
const FEWEST: usize = 3;
/// The most lines that a header's fields take: lists of recipients are wrapped.
const MOST: usize = 30;
/// The most places that are looked at for one.
const TRIES: usize = 100;

/// What stands above the header, between hyphens.
const ORIGINAL: [&str; 22] = [
    "original message",
    "original appointment",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "mensagem original",
    "ursprungligt meddelande",
    "opprinnelig melding",
    "oprindelig meddelelse",
    "alkuperäinen viesti",
    "исходное сообщение",
    "původní zpráva",
    "oryginalna wiadomość",
    "wiadomość oryginalna",
    "özgün ileti",
    "元のメッセージ",
    "邮件原件",
];
const FROM: [&str; 24] = [
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "lähettäjä",
    "от",
    "from/от",
    "od",
    "feladó",
    "kimden",
    "gönderen",
    "από",
    "发件人",
    "寄件者",
    "差出人",
    "보낸 사람",
    "מאת",
    "من",
    "expéditeur",
    "remitente",
    "mittente",
];
const WHEN: [&str; 26] = [
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "date d'envoi",
    "enviado",
    "enviado el",
    "enviada em",
    "data",
    "inviato",
    "verzonden",
    "skickat",
    "sendt",
    "dato",
    "lähetetty",
    "отправлено",
    "дата",
    "wysłano",
    "odesláno",
    "elküldve",
    "gönderilme",
    "发送时间",
    "送信日時",
    "보낸 날짜",
    "fecha",
];
const TO: [&str; 20] = [
    "to",
    "an",
    "à",
    "a",
    "para",
    "aan",
    "till",
    "til",
    "vastaanottaja",
    "кому",
    "do",
    "komu",
    "címzett",
    "kime",
    "προς",
    "收件人",
    "宛先",
    "받는 사람",
    "pour",
    "destinatario",
];
const SUBJECT: [&str; 19] = [
    "subject",
    "betreff",
    "objet",
    "asunto",
    "oggetto",
    "onderwerp",
    "ämne",
    "emne",
    "aihe",
    "тема",
    "temat",
    "předmět",
    "tárgy",
    "konu",
    "assunto",
    "主题",
    "件名",
    "제목",
    "θέμα",
];

/// The line from which on a text is the message that is answered; `None` where that is not sure, or where nothing
/// stands above it.
pub(super) fn begins(lines: &[&str]) -> Option<usize> {
    let own = lines.iter().position(|line| !line.trim().is_empty())?;
    let begins = |at: &usize| lines.get(*at).is_some_and(|line| is_original(line) || is_from(line));
    (own + 1..lines.len()).filter(begins).take(TRIES).find_map(|at| {
        let header = if is_original(lines.get(at)?) {
            // The header follows at once, or after an empty line.
            let below = lines.get(at + 1..)?;
            at + 1 + below.iter().take(3).position(|line| !line.trim().is_empty())?
        } else {
            at
        };
        is_header(lines.get(header..)?).then(|| start(lines, at, own))
    })
}

/// The rule that Outlook draws above belongs to it, and the empty lines between them.
fn start(lines: &[&str], at: usize, own: usize) -> usize {
    let empty = |line: &&&str| line.trim().is_empty();
    let above = lines.get(..at).unwrap_or_default();
    let blank = above.iter().rev().take_while(empty).count();
    let rule = above.len().checked_sub(blank + 1).filter(|at| *at > own);
    rule.filter(|at| above.get(*at).is_some_and(|line| is_rule(line))).unwrap_or(at)
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    let is_of = |mark: char| line.chars().all(|c| c == mark);
    line.chars().count() >= 3 && (is_of('_') || is_of('-') || is_of('─') || is_of('*'))
}

/// `-----Original Message-----`
fn is_original(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['*', '_']).trim_end_matches(['*', '_']);
    let words = line.trim_matches('-');
    let hyphens = line.len() - words.len();
    hyphens >= 4 && ORIGINAL.contains(&words.trim().to_lowercase().as_str())
}

/// Whether lines begin with a header: who, when, and to whom or about what, in one go.
fn is_header(lines: &[&str]) -> bool {
    if !lines.first().is_some_and(|line| is_from(line)) {
        return false;
    }
    let (mut fields, mut when, mut what) = (0, false, false);
    for line in lines.iter().take(MOST).take_while(|line| !line.trim().is_empty()) {
        // What has no label goes on with the field above.
        let Some(label) = label(line) else { continue };
        let label = label.as_str();
        fields += 1;
        when |= WHEN.contains(&label);
        what |= TO.contains(&label) || SUBJECT.contains(&label);
    }
    fields >= FEWEST && when && what
}

fn is_from(line: &str) -> bool {
    label(line).is_some_and(|label| FROM.contains(&label.as_str()))
}

/// The name of a field, in lower case and without the asterisks of bold letters.
fn label(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '*', '\u{a0}']);
    let (name, rest) = line.split_once([':', '：'])?;
    let name = name.trim_matches([' ', '*', '\u{a0}']).to_lowercase();
    (!rest.trim_matches([' ', '*', '\n', '\r', '\u{a0}']).is_empty() && name.chars().count() <= 16)
        .then_some(name)
}
