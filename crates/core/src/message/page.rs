//! One message as a page for a browser, which needs nothing else: no script, no font, no picture that is not in it.
//!
//! Two things keep it harmless, each enough alone: the document is written anew from a few elements and attributes
//! ([`html`](super::html)), and [`Page::policy`] forbids the browser what such a page has no need of.

use super::reader::Body;
use super::{Reading, clean, clean_line};
use std::fmt::Write as _;

/// How the page looks. What is the message's own lies in a box that nothing is drawn outside of.
const STYLE: &str = "\
html{background:#fff;color:#111;font:16px/1.45 system-ui,sans-serif}\
body{margin:0 auto;max-width:60rem;padding:1rem}\
header{border-bottom:1px solid #999;padding-bottom:.5rem;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:0}\
header dt{color:#555}header dd{margin:0;white-space:pre-wrap}\
.beware{background:#fff3cd;color:#111;border-left:4px solid #b58100;padding:.2rem .6rem;margin:.4rem 0}\
.note{color:#555;margin:.4rem 0}\
main{contain:paint;isolation:isolate;overflow:auto;padding-top:1rem}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.45 ui-monospace,monospace}\
blockquote{border-left:3px solid #bbb;margin-left:.3rem;padding-left:.8rem}\
img{max-width:100%;height:auto}\
.leads{all:initial;font:13px system-ui,sans-serif;color:#900;background:#fff}";

/// A message as a whole document of HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The document, UTF-8.
    pub html: String,
    /// What the browser is allowed: the value of Content-Security-Policy.
    pub policy: &'static str,
    /// Pictures of other servers that are not loaded; too small ones to be seen are not counted.
    pub left_out: usize,
}

/// A line above the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A field of the header: its name and what it says.
    Field(&'static str, String),
    /// What may deceive.
    Beware(String),
    /// What else there is to know.
    Remark(String),
}

impl Page {
    /// Makes the page of a message. `reading` is its [`Reading`], `notes` stand above it. With `remote`, the browser
    /// loads pictures from where they are, which tells their servers that, when and from where the message is read.
    #[must_use]
    pub fn new(message: &[u8], reading: &Reading, notes: &[Note], remote: bool) -> Self {
        let body = Body::read(message, remote);
        let title = if reading.subject.is_empty() { "(no subject)" } else { &reading.subject };
        let mut html = String::with_capacity(body.html.len() + 4096);
        // The icon is there so that none is asked for.
        let _ = write!(
            html,
            "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">\
             <style>{STYLE}</style></head>\n<body><header>\n<dl>\n",
            escape(&clean_line(title))
        );
        for note in notes {
            if let Note::Field(name, text) = note
                && !text.is_empty()
            {
                let _ = writeln!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&clean_line(text)));
            }
        }
        html.push_str("</dl>\n");
        for note in notes {
            let (class, text) = match note {
                Note::Field(..) => continue,
                Note::Beware(text) => ("beware", format!("Beware: {text}")),
                Note::Remark(text) => ("note", text.clone()),
            };
            let _ = writeln!(html, "<p class=\"{class}\">{}</p>", escape(&clean_line(&text)));
        }
        if body.left_out > 0 {
            let pictures = if body.left_out == 1 { "picture" } else { "pictures" };
            let _ = writeln!(
                html,
                "<p class=\"note\">{} {pictures} of other servers not loaded; <code>restante open --remote</code> does, \
                 and so tells them that you read this.</p>",
                body.left_out
            );
        }
        html.push_str("</header>\n<main>\n");
        let cards = reading.cards(body.html.is_empty());
        cards.iter().for_each(|card| html.push_str(&preformatted(card)));
        if cards.is_empty() && body.html.is_empty() && !reading.text.is_empty() {
            html.push_str(&preformatted(&reading.text));
        }
        html.push_str(&body.html);
        html.push_str("</main></body></html>\n");
        Self { html, policy: if remote { REMOTE } else { CLOSED }, left_out: body.left_out }
    }
}

/// Nothing is loaded, nothing runs, nothing is sent. `sandbox` gives the page an origin of its own, and without
/// `allow-scripts` no refresh either; a link that a person follows opens in another tab.
const CLOSED: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";
/// The same with pictures from anywhere.
const REMOTE: &str = "default-src 'none'; img-src data: http: https:; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";

