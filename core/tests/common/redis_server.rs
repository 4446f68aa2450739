//! A Redis or Valkey server for one test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A server on a free port, which ends with the test.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        Server::start_with(&[])
    }

    /// Starts a server with these arguments besides those for an empty one.
    pub fn start_with(arguments: &[&str]) -> Self {
        // Another test may take the port before the server does.
        let started = || {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Server::on(&port.to_string(), arguments)
        };
        std::iter::repeat_with(started).take(5).flatten().next().unwrap()
    }

    /// Returns the program of the server, which `make test-redis` sets.
    pub fn program() -> String {
        std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
    }

    fn on(port: &str, arguments: &[&str]) -> Option<Self> {
        let mut process = Command::new(Server::program())
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", port])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; apt-get install redis-server", Server::program()));
        let output = BufReader::new(process.stdout.take().unwrap());
        let server = Server { process, url: format!("redis://127.0.0.1:{port}") };
        let mut lines = output.lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line.contains("Ready to accept connections"));
        // It writes to the pipe as long as it runs.
        std::thread::spawn(move || lines.for_each(drop));
        is_ready.then_some(server)
    }

    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Ends the server and starts an empty one on the same port.
    pub fn restart(&mut self) {
        self.kill();
        *self = Server::on(self.port(), &[]).unwrap();
    }

    /// Suspends the server: the system still accepts connections for it.
    pub fn suspend(&self) {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGSTOP).unwrap();
    }

    pub fn query<T: redis::FromRedisValue>(&self, command: &str, arguments: &[&str]) -> T {
        let mut connection =
            redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd(command).arg(arguments).query(&mut connection).unwrap()
    }

    pub fn keys(&self) -> Vec<String> {
        self.query("KEYS", &["*"])
    }

    /// Returns the number of connections so far, this one included.
    pub fn connections(&self) -> usize {
        let stats: String = self.query("INFO", &["stats"]);
        let count = stats.lines().find_map(|l| l.strip_prefix("total_connections_received:"));
        count.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
