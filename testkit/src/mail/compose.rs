//! How a conversation unfolds and how each of its messages is written down.

use super::encode::{base64_lines, header_text, in_charset, quoted_printable};
use super::rng::Rng;
use super::text::{Language, mailbox_of};
use super::{Plan, Slot};

/// Beyond this much text people attach a file instead.
const LONGEST_TEXT: usize = 40_000;
const SMALLEST: usize = 1_500;
const LARGEST: usize = 8_000_000;
/// The spread of the log-normal distribution, as measured in ordinary mailboxes.
const SIGMA: f64 = 1.3;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// People writing to each other.
    Letters,
    Newsletter,
    /// A machine: an order, a bill, a reminder.
    Notice,
    Junk,
}

/// Some messages that belong together; everything about them follows from the seed and their number.
pub(crate) struct Conversation {
    number: u64,
    rng: Rng,
    kind: Kind,
    language: &'static Language,
    charset: &'static str,
    subject: String,
    /// Name and address; the owner is among them.
    people: Vec<(String, String)>,
    /// Index of the writer and the time of writing, for each message.
    turns: Vec<(usize, i64)>,
}

impl Conversation {
    pub(crate) fn new(plan: &Plan, number: u64) -> Self {
        let mut rng = Rng::new(plan.seed).fork(number);
        let kind = match rng.below(100) {
            0..62 => Kind::Letters,
            62..78 => Kind::Newsletter,
            78..94 => Kind::Notice,
            _ => Kind::Junk,
        };
        let language = Language::any(&mut rng);
        let charset = language.charset(&mut rng);
        let mut people = vec![plan.owner.clone()];
        for _ in 0..if kind == Kind::Letters { rng.between(1, 4) } else { 1 } {
            people.push(person(kind, language, &mut rng));
        }
        let length = match kind {
            Kind::Letters if rng.chance(55) => rng.between(2, 9),
            _ => 1,
        };
        // Young mail is more frequent than old mail.
        let age = rng.unit();
        let mut time = plan.newest - (age * age * f64::from(plan.days) * 86_400.0) as i64 - 86_400;
        let turns = (0..length)
            .map(|at| {
                let writer = if kind == Kind::Letters && (at % 2 == 1 || rng.chance(12)) {
                    if rng.chance(60) { 0 } else { rng.below(people.len()) }
                } else {
                    rng.between(1, people.len() - 1)
                };
                let turn = (writer, time);
                time += rng.between(120, 40_000) as i64;
                turn
            })
            .collect();
        let subject = language.subject(&mut rng);
        Self { number, rng, kind, language, charset, subject, people, turns }
    }

    /// Where and when its messages arrive.
    pub(crate) fn slots(&self, plan: &Plan) -> Vec<Slot> {
        let named = |name: &str| plan.mailboxes.iter().position(|(other, _)| other == name);
        let mut rng = self.rng.fork(u64::MAX);
        let total: u32 = plan.mailboxes.iter().map(|(_, share)| share).sum();
        let mut ticket = rng.below(total as usize) as u32;
        let drawn = plan.mailboxes.iter().position(|(_, share)| {
            let here = ticket < *share;
            ticket = ticket.saturating_sub(*share);
            here
        });
        let home = match self.kind {
            Kind::Junk => named("Junk"),
            Kind::Newsletter => named("Newsletters"),
            _ => None,
        };
        let home = home.or(drawn).unwrap_or(0);
        self.turns
            .iter()
            .enumerate()
            .map(|(position, (writer, time))| {
                let own = *writer == 0;
                let mut flags = Vec::new();
                if own || rng.chance(85) {
                    flags.push("\\Seen");
                }
                if position + 1 < self.turns.len() && rng.chance(60) {
                    flags.push("\\Answered");
                }
                if rng.chance(6) {
                    flags.push("\\Flagged");
                }
                if rng.chance(4) {
                    flags.push("$Forwarded");
                }
                if self.kind == Kind::Junk {
                    flags.push("$Junk");
                }
                Slot {
                    mailbox: if own { named("Sent").unwrap_or(home) } else { home },
                    received: time + 2 + rng.below(40) as i64,
                    flags,
                    conversation: self.number,
                    position,
                }
            })
            .collect()
    }