/// Text as it is.
pub(super) fn preformatted(text: &str) -> String {
    format!("<pre>{}</pre>\n", escape(&clean(text)))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(message: &str, remote: bool) -> Page {
        let reading = Reading::read(message.as_bytes(), 78);
        Page::new(message.as_bytes(), &reading, &[Note::Field("From", "A <a@b.example>".to_owned())], remote)
    }

    /// What the message itself is in its page.
    fn main(message: &str, remote: bool) -> String {
        let html = page(message, remote).html;
        html.split_once("<main>\n").unwrap().1.strip_suffix("</main></body></html>\n").unwrap().to_owned()
    }

    fn html(body: &str) -> String {
        let main = main(&format!("Content-Type: text/html\r\n\r\n{body}"), false);
        main.strip_prefix("<div class=\"part\">").unwrap().strip_suffix("</div>\n").unwrap().to_owned()
    }

    #[test]
    fn plain_text_is_shown_as_it_is() {
        assert_eq!(
            main("Subject: x\r\n\r\na <b> & \u{202e}c\r\n  d\r\n", false),
            "<pre>a &lt;b&gt; &amp; c\n  d</pre>\n"
        );
        let whole = page("Subject: <x>\r\n\r\ny", false).html;
        assert!(whole.contains("<title>&lt;x&gt;</title>"));
        assert!(whole.contains("<dt>From</dt><dd>A &lt;a@b.example&gt;</dd>"));
    }

    #[test]
    fn looks_stay_and_acts_do_not() {
        assert_eq!(
            html("<body bgcolor=#000 onload=x><td style='color:red;position:fixed' onclick=y WIDTH=5>a</td>"),
            "<div bgcolor=\"#000\"><td width=\"5\" style=\"color:red;\">a</td></div>"
        );
        assert_eq!(
            html("<th colspan=2>a</th><font face='A,b' color=red>c</font>"),
            "<th colspan=\"2\">a</th><font color=\"red\" face=\"A,b\">c</font>"
        );
        assert_eq!(
            html(
                "a<script>b</script><svg onload=x><b>c</b></svg><form action=x><input><button>d</button></form>"
            ),
            "a<span><strong>c</strong></span><div><span>d</span></div>"
        );
    }

    #[test]
    fn a_link_tells_where_it_leads() {
        assert_eq!(
            html("<a href='http://evil.test/\"x'>https://bank.example/</a>"),
            "<a href=\"http://evil.test/&quot;x\" title=\"http://evil.test/&quot;x\" rel=\"noreferrer noopener\" \
             target=\"_blank\">https://bank.example/</a><span class=\"leads\"> [leads to evil.test]</span>"
        );
        assert_eq!(html("<a href=javascript:x ping=http://y/>z</a>"), "z");
    }

    #[test]
    fn pictures_are_in_the_page_or_not_there() {
        let message = "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
            <img src=cid:a%40b alt=one width=9><img src=cid:c alt=two><img src='http://x/' srcset='http://y/ 1x' alt=three>\
            <img src=http://x/ width=1 height=1><img src='data:image/svg+xml;base64,PHN2Zz4='><img src='data:image/gif;base64,R0lGODlh'>\r\n\
            --b\r\nContent-Type: image/gif\r\nContent-ID: <a@b>\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlh\r\n\
            --b\r\nContent-Type: image/svg+xml\r\nContent-ID: <c>\r\n\r\n<svg onload=x>\r\n--b--\r\n";
        let gif = "data:image/gif;base64,R0lGODlh";
        assert_eq!(
            main(message, false),
            format!(
                "<div class=\"part\"><img src=\"{gif}\" alt=\"one\" width=\"9\">[two][three]<img src=\"{gif}\" alt=\"\"></div>\n"
            )
        );
        let page = page(message, false);
        assert!(page.left_out == 1 && page.html.contains("1 picture of other servers not loaded"));
        assert!(main(message, true).contains("<img src=\"http://x/\" alt=\"three\">"));
        assert!(!page.policy.contains("http") && super::REMOTE.contains("img-src data: http: https:;"));
    }

    #[test]
    fn of_alternatives_the_html_is_shown_where_there_is_any() {
        let message = |html: &str| {
            format!(
                "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n\
                 Content-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
            )
        };
        assert!(main(&message("<b>rich</b>"), false).contains("<strong>rich</strong>"));
        assert_eq!(main(&message("<div></div>"), false), "<pre>plain</pre>\n");
    }

    #[test]
    fn pictures_have_an_end() {
        let picture = "R0lGODlh".repeat(15_000);
        let body = "<img src=cid:a alt=x>".repeat(100);
        let message = format!(
            "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n{body}\r\n\
             --b\r\nContent-Type: image/gif\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--b--\r\n"
        );
        let page = page(&message, false).html;
        assert!(page.len() < 2 << 20 && page.contains("[x]"), "{}", page.len());
    }
}
