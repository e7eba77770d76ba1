//! A real Redis in a process of its own, which keeps nothing on disk.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// One running Redis. It ends when this value is dropped, and in any case with this process.
pub struct Redis {
    /// Its address, for `REDIS_URL_JWT_CACHE`.
    pub url: String,
    port: u16,
    process: Child,
}

impl Redis {
    /// Starts one that holds nothing.
    ///
    /// Panics: when there is no `redis-server`, or it does not come up.
    pub fn start() -> Self {
        // Redis cannot be told to take a free port and say which: one that was free a moment ago may be taken.
        for _ in 0..10 {
            if let Some(redis) = Self::try_start(free_port()) {
                return redis;
            }
        }
        panic!("redis-server does not come up; `cargo xtask test` installs it");
    }

    /// Starts one where another has been.
    ///
    /// Panics: when somebody else has taken its port meanwhile.
    pub fn start_at(port: u16) -> Self {
        Self::try_start(port).unwrap_or_else(|| panic!("port {port} is taken"))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it answers to one command without blanks in its words, as its protocol has it.
    pub fn ask(&self, command: &str) -> String {
        let answered = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            write!(stream, "{command}\r\nQUIT\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        answered.unwrap_or_else(|error| panic!("redis does not answer {command}: {error}"))
    }

    fn try_start(port: u16) -> Option<Self> {
        // The shell ends it when our end of its standard input closes, whatever becomes of us.
        let script = format!(
            "redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no & \
             server=$!; exec 3<&0; (cat <&3 >/dev/null; kill $server) 2>/dev/null & wait $server"
        );
        let process = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("sh does not start: {error}"));
        // From here on it is waited for, whatever comes.
        let mut redis = Self {
            url: format!("redis://127.0.0.1:{port}"),
            port,
            process,
        };
        let mut lines = BufReader::new(redis.process.stdout.take()?).lines();
        let is_ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("Ready to accept connections"));
        // It goes on talking, and must not meet a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        is_ready.then_some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .unwrap_or_else(|error| panic!("no free port: {error}"))
}
