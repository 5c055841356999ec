//! What people write about: languages, words, subjects, names.

use std::sync::LazyLock;

use super::rng::Rng;

/// Words written as people write them, in one text.
macro_rules! words {
    ($text:literal) => {
        LazyLock::new(|| $text.split_whitespace().collect())
    };
}

/// A language with the charsets its mail comes in.
pub(crate) struct Language {
    words: LazyLock<Vec<&'static str>>,
    /// `{}` is replaced by a number or a name.
    subjects: &'static [&'static str],
    greeting: &'static str,
    farewell: &'static str,
    people: &'static [&'static str],
    /// Charset labels; the first is the common one.
    pub(crate) charsets: &'static [&'static str],
    spaced: bool,
    stop: &'static str,
}

/// All languages, the most frequent first.
pub(crate) static LANGUAGES: [&Language; 9] =
    [&ENGLISH, &GERMAN, &FRENCH, &POLISH, &RUSSIAN, &JAPANESE, &CHINESE, &KOREAN, &GREEK];

static ENGLISH: Language = Language {
    words: words!(
        "about above access account across action actually address afternoon again agenda agree almost \
         already also although always amount and annual another answer apartment apply appointment \
         approve arrange arrive article attached available balance because before begin behind believe \
         better between bicycle board book both breakfast bridge bring budget build business busy buy \
         calendar call camera cancel careful carry certificate chair change cheap check children choose \
         city clear client coffee colleague come comment company complete conference confirm consider \
         contact contract copy correct cost could count country course customer daily date deadline \
         decide decision delay deliver delivery department describe design detail different difficult \
         dinner direct discount discuss document door double draft drive during early easy effort eight \
         either electricity engine enough entire equipment evening every example expect expensive \
         explain factory family fast feedback field figure final find finish first flight follow \
         forward free friday friend from full future garden general gift give glad good great group \
         half happy harbour have hear heavy help here holiday home hope hotel hour house however \
         hundred idea important improve include increase inform inside install instead insurance \
         interest invoice issue itinerary join journey keep kind kitchen know language large last late \
         laundry learn leave lecture length letter level library light limit list listen little local \
         long look luggage lunch machine mail main make manager many map market maybe measure meet \
         meeting member message middle minute missing moment monday money month more morning most move \
         much museum music must neighbour never new next nice night nothing notice number offer office \
         often only open opinion option order other outside over own page paint paper park part party \
         passport pay payment people perhaps period person phone photo picture piece place plan plant \
         platform please point police possible post practice prefer prepare present price print private \
         problem product project promise proposal public question quick quiet quite quote railway \
         rather reach read ready really reason receipt receive recently record reduce register release \
         remember remind rent repair repeat reply report request reserve result return review right \
         river road room safe sail same saturday save schedule school season second section see sell \
         send sentence server service several share ship shop short should show sign simple since \
         single size small some soon sorry source space speak special spring staff stage stand start \
         station stay still stock storage store storm street strong student subject such suggest summer \
         supply support sure survey table take talk task teacher team telephone thank that the the the \
         there these thing think this through thursday ticket time timetable together tomorrow tonight \
         total town track train translate travel tree trip try tuesday under understand until update \
         upstairs urgent use useful vacation value version very view visit voice wait walk wall want \
         warm watch water way weather website wednesday week weekend welcome well west what when where \
         which while white whole why wide will window winter with without wonder wood word work \
         workshop world would write wrong year yellow yesterday yet you young your"
    ),
    subjects: &[
        "Meeting on {}",
        "Minutes of the meeting, {}",
        "Invoice {}",
        "Your order {}",
        "Draft of chapter {}",
        "Lunch tomorrow?",
        "Photos from the weekend",
        "Question about contract {}",
        "Holiday plans",
        "Budget {}",
        "Agenda for {}",
        "Keys for the flat",
        "Train to {}",
        "Feedback on the proposal",
        "Server maintenance {}",
        "Report {}",
        "Invitation: summer party",
        "Room {} is booked",
        "Change of address",
        "Ticket {} was closed",
    ],
    greeting: "Hello {},",
    farewell: "Best regards",
    people: &[
        "Alice Young",
        "Bob Harris",
        "Carol Whitfield",
        "David O'Neill",
        "Emma Clarke",
        "Frank Moore",
        "Grace Hopkins",
        "Henry \"Hal\" Ford",
        "Isabel Turner, PhD",
        "Jack Bennett",
    ],
    charsets: &["us-ascii", "utf-8"],
    spaced: true,
    stop: ".",
};

