//! A Redis server for one test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A Redis server on a free port, which ends with the test.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        // Another test may take the port before the server does.
        std::iter::repeat_with(Server::try_start).take(5).flatten().next().unwrap()
    }

    fn try_start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("redis-server: {e}; apt-get install redis-server"));
        let output = BufReader::new(process.stdout.take().unwrap());
        let server = Server { process, url: format!("redis://127.0.0.1:{port}") };
        let mut lines = output.lines().map_while(Result::ok);
        lines.any(|line| line.contains("Ready to accept connections")).then_some(server)
    }

    pub fn query<T: redis::FromRedisValue>(&self, command: &str, arguments: &[&str]) -> T {
        let mut connection =
            redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd(command).arg(arguments).query(&mut connection).unwrap()
    }

    pub fn keys(&self) -> Vec<String> {
        self.query("KEYS", &["*"])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
