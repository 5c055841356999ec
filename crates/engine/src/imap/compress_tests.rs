//! COMPRESS on a connection: the switch, what stays as it was, and what breaks it.

use super::Connection;
use super::deflate::Deflate;
use crate::error::Error;
use restante_core::diagnosis::Verdict;
use restante_core::imap::Event;
use restante_core::imap::wire::{Command, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The server's end.
struct Far {
    stream: DuplexStream,
    deflate: Option<Deflate>,
}

impl Far {
    async fn say(&mut self, text: &str) {
        let bytes = match &mut self.deflate {
            Some(deflate) => deflate.pack(text.as_bytes()).unwrap(),
            None => text.as_bytes().to_vec(),
        };
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn hear(&mut self, expected: &str) {
        let mut buffer = vec![0; expected.len()];
        match &mut self.deflate {
            None => {
                self.stream.read_exact(&mut buffer).await.unwrap();
            }
            Some(deflate) => {
                let mut at = 0;
                while at < buffer.len() {
                    match deflate.unpack(&mut buffer[at..]).unwrap() {
                        0 => {
                            let count = self.stream.read(deflate.room()).await.unwrap();
                            assert!(count > 0, "the client is gone");
                            deflate.received(count);
                        }
                        count => at += count,
                    }
                }
            }
        }
        assert_eq!(String::from_utf8_lossy(&buffer), expected);
    }
}

async fn greeted(capabilities: &str) -> (Connection, Far) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let mut far = Far { stream: far, deflate: None };
    far.say(&format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n")).await;
    let mut connection = Connection::new(near, "imap.example.org");
    connection.greeting().await.unwrap();
    (connection, far)
}

/// A connection that has switched.
async fn compressed() -> (Connection, Far) {
    let (mut connection, mut far) = greeted("COMPRESS=DEFLATE").await;
    let server = async {
        far.hear("a1 COMPRESS DEFLATE\r\n").await;
        far.say("a1 OK go\r\n").await;
        far.deflate = Some(Deflate::new(b""));
    };
    let (done, ()) = tokio::join!(connection.compress(), server);
    done.unwrap();
    assert!(connection.is_compressed());
    (connection, far)
}

async fn exists(connection: &mut Connection) -> Result<Vec<u32>, Error> {
    let mut counts = Vec::new();
    connection
        .ok(Command::new("NOOP"), |event| {
            if let Event::Untagged(Response::Exists(count)) = event {
                counts.push(count);
            }
            Ok(())
        })
        .await?;
    Ok(counts)
}

#[tokio::test]
async fn after_the_ok_both_directions_are_compressed() {
    let (mut connection, mut far) = compressed().await;
    let server = async {
        for tag in 2..100 {
            far.hear(&format!("a{tag} NOOP\r\n")).await;
            far.say(&format!("* {tag} EXISTS\r\na{tag} OK\r\n")).await;
        }
    };
    let client = async {
        for tag in 2..100 {
            assert_eq!(exists(&mut connection).await.unwrap(), [tag]);
        }
    };
    tokio::join!(server, client);
    let traffic = connection.traffic();
    assert_eq!(traffic.round_trips, 99, "a compressed command is sent whole, and at once");
    assert!(traffic.bytes_in < 98 * 24, "what came is counted as it came: {traffic:?}");
}

#[tokio::test]
async fn compressed_bytes_behind_the_ok_are_the_first_of_the_stream_wherever_it_is_split() {
    let ok = b"a1 OK go\r\n";
    let packed = Deflate::new(b"").pack(b"* 7 EXISTS\r\n* 8 EXISTS\r\na2 OK\r\n").unwrap();
    let whole = [ok.as_slice(), &packed].concat();
    for split in 1..whole.len() {
        let (mut connection, mut far) = greeted("COMPRESS=DEFLATE").await;
        let server = async {
            far.hear("a1 COMPRESS DEFLATE\r\n").await;
            far.stream.write_all(&whole[..split]).await.unwrap();
            tokio::task::yield_now().await;
            far.stream.write_all(&whole[split..]).await.unwrap();
        };
        let client = async {
            connection.compress().await.unwrap();
            exists(&mut connection).await.unwrap()
        };
        let (counts, ()) = tokio::join!(client, server);
        assert_eq!(counts, [7, 8], "split at {split}");
    }
}

#[tokio::test]
async fn news_are_heard_through_compression_however_they_are_split() {
    let (mut connection, mut far) = compressed().await;
    let packed = far.deflate.as_mut().unwrap().pack(b"* 7 EXISTS\r\n").unwrap();
    let before = connection.traffic();
    let server = async {
        for octet in &packed {
            far.stream.write_all(&[*octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let client = async {
        let mut counts = Vec::new();
        while counts.is_empty() {
            connection.listen().await.unwrap();
            let mut note = |event: Event<'_>| {
                if let Event::Untagged(Response::Exists(count)) = event {
                    counts.push(count);
                }
                Ok(())
            };
            while connection.step(&mut note).unwrap() {}
        }
        counts
    };
    let (counts, ()) = tokio::join!(client, server);
    assert_eq!(counts, [7]);
    let traffic = connection.traffic();
    // What flushes the stream may come behind the last of it.
    assert!(traffic.bytes_in - before.bytes_in + 5 >= packed.len() as u64, "{before:?} {traffic:?}");
    assert_eq!(traffic.round_trips, before.round_trips, "nobody asked");
}

#[tokio::test]
async fn a_refusal_leaves_everything_as_it_was_and_is_not_asked_for_again() {
    for refusal in ["NO [COMPRESSIONACTIVE] TLS compresses already", "BAD what?"] {
        let (mut connection, mut far) = greeted("COMPRESS=DEFLATE").await;
        let server = async {
            far.hear("a1 COMPRESS DEFLATE\r\n").await;
            far.say(&format!("a1 {refusal}\r\n")).await;
            far.hear("a2 NOOP\r\n").await;
            far.say("* 3 EXISTS\r\na2 OK\r\n").await;
        };
        let client = async {
            connection.compress().await.unwrap();
            connection.compress().await.unwrap();
            exists(&mut connection).await.unwrap()
        };
        let (counts, ()) = tokio::join!(client, server);
        assert_eq!(counts, [3]);
        assert!(!connection.is_compressed() && !connection.wants_compression(u64::MAX));
    }
}

#[tokio::test]
async fn nobody_asks_a_server_that_does_not_offer_it_or_while_a_command_is_under_way() {
    let (mut connection, _far) = greeted("IDLE").await;
    connection.compress().await.unwrap();
    assert!(!connection.is_compressed() && !connection.is_undecided());

    let (mut connection, _far) = greeted("COMPRESS=DEFLATE").await;
    assert!(connection.is_undecided());
    connection.send(Command::new("NOOP"));
    connection.compress().await.unwrap();
    assert!(!connection.is_compressed());
}

#[tokio::test]
async fn garbage_in_the_stream_ends_the_connection() {
    let (mut connection, mut far) = compressed().await;
    far.stream.write_all(b"\x07 no block of RFC 1951 begins like this").await.unwrap();
    let Err(Error::Finding(finding)) = exists(&mut connection).await else { panic!("it was understood") };
    assert_eq!(finding.verdict, Verdict::ProtocolError);
    assert_eq!(finding.evidence, "imap.example.org: the compressed stream is damaged");
}

#[tokio::test]
async fn an_end_in_the_middle_of_the_stream_is_a_lost_connection() {
    let (mut connection, mut far) = compressed().await;
    let packed = far.deflate.take().unwrap().pack(b"* 9 EXISTS\r\na2 OK\r\n").unwrap();
    far.stream.write_all(&packed[..packed.len() / 2]).await.unwrap();
    drop(far);
    let Err(Error::Finding(finding)) = exists(&mut connection).await else { panic!("it was whole") };
    assert_eq!(finding.verdict, Verdict::ConnectionLost);
}