static GERMAN: Language = Language {
    words: words!(
        "aber Abend Adresse alle Angebot Anhang Anlage Antrag Antwort Arbeit auch Auftrag Ausflug \
         Bahnhof bald Beispiel Bericht Besprechung besser Bestätigung bis bitte Brücke Buchung Büro \
         damit danke dann das dass der die diese Donnerstag dort drei durch einfach Entwurf Ergebnis \
         fünf Frage Freitag früh für ganz Gebühr Gegenstand gern Geschäft Gespräch gestern größer Grüße \
         gut haben heute hier hören immer Jahr jetzt Kosten Kündigung Lager lieber Lieferung mehr \
         Mittwoch möchte möglich Monat morgen müssen nächste nicht noch nur öffnen oder Ostern Preis \
         prüfen Quittung Rechnung Reise Samstag schön Schlüssel schreiben sehr sind spät Straße Tag \
         Termin Treffen über und Unterlagen Urlaub Verspätung Vertrag viel vielleicht von während \
         warten Weihnachten wenn wieder wir Woche Wohnung würde Zahlung Zeit Zug zurück zwölf"
    ),
    subjects: &[
        "Einladung zur Besprechung am {}",
        "Rechnung Nr. {}",
        "Fotos vom Ausflug",
        "Rückfrage zum Angebot {}",
        "Schöne Grüße aus Köln",
        "Terminänderung: {}",
        "Ihre Bestellung {}",
        "Schlüsselübergabe",
        "Entwurf {}",
        "Frühstück am Samstag?",
    ],
    greeting: "Liebe(r) {},",
    farewell: "Viele Grüße",
    people: &[
        "Jürgen Müller",
        "Käthe Schröder",
        "Sönke Weiß",
        "Anna-Lena Groß",
        "Björn Köhler",
        "Ute Jäger",
        "Max Maier",
    ],
    charsets: &["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"],
    spaced: true,
    stop: ".",
};

static FRENCH: Language = Language {
    words: words!(
        "adresse agréable ainsi alors année après avant avec beaucoup bientôt bonjour bureau café cela \
         cette chaque chez commande comme contrat côté dans début déjà demain dépôt dernière deux devis \
         élève encore enfin équipe été être facture famille fenêtre fête gare goût hier hôtel ici \
         jamais jeudi jour juillet là lettre livraison longtemps lundi maison matin meilleur même merci \
         mois naïve nécessaire Noël nouveau numéro où papier parfois passé peut-être pièce plaisir \
         plusieurs pour préparer près prix problème quand quelque question réponse rendez-vous réunion \
         samedi semaine sœur soir souvent sûr tard temps théâtre toujours train très vacances vérifier \
         ville voilà voyage"
    ),
    subjects: &[
        "Réunion du {}",
        "Facture n° {}",
        "Photos de l'été",
        "Devis {} à vérifier",
        "Rendez-vous à la gare",
        "Votre commande {}",
        "Anniversaire de Zoé",
        "Compte rendu {}",
    ],
    greeting: "Bonjour {},",
    farewell: "À bientôt",
    people: &["Zoé Lefèvre", "François Bœuf", "Hélène Dupré", "Gaël Le Goff", "Noémie Garçon"],
    charsets: &["utf-8", "iso-8859-15", "iso-8859-1"],
    spaced: true,
    stop: ".",
};

