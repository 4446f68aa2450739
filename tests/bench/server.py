"""A server that is not ours: nginx, which signs in whoever asks and answers one GET."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PATH = "/api/v1/sim/500001"
SIM = {"id": 500001, "iccid": "8988303000000500001", "status": {"id": 1}}
TENANT = "00000000-0000-0000-0000-000000000000"

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    keepalive_requests 100000000;
    keepalive_timeout 3600;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        location = {path} {{ return 200 '{sim}'; }}
        location = /api/v1/authenticate {{ return 200 '{{"auth_token":"{token}"}}'; }}
        location ~ /openid-configuration$ {{ return 200 '{openid}'; }}
        location ~ /oauth2/v2.0/token$ {{
            return 200 '{{"token_type":"Bearer","expires_in":86400,"access_token":"{token}"}}';
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[dict[str, str]]:
    """Start it, and return the environment variables that point to it."""
    certificates(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    openid = {
        "issuer": f"{url}/{TENANT}/v2.0",
        "authorization_endpoint": f"{url}/{TENANT}/oauth2/v2.0/authorize",
        "token_endpoint": f"{url}/{TENANT}/oauth2/v2.0/token",
    }
    configuration = CONFIGURATION.format(
        folder=folder,
        port=port,
        path=PATH,
        sim=json.dumps(SIM),
        openid=json.dumps(openid),
        token=auth_token(),
    )
    (folder / "nginx.conf").write_text(configuration)
    server = subprocess.Popen(
        ["nginx", "-p", folder, "-c", folder / "nginx.conf"],
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin"},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait(server, port, folder)
        yield {
            "EMNIFY_BASE_PATH": url,
            "EMNIFY_APPLICATION_TOKEN": "application-token",
            "SSL_CERT_FILE": str(folder / "ca.pem"),
            # If it is set, requests prefers it to what a session is told.
            "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
        }
    finally:
        server.terminate()
        server.wait()


def wait(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    """Wait until it accepts connections."""
    for _ in range(200):
        if server.poll() is not None:
            raise SystemExit("nginx did not start:\n" + (folder / "errors").read_text())
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not accept connections within 10 s")


def certificates(folder: Path) -> None:
    """Make a certificate authority, and a certificate for 127.0.0.1."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-subj", "/CN=bench", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    openssl("req", *key, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr")
    issued = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    openssl("x509", "-req", "-in", "server.csr", *issued, "-extfile", "names", "-out", "server.pem")


def auth_token() -> str:
    """Return a JWT that is valid for a day. Its signature is nobody's."""
    now = int(time.time())
    claims = {"iat": now, "exp": now + 86400, "sub": "application", "esc.org": 1234}
    parts = [{"alg": "HS512", "typ": "JWT"}, claims, "s" * 86]
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    )
