//! A listener that answers every request with one answer, written as AWS documents it. Judges mapping only.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What every request is met with.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status and a body.
    Body(u16, String),
    /// Nothing, for ever.
    Silence,
    /// Headers that promise a body, and then nothing, for ever.
    BrokenOff,
}

pub(crate) struct Stub {
    pub(crate) url: String,
    operations: Arc<Mutex<Vec<String>>>,
    listening: JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let operations = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&operations);
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, answer.clone(), Arc::clone(&heard)));
            }
        });
        Self {
            url,
            operations,
            listening,
        }
    }

    /// An AWS error: its code, and a body as the service writes it.
    pub(crate) async fn refusing(status: u16, code: &str, message: &str) -> Self {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        let body = serde_json::json!({ "__type": kind, "message": message });
        Self::answering(Answer::Body(status, body.to_string())).await
    }

    /// The operations asked for, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.operations.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(mut connection: TcpStream, answer: Answer, heard: Arc<Mutex<Vec<String>>>) {
    while let Some(operation) = request(&mut connection).await {
        heard.lock().unwrap().push(operation);
        let (status, length, body) = match &answer {
            Answer::Body(status, body) => (*status, body.len(), body.as_str()),
            Answer::BrokenOff => (200, 100, "{"),
            Answer::Silence => std::future::pending().await,
        };
        let head = "content-type: application/x-amz-json-1.0";
        let text =
            format!("HTTP/1.1 {status} Told\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        if connection.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; the operation that it asks for.
async fn request(connection: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines()
                    .filter_map(|line| line.split_once(':'))
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.trim().to_owned())
            };
            let length: usize =
                header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return header("x-amz-target")
                    .and_then(|target| target.split('.').next_back().map(str::to_owned));
            }
        }
        let mut piece = [0; 4096];
        match connection.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}
