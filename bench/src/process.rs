//! A server as a process of its own: started with its settings and no others, looked at through /proc, ended on drop.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock;
use crate::connection::{Answer, Connection, request};

/// A running server.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    /// From the start to the first good answer.
    pub(crate) started_in: Duration,
}

/// Memory that is really there.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Memory {
    /// All of it, `VmRSS`: mapped files, and so the embedded table, count too.
    pub(crate) resident_mb: f64,
    /// What is the program's own and cannot be dropped, `RssAnon`.
    pub(crate) anonymous_mb: f64,
}

impl Process {
    /// Starts `program` and waits until `GET probe` answers 200.
    ///
    /// `prepare` adds arguments and settings; the process gets no other settings. Its output goes to a file in
    /// `folder`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        folder: &Path,
        probe: &str,
        prepare: impl FnOnce(&mut Command, SocketAddr),
    ) -> Result<Self> {
        let address = free_address()?;
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", folder);
        command.stdout(output.try_clone()?).stderr(output);
        prepare(&mut command, address);
        let start = clock::now();
        let child = command
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut process = Self {
            name,
            child,
            address,
            log,
            started_in: Duration::ZERO,
        };
        let probe = request("GET", probe, &[], "");
        let mut answer = Answer::default();
        loop {
            if Connection::to(address).send(&probe, &mut answer).is_ok() && answer.status == 200 {
                process.started_in = start.elapsed();
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                bail!("{name} ended with {status}:\n{}", process.last_output());
            }
            ensure!(
                start.elapsed() < START_LIMIT,
                "{name} gives no good answer:\n{}",
                process.last_output()
            );
            clock::wait(Duration::from_micros(200));
        }
    }

    /// CPU time, user and system, of the process and its children since they started.
    ///
    /// Units: microseconds, in steps of 10,000.
    pub(crate) fn cpu_us(&self) -> Result<u64> {
        let mut ticks = 0;
        for stat in self.stats()? {
            ticks += stat.ticks;
        }
        // Linux reports in hundredths of a second on every platform that Rust knows.
        Ok(ticks * 10_000)
    }

    /// Resident memory of the process and its children.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut total = Memory::default();
        for stat in self.stats()? {
            let status = fs::read_to_string(format!("/proc/{}/status", stat.pid))?;
            let megabytes = |name: &str| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                let kilobytes =
                    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
                kilobytes
                    .map(|kilobytes| kilobytes / 1024.0)
                    .with_context(|| format!("a status without {name}"))
            };
            total.resident_mb += megabytes("VmRSS")?;
            total.anonymous_mb += megabytes("RssAnon")?;
        }
        Ok(total)
    }

    /// How many processes and threads it is.
    pub(crate) fn processes_and_threads(&self) -> Result<(usize, u64)> {
        let stats = self.stats()?;
        Ok((stats.len(), stats.iter().map(|stat| stat.threads).sum()))
    }

    /// The process and its children.
    fn stats(&self) -> Result<Vec<Stat>> {
        let own = self.child.id();
        let mut stats = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            // A process may end between the listing and the look.
            let Some(stat) = fs::read_to_string(format!("/proc/{pid}/stat"))
                .ok()
                .and_then(|text| Stat::of(pid, &text))
            else {
                continue;
            };
            if pid == own || stat.parent == own {
                stats.push(stat);
            }
        }
        ensure!(
            !stats.is_empty(),
            "{} has ended:\n{}",
            self.name,
            self.last_output()
        );
        Ok(stats)
    }

    fn last_output(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(30)..)
            .unwrap_or_default()
            .join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A supervisor ends its workers when asked to; a process that does not listen is killed.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        for _ in 0..500 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            clock::wait(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What /proc says of a process.
struct Stat {
    pid: u32,
    parent: u32,
    ticks: u64,
    threads: u64,
}

impl Stat {
    fn of(pid: u32, text: &str) -> Option<Self> {
        // The second field is the program's name, in parentheses, and may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let parent = u32::try_from(number(4)?).ok()?;
        Some(Self {
            pid,
            parent,
            ticks: number(14)? + number(15)?,
            threads: number(20)?,
        })
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

const START_LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_stat_is_read_behind_the_programs_name() {
        let text = "42 (a) b) S 7 42 42 0 -1 4194560 2000 0 5 0 150 25 9 9 20 0 3 0 1000 1 2";
        let stat = Stat::of(42, text).expect("a stat line");
        assert_eq!((stat.parent, stat.ticks, stat.threads), (7, 175, 3));
    }
}