static POLISH: Language = Language {
    words: words!(
        "adres bardzo będzie biuro cena chciałbym człowiek dlaczego dobrze dokument dziękuję dzień \
         faktura godzina gdzie jeszcze jutro każdy książka który łatwo miesiąc może następny oferta \
         okno piątek pociąg poniedziałek później proszę przesyłka pytanie rachunek sobota spotkanie \
         środa święta tydzień umowa wczoraj właśnie wszystko zamówienie załącznik źródło żeby zdjęcia"
    ),
    subjects: &[
        "Spotkanie {}",
        "Faktura nr {}",
        "Zdjęcia z wakacji",
        "Pytanie o umowę {}",
        "Życzenia świąteczne",
    ],
    greeting: "Cześć {},",
    farewell: "Z poważaniem",
    people: &["Łukasz Żółty", "Małgorzata Wójcik", "Jan Kowalski", "Agnieszka Dąbrowska"],
    charsets: &["utf-8", "iso-8859-2", "windows-1250"],
    spaced: true,
    stop: ".",
};

static RUSSIAN: Language = Language {
    words: words!(
        "адрес билет больше будет важно вечер вопрос время всегда встреча вчера где год город день \
         договор документ дом друг если завтра заказ здесь квартира книга когда конец можно музей \
         неделя новый ответ отпуск очень письмо поезд пожалуйста понедельник почта пятница работа \
         сегодня скоро спасибо стол счёт только утро хорошо цена через чтобы школа это"
    ),
    subjects: &["Встреча {}", "Счёт № {}", "Фотографии с дачи", "Вопрос по договору {}", "Билеты на поезд"],
    greeting: "Здравствуйте, {}!",
    farewell: "С уважением",
    people: &["Анна Смирнова", "Иван Петров", "Ольга Ёлкина", "Дмитрий Щукин"],
    charsets: &["utf-8", "koi8-r", "windows-1251"],
    spaced: true,
    stop: ".",
};

static JAPANESE: Language = Language {
    words: words!(
        "お世話になっております 会議の資料を 添付いたします ご確認ください 明日の予定は 東京駅で 写真を送ります よろしくお願いします 請求書について ありがとうございます 来週の月曜日に \
         電車が遅れて 新しい住所は 昼ご飯を 質問があります 締め切りは 図書館の本を お疲れ様です 見積もりを 旅行の計画 カメラの設定 コーヒーを飲みながら プロジェクトの進み具合 \
         返信が遅くなり"
    ),
    subjects: &["会議のお知らせ（{}）", "請求書 {}", "旅行の写真", "明日の予定について", "ご注文 {} の確認"],
    greeting: "{}様",
    farewell: "敬具",
    people: &["山田 太郎", "佐藤 花子", "鈴木 一郎", "髙橋 美咲"],
    charsets: &["utf-8", "shift_jis", "iso-2022-jp", "euc-jp"],
    spaced: false,
    stop: "。",
};

static CHINESE: Language = Language {
    words: words!(
        "会议记录 请查收附件 明天上午 火车票 我们讨论了 新的地址 谢谢您的来信 发票已经寄出 下个星期 图书馆 照片在这里 合同的问题 请尽快回复 项目进度 北京的天气 周末有空吗 价格表 \
         订单已发货 欢迎参加 详细情况如下 预算报告 祝好 非常感谢 稍后再联系"
    ),
    subjects: &["会议通知 {}", "发票 {}", "周末的照片", "关于合同 {}", "您的订单 {}"],
    greeting: "{}，您好：",
    farewell: "此致敬礼",
    people: &["王伟", "李娜", "张敏", "刘洋"],
    charsets: &["utf-8", "gb18030", "gbk", "big5"],
    spaced: false,
    stop: "。",
};

static KOREAN: Language = Language {
    words: words!(
        "안녕하세요 회의 자료를 첨부합니다 내일 오전에 기차표 주소가 바뀌었습니다 감사합니다 다음 주에 사진을 보냅니다 질문이 있습니다 계약서 청구서를 확인해 주세요 도서관 \
         주말에 시간이 예산 보고서 빠른 답장 부탁드립니다"
    ),
    subjects: &["회의 안내 {}", "청구서 {}", "주말 사진", "계약서 {} 관련 질문"],
    greeting: "{}님께,",
    farewell: "감사합니다",
    people: &["김민준", "이서연", "박지훈"],
    charsets: &["utf-8", "euc-kr"],
    spaced: true,
    stop: ".",
};

