//! One client connection: requests in, answers out, in order.

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::net::TcpStream;

use super::World;
use super::refusal::Refusal;

/// What the stand-in looks at in a request's head.
#[derive(Default)]
struct Head {
    path: String,
    target: String,
    json_1_1: bool,
    length: usize,
    close: bool,
    expects_continue: bool,
}

/// Answers until the client closes.
pub(super) fn converse(connection: TcpStream, world: &World) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut out = connection.try_clone()?;
    let mut input = BufReader::with_capacity(64 * 1024, connection);
    let (mut line, mut body) = (String::new(), Vec::new());
    while let Some(head) = read_head(&mut input, &mut line)? {
        if head.expects_continue {
            out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        body.resize(head.length, 0);
        input.read_exact(&mut body)?;
        let answer = answer(world, &head, &body);
        let (status, text) = match &answer {
            Ok(text) => (200, text),
            Err(refusal) => (refusal.status, &refusal.body),
        };
        let kind = match (head.target.is_empty(), head.json_1_1) {
            (true, _) => "text/xml",
            (false, true) => "application/x-amz-json-1.1",
            (false, false) => "application/x-amz-json-1.0",
        };
        let head_text = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nx-amzn-RequestId: 0\r\n\r\n",
            if status == 200 { "OK" } else { "Bad Request" },
            text.len(),
        );
        write_both(&mut out, head_text.as_bytes(), text.as_bytes())?;
        if head.close {
            break;
        }
    }
    Ok(())
}

/// Writes head and body in one call: a head of its own would be a packet of its own.
fn write_both(out: &mut TcpStream, head: &[u8], body: &[u8]) -> std::io::Result<()> {
    let (mut slices, mut left) = (
        [IoSlice::new(head), IoSlice::new(body)],
        head.len() + body.len(),
    );
    let mut slices = slices.as_mut_slice();
    while left > 0 {
        let written = out.write_vectored(slices)?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        left -= written;
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}

fn answer(world: &World, head: &Head, body: &[u8]) -> Result<String, Refusal> {
    if head.path == "/__counts" {
        Ok(world.counts())
    } else if head.target.is_empty() {
        world.form_call(body)
    } else {
        world.call(&head.target, body)
    }
}

/// The next request's head; `None` when the client has closed.
fn read_head(input: &mut impl BufRead, line: &mut String) -> std::io::Result<Option<Head>> {
    let mut head = Head::default();
    loop {
        line.clear();
        if input.read_line(line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if head.path.is_empty() {
            head.path = text.split(' ').nth(1).unwrap_or("/").to_owned();
            continue;
        }
        if text.is_empty() {
            return Ok(Some(head));
        }
        let Some((name, value)) = text.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("x-amz-target") {
            value.clone_into(&mut head.target);
        } else if name.eq_ignore_ascii_case("content-type") {
            head.json_1_1 = value.contains("1.1");
        } else if name.eq_ignore_ascii_case("connection") {
            head.close = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = true;
        }
    }
}
