//! One keep-alive HTTP/1.1 connection, as cheap as a client can be.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that opens itself when needed.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    /// How often the server had closed it.
    pub(crate) reconnects: u64,
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header lines.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            reconnects: 0,
        }
    }

    /// Sends one whole request and reads its answer into `answer`.
    ///
    /// A connection that the server closed while idle is opened again, once.
    pub(crate) fn send(&mut self, request: &[u8], answer: &mut Answer) -> Result<()> {
        if let Some(mut stream) = self.stream.take() {
            match exchange(&mut stream, request, answer) {
                Ok(keep) => {
                    self.stream = keep.then_some(stream);
                    return Ok(());
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) =>
                {
                    return Err(error);
                }
                Err(_closed) => self.reconnects += 1,
            }
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut stream = BufReader::with_capacity(64 * 1024, stream);
        let keep = exchange(&mut stream, request, answer)?;
        self.stream = keep.then_some(stream);
        Ok(())
    }
}

/// The bytes of a request with a body, or without one when `body` is empty.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// Whether the connection can be used again.
fn exchange(
    stream: &mut BufReader<TcpStream>,
    request: &[u8],
    answer: &mut Answer,
) -> Result<bool> {
    stream.get_mut().write_all(request)?;
    answer.head.clear();
    let mut status_line = String::new();
    if stream.read_line(&mut status_line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    answer.status = status_line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    let (mut length, mut keep) = (None, true);
    loop {
        let start = answer.head.len();
        if stream.read_line(&mut answer.head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some(line) = answer.head.get(start..).map(str::trim_end) else {
            continue;
        };
        if line.is_empty() {
            answer.head.truncate(start);
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            keep = !value.trim().eq_ignore_ascii_case("close");
        }
    }
    let length = length
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "an answer without Content-Length"))?;
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body)?;
    Ok(keep)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_connection_that_the_server_closed_is_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        // Answers one request on each of two connections; the first is closed without a word.
        let server = thread::spawn(move || {
            for body in ["first", "second"] {
                let (stream, _) = listener.accept().expect("a client");
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    stream.read_line(&mut line).expect("a line of the head");
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream
                    .get_mut()
                    .write_all(answer.as_bytes())
                    .expect("an answer");
            }
        });
        let mut connection = Connection::to(address);
        let (request, mut answer) = (request("GET", "/", &[], ""), Answer::default());
        connection
            .send(&request, &mut answer)
            .expect("the first answer");
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, b"first".as_slice())
        );
        connection
            .send(&request, &mut answer)
            .expect("the second answer");
        assert_eq!(
            (answer.body.as_slice(), connection.reconnects),
            (b"second".as_slice(), 1)
        );
        server.join().expect("the server to end");
    }
}