static GREEK: Language = Language {
    words: words!(
        "αύριο βιβλίο γραφείο διεύθυνση ερώτηση εβδομάδα ημέρα θέμα ιδέα καλημέρα κρατήσεις λογαριασμός \
         μήνας νέα ξενοδοχείο όμως παραγγελία ραντεβού συνάντηση τρένο υπογραφή φωτογραφίες χρόνος ώρα"
    ),
    subjects: &["Συνάντηση {}", "Τιμολόγιο {}", "Φωτογραφίες από το νησί"],
    greeting: "Αγαπητέ {},",
    farewell: "Με εκτίμηση",
    people: &["Γιώργος Παπαδόπουλος", "Ελένη Νικολάου"],
    charsets: &["utf-8", "iso-8859-7", "windows-1253"],
    spaced: true,
    stop: ".",
};

impl Language {
    /// A language: mostly English, often German, sometimes any other.
    pub(crate) fn any(rng: &mut Rng) -> &'static Self {
        match rng.below(100) {
            0..55 => LANGUAGES[0],
            55..75 => LANGUAGES[1],
            _ => LANGUAGES[2 + rng.below(LANGUAGES.len() - 2)],
        }
    }

    /// A charset for a conversation in this language.
    pub(crate) fn charset(&self, rng: &mut Rng) -> &'static str {
        // English in ASCII may meet a name that needs more, so ASCII is chosen by the writer, not here.
        if self.charsets[0] == "us-ascii" || rng.chance(50) { "utf-8" } else { rng.pick(self.charsets) }
    }

    /// A person's name.
    pub(crate) fn person(&self, rng: &mut Rng) -> &'static str {
        rng.pick(self.people)
    }

    /// A subject without any `Re:`.
    pub(crate) fn subject(&self, rng: &mut Rng) -> String {
        let number = rng.between(1000, 99_999).to_string();
        rng.pick(self.subjects).replace("{}", &number)
    }

    /// The first line of a letter.
    pub(crate) fn greeting(&self, name: &str) -> String {
        self.greeting.replace("{}", name)
    }

    /// The line before the name.
    pub(crate) fn farewell(&self) -> &'static str {
        self.farewell
    }

    /// Appends a sentence.
    pub(crate) fn sentence(&self, rng: &mut Rng, out: &mut String) {
        let (low, high) = if self.spaced { (5, 16) } else { (2, 5) };
        for at in 0..rng.between(low, high) {
            if at > 0 && self.spaced {
                out.push_str(if rng.chance(8) { ", " } else { " " });
            }
            let word = rng.pick(&self.words);
            if at == 0 {
                let mut chars = word.chars();
                out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
                out.push_str(chars.as_str());
            } else {
                out.push_str(word);
            }
        }
        // Now and then something nobody else wrote, for searches that find one message.
        if rng.chance(7) {
            out.push_str(&format!(
                " {}-{}",
                char::from(b'A' + rng.below(26) as u8),
                rng.between(10_000, 9_999_999)
            ));
        }
        out.push_str(self.stop);
    }

    /// A paragraph in one long line.
    pub(crate) fn paragraph(&self, rng: &mut Rng) -> String {
        let mut out = String::new();
        for at in 0..rng.between(1, 6) {
            if at > 0 && self.spaced {
                out.push(' ');
            }
            self.sentence(rng, &mut out);
        }
        out
    }
}

/// The part before the `@` for a name.
pub(crate) fn mailbox_of(name: &str) -> String {
    let letters: String = name
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'ä' => 'a',
            'ö' => 'o',
            'ü' => 'u',
            'é' | 'è' | 'ë' => 'e',
            'ż' => 'z',
            'ł' => 'l',
            'ó' => 'o',
            ' ' => '.',
            c => c,
        })
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    let trimmed = letters.trim_matches('.');
    if trimmed.len() > 2 {
        return trimmed.to_owned();
    }
    // A name without Latin letters: any stable word will do.
    let hash = name.chars().fold(7_u32, |hash, c| hash.wrapping_mul(31).wrapping_add(u32::from(c)));
    format!("user{}", hash % 10_000)
}
