"""A server at another origin on this machine. It records requests and sends a set response."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Elsewhere"]


class Elsewhere:
    """A server for plain HTTP."""

    def __init__(self) -> None:
        self.status = 200
        self.location: str | None = None
        self.authorization: list[str | None] = []
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                elsewhere.authorization.append(self.headers.get("Authorization"))
                self.send_response(elsewhere.status)
                if elsewhere.location is not None:
                    self.send_header("Location", elsewhere.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        self._thread.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