    /// The bytes of one message.
    pub(crate) fn render(&self, plan: &Plan, position: usize) -> Vec<u8> {
        let mut rng = self.rng.fork(position as u64);
        let (writer, time) = self.turns[position];
        let size = size(plan, &mut rng);
        let mut out = Vec::with_capacity(size + 4096);
        self.header(&mut out, &mut rng, writer, time, position);
        let text_size = size.saturating_sub(out.len() + 300).clamp(200, LONGEST_TEXT);
        let attach = size.saturating_sub(LONGEST_TEXT + 5_000);
        let boundary = format!("=_{:016x}", rng.next());
        // Whoever needs much room attaches files, and a few attach small ones.
        let attach = if attach > 0 {
            size - size / 20
        } else if self.kind == Kind::Letters && size > 6_000 && rng.chance(15) {
            size / 2
        } else {
            0
        };
        let text_size = if attach > 0 { size.saturating_sub(attach).clamp(300, 8_000) } else { text_size };
        if attach == 0 {
            self.body(&mut out, &mut rng, position, text_size, &boundary);
        } else if self.kind == Kind::Newsletter {
            out.extend_from_slice(
                format!("Content-Type: multipart/related; type=\"multipart/alternative\";\r\n boundary=\"{boundary}r\"\r\n\r\n--{boundary}r\r\n")
                    .as_bytes(),
            );
            self.body(&mut out, &mut rng, position, text_size, &boundary);
            out.extend_from_slice(
                format!(
                    "--{boundary}r\r\nContent-Type: image/png\r\nContent-ID: <banner>\r\nContent-Disposition: inline; filename=banner.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                )
                .as_bytes(),
            );
            base64_lines(&png(&mut rng, attach * 73 / 100), &mut out);
            out.extend_from_slice(format!("--{boundary}r--\r\n").as_bytes());
        } else {
            out.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=\"{boundary}m\"\r\n\r\n--{boundary}m\r\n")
                    .as_bytes(),
            );
            self.body(&mut out, &mut rng, position, text_size, &boundary);
            let files = rng.between(1, 3);
            for _ in 0..files {
                out.extend_from_slice(format!("--{boundary}m\r\n").as_bytes());
                self.attachment(&mut out, &mut rng, attach / files * 73 / 100);
            }
            out.extend_from_slice(format!("--{boundary}m--\r\n").as_bytes());
        }
        out
    }

    fn header(&self, out: &mut Vec<u8>, rng: &mut Rng, writer: usize, time: i64, position: usize) {
        let quoted = rng.chance(50);
        let mut put = |name: &str, value: &str| {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        };
        let address = |index: usize| self.address(index, quoted);
        let host = self.people[writer].1.rsplit('@').next().unwrap_or("hoster.test").to_owned();
        put("Return-Path", &format!("<{}>", self.people[writer].1));
        put(
            "Received",
            &format!(
                "from mail.{host} (mail.{host} [192.0.2.{}])\r\n\tby mx1.hoster.test with ESMTPS id {:08X};\r\n\t{}",
                rng.between(1, 254),
                rng.next() as u32,
                date(time + 1, 0)
            ),
        );
        put("From", &address(writer));
        let others: Vec<String> = (0..self.people.len()).filter(|at| *at != writer).map(address).collect();
        match others.split_first() {
            Some((first, rest)) => {
                put("To", first);
                if !rest.is_empty() {
                    put("Cc", &rest.join(",\r\n\t"));
                }
            }
            None => put("To", &address(writer)),
        }
        let prefix = match position {
            0 => "",
            _ if rng.chance(10) => "AW: ",
            _ => "Re: ",
        };
        put("Subject", &header_text(&format!("{prefix}{}", self.subject), self.charset, quoted));
        let zone = [0, 60, 120, -300, -480, 540, 330][rng.below(7)];
        put("Date", &date(time, zone));
        put("Message-ID", &self.message_id(position));
        if position > 0 {
            put("In-Reply-To", &self.message_id(position - 1));
            let first = position.saturating_sub(12);
            let references: Vec<String> = (first..position).map(|at| self.message_id(at)).collect();
            put("References", &references.join("\r\n "));
        }
        match self.kind {
            Kind::Newsletter => {
                let list = format!("news.{host}");
                put("List-Id", &format!("Newsletter <{list}>"));
                put(
                    "List-Unsubscribe",
                    &format!("<https://{list}/u/{:012x}>,\r\n <mailto:unsubscribe@{list}>", rng.next() >> 16),
                );
                put("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
                put("Precedence", "bulk");
            }
            Kind::Notice => put("Auto-Submitted", "auto-generated"),
            Kind::Junk => put("X-Spam-Status", "Yes, score=12.3"),
            Kind::Letters if rng.chance(40) => put("User-Agent", "Mozilla Thunderbird"),
            Kind::Letters => {}
        }
        if rng.chance(60) {
            let mut signature = Vec::new();
            rng.bytes(&mut signature, 192);
            let mut lines = Vec::new();
            base64_lines(&signature, &mut lines);
            let text = String::from_utf8_lossy(&lines).trim_end().replace("\r\n", "\r\n\t ");
            put(
                "DKIM-Signature",
                &format!(
                    "v=1; a=rsa-sha256; c=relaxed/relaxed; d={host}; s=lab;\r\n\th=from:to:subject:date;\r\n\tb={text}"
                ),
            );
        }
        put("MIME-Version", "1.0");
    }

    fn address(&self, index: usize, quoted: bool) -> String {
        let (name, address) = &self.people[index];
        if !name.is_ascii() {
            return format!("{} <{address}>", header_text(name, "utf-8", quoted));
        }
        if name.contains(['"', ',', '.', '\'']) {
            return format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""));
        }
        format!("{name} <{address}>")
    }

    fn message_id(&self, position: usize) -> String {
        let mut rng = self.rng.fork(position as u64).fork(7);
        let host = self.people[self.turns[position].0].1.rsplit('@').next().unwrap_or("hoster.test");
        format!("<{:016x}.{}.{position}@{host}>", rng.next(), self.number)
    }

    /// The text of the message: a part with its own Content-Type.
    fn body(&self, out: &mut Vec<u8>, rng: &mut Rng, position: usize, size: usize, boundary: &str) {
        let html_only = matches!(self.kind, Kind::Notice | Kind::Junk) && rng.chance(30);
        let both = match self.kind {
            Kind::Newsletter => true,
            Kind::Letters => rng.chance(35),
            Kind::Notice | Kind::Junk => !html_only && rng.chance(40),
        };
        let weight =
            if self.charset == "utf-8" && !self.language.charsets.contains(&"us-ascii") { 3 } else { 2 };
        if html_only {
            let html = self.html(rng, size * 2 / weight);
            return self.part(out, rng, "text/html", &html);
        }
        if !both {
            let flowed = rng.chance(25);
            let text = self.plain(rng, position, size * 2 / weight, flowed);
            let kind = if flowed { "text/plain; format=flowed; delsp=no" } else { "text/plain" };
            return self.part(out, rng, kind, &text);
        }
        out.extend_from_slice(
            format!("Content-Type: multipart/alternative; boundary=\"{boundary}a\"\r\n\r\n--{boundary}a\r\n")
                .as_bytes(),
        );
        let plain = self.plain(rng, position, size / 4, false);
        self.part(out, rng, "text/plain", &plain);
        out.extend_from_slice(format!("--{boundary}a\r\n").as_bytes());
        let html = self.html(rng, size * 3 / 4 * 2 / weight);
        self.part(out, rng, "text/html", &html);
        out.extend_from_slice(format!("--{boundary}a--\r\n").as_bytes());
    }

    /// A text part in the conversation's charset and a fitting transfer encoding.
    fn part(&self, out: &mut Vec<u8>, rng: &mut Rng, kind: &str, text: &str) {
        let charset = if text.is_ascii() && rng.chance(50) { "us-ascii" } else { self.charset };
        let bytes = in_charset(text, charset);
        let seven_bit = bytes.is_ascii();
        let encoding = match rng.below(10) {
            0..4 if seven_bit => "7bit",
            0..4 => "8bit",
            4..8 => "quoted-printable",
            _ => "base64",
        };
        // Raw text must keep to lines of at most 998 bytes (RFC 5322 section 2.1.1).
        let long = bytes.split(|byte| *byte == b'\n').any(|line| line.len() > 900);
        let encoding =
            if long && matches!(encoding, "7bit" | "8bit") { "quoted-printable" } else { encoding };
        out.extend_from_slice(
            format!(
                "Content-Type: {kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            )
            .as_bytes(),
        );
        match encoding {
            "quoted-printable" => quoted_printable(&bytes, out),
            "base64" => base64_lines(&bytes, out),
            _ => out.extend_from_slice(&bytes),
        }
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn plain(&self, rng: &mut Rng, position: usize, size: usize, flowed: bool) -> String {
        let (writer, _) = self.turns[position];
        let reader =
            self.people.iter().enumerate().find(|(at, _)| *at != writer).map_or("", |(_, (name, _))| name);
        let mut out = String::with_capacity(size + 500);
        out.push_str(&self.language.greeting(reader));
        out.push_str("\r\n\r\n");
        // In a reply half of it is what was said before.
        let quote = if position > 0 { size / 2 } else { 0 };
        while out.len() + quote + 120 < size {
            let paragraph = self.language.paragraph(rng);
            wrap(&paragraph, "", flowed, &mut out);
            out.push_str("\r\n");
        }
        out.push_str(&format!("{}\r\n{}\r\n", self.language.farewell(), self.people[writer].0));
        if position > 0 {
            let (before, time) = self.turns[position - 1];
            out.push_str(&format!("\r\nOn {}, {} wrote:\r\n", date(time, 0), self.people[before].0));
            while out.len() < size {
                let depth = if position > 1 && rng.chance(30) { ">> " } else { "> " };
                wrap(&self.language.paragraph(rng), depth, flowed, &mut out);
                out.push_str(depth.trim_end());
                out.push_str("\r\n");
            }
        }
        if rng.chance(30) {
            out.push_str(&format!(
                "\r\n-- \r\n{}\r\n+49 30 {}\r\n",
                self.people[writer].0,
                rng.between(100_000, 999_999)
            ));
        }
        out
    }

    fn html(&self, rng: &mut Rng, size: usize) -> String {
        let mut out = String::with_capacity(size + 1000);
        let letter = self.kind == Kind::Letters;
        out.push_str(
            "<!DOCTYPE html>\r\n<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=",
        );
        out.push_str(self.charset);
        out.push_str("\">\r\n<title>");
        out.push_str(&escape(&self.subject));
        out.push_str("</title>\r\n");
        if letter {
            out.push_str("</head><body><div dir=\"ltr\">\r\n");
        } else {
            out.push_str(
                "<style>body{margin:0;font-family:Arial,sans-serif} .btn{background:#0a58ca;color:#fff;padding:12px}\r\n\
                 @media(max-width:600px){.c{width:100%!important}}</style></head>\r\n<body bgcolor=\"#f4f4f4\">\r\n\
                 <div style=\"display:none;max-height:0;overflow:hidden\">",
            );
            self.html_sentence(rng, &mut out);
            out.push_str(
                "</div>\r\n<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\">\r\n\
                 <table class=\"c\" width=\"600\" bgcolor=\"#ffffff\" cellpadding=\"16\">\r\n\
                 <tr><td><img src=\"cid:banner\" width=\"568\" height=\"120\" alt=\"\"></td></tr>\r\n",
            );
        }
        while out.len() + 400 < size {
            if letter {
                out.push_str("<p>");
                self.html_sentence(rng, &mut out);
                out.push_str("</p>\r\n");
            } else {
                let id = rng.next() >> 24;
                out.push_str("<tr><td style=\"font-size:16px;line-height:24px;color:#333333\"><h2>");
                out.push_str(&escape(&self.language.subject(rng)));
                out.push_str("</h2>\r\n<p>");
                self.html_sentence(rng, &mut out);
                out.push_str("<br>\r\n");
                self.html_sentence(rng, &mut out);
                out.push_str(&format!(
                    "</p>\r\n<a class=\"btn\" href=\"https://shop.hoster.test/offer/{id:x}?utm_source=mail&amp;utm_campaign={}\">{}</a></td></tr>\r\n",
                    self.number,
                    rng.between(5, 500)
                ));
            }
        }
        if letter {
            out.push_str(&format!(
                "<p>{}<br>\r\n{}</p></div></body></html>\r\n",
                self.language.farewell(),
                escape(&self.people[0].0)
            ));
        } else {
            out.push_str(&format!(
                "</table></td></tr></table>\r\n<p><a href=\"https://news.hoster.test/u/{0:x}\">unsubscribe</a></p>\r\n\
                 <img src=\"https://track.hoster.test/open/{0:x}.gif\" width=\"1\" height=\"1\" alt=\"\"></body></html>\r\n",
                rng.next()
            ));
        }
        out
    }

    /// A sentence or two with an HTML writer's habits: entities, bold words, lines of moderate length.
    fn html_sentence(&self, rng: &mut Rng, out: &mut String) {
        let mut text = String::new();
        self.language.sentence(rng, &mut text);
        out.push_str(&escape(&text));
        if rng.chance(20) {
            out.push_str("&nbsp;<b>");
            text.clear();
            self.language.sentence(rng, &mut text);
            out.push_str(&escape(&text));
            out.push_str("</b>");
        }
        out.push_str("\r\n");
    }

    fn attachment(&self, out: &mut Vec<u8>, rng: &mut Rng, size: usize) {
        let number = rng.between(100, 9_999);
        let named = if rng.chance(30) && !self.subject.is_ascii() {
            self.subject.replace(['/', '"'], "_")
        } else {
            format!("file {number}")
        };
        let (kind, ending, bytes) = match rng.below(5) {
            0 | 1 => ("application/pdf", "pdf", pdf(rng, size)),
            2 => ("image/png", "png", png(rng, size)),
            3 => ("text/csv", "csv", csv(rng, size)),
            _ => (
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "docx",
                zip(rng, size),
            ),
        };
        let name = format!("{named}.{ending}");
        let disposition = if name.is_ascii() {
            format!("filename=\"{name}\"")
        } else {
            format!("filename*=utf-8''{}", percent(&name))
        };
        out.extend_from_slice(
            format!("Content-Type: {kind}\r\nContent-Disposition: attachment;\r\n {disposition}\r\nContent-Transfer-Encoding: base64\r\n\r\n")
                .as_bytes(),
        );
        base64_lines(&bytes, out);
    }
}

fn person(kind: Kind, language: &Language, rng: &mut Rng) -> (String, String) {
    match kind {
        Kind::Letters => {
            let name = language.person(rng);
            let domain =
                rng.pick(&["hoster.test", "mx.test", "autoconfig.test", "srv.test", "university.test"]);
            (name.to_owned(), format!("{}@{domain}", mailbox_of(name)))
        }
        Kind::Newsletter => {
            let (name, domain) = [
                ("The Weekly Harbour", "harbour-weekly.test"),
                ("Bücherstube Köln", "buecherstube.test"),
                ("Rail & Sail", "railandsail.test"),
                ("Garden Letters", "garden.test"),
            ][rng.below(4)];
            (name.to_owned(), format!("news@{domain}"))
        }
        Kind::Notice => {
            let (name, address) = [
                ("Shop", "orders@shop.test"),
                ("City Library", "no-reply@library.test"),
                ("Build server", "ci@build.test"),
                ("Stadtwerke", "rechnung@stadtwerke.test"),
            ][rng.below(4)];
            (name.to_owned(), address.to_owned())
        }
        Kind::Junk => ("You have won!".to_owned(), format!("winner{}@lucky.test", rng.below(1000))),
    }
}

/// The size of a message: log-normal, so that most are small and a few are huge.
fn size(plan: &Plan, rng: &mut Rng) -> usize {
    let median = plan.mean_bytes as f64 / exp(SIGMA * SIGMA / 2.0);
    let size = median * exp(SIGMA * rng.normal());
    (size as usize).clamp(SMALLEST, LARGEST)
}

/// e^x by repeated squaring of (1 + x/2^20): exact enough, and the same on every machine.
fn exp(x: f64) -> f64 {
    let mut value = 1.0 + x / f64::from(1 << 20);
    for _ in 0..20 {
        value *= value;
    }
    value
}

fn wrap(paragraph: &str, prefix: &str, flowed: bool, out: &mut String) {
    let mut line = String::from(prefix);
    for word in paragraph.split(' ') {
        if line.len() > prefix.len() && line.len() + word.len() > 72 {
            // A space at the end of a line says that the paragraph goes on (RFC 3676).
            out.push_str(&line);
            out.push_str(if flowed { " \r\n" } else { "\r\n" });
            line.clear();
            line.push_str(prefix);
        } else if line.len() > prefix.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push_str("\r\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn pdf(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut out =
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n".to_vec();
    let mut object = 3;
    while out.len() + 200 < size {
        let length = rng.between(100, 6_000).min(size - out.len());
        out.extend_from_slice(
            format!("{object} 0 obj\n<< /Length {length} /Filter /FlateDecode >>\nstream\n").as_bytes(),
        );
        rng.bytes(&mut out, length);
        out.extend_from_slice(b"\nendstream\nendobj\n");
        object += 1;
    }
    out.extend_from_slice(b"trailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}

fn png(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    rng.bytes(&mut out, size.max(64));
    out.extend_from_slice(b"\0\0\0\0IEND\xaeB`\x82");
    out
}

fn zip(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut out = b"PK\x03\x04\x14\0\x06\0\x08\0".to_vec();
    rng.bytes(&mut out, size.max(64));
    out.extend_from_slice(b"PK\x05\x06");
    out
}

fn csv(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut out = String::from("date;article;amount;price\r\n");
    while out.len() < size {
        out.push_str(&format!(
            "20{:02}-{:02}-{:02};A-{};{};{},{:02}\r\n",
            rng.between(18, 26),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.between(1000, 9999),
            rng.between(1, 40),
            rng.between(1, 900),
            rng.below(100)
        ));
    }
    out.into_bytes()
}

/// A date as RFC 5322 section 3.3 writes it; `zone` in minutes east of Greenwich.
fn date(time: i64, zone: i64) -> String {
    let local = time + zone * 60;
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    // The day that ends a year in March: leap days then come last (Hinnant's civil_from_days).
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 2 } else { shifted - 10 };
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days.rem_euclid(7) as usize];
    let name =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month as usize];
    format!(
        "{weekday}, {day} {name} {year} {:02}:{:02}:{:02} {}{:02}{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        if zone < 0 { '-' } else { '+' },
        zone.abs() / 60,
        zone.abs() % 60
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(super::date(0, 0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(super::date(951_782_400, 0), "Tue, 29 Feb 2000 00:00:00 +0000");
        assert_eq!(super::date(1_780_000_000, -300), "Thu, 28 May 2026 15:26:40 -0500");
    }
}
