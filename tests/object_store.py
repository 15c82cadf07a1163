"""A stand-in for S3 on this machine: lists, heads and serves objects of one bucket, with ranges, as polars asks."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "shop"


class Handler(BaseHTTPRequestHandler):
    """Answers from the objects of its server, and writes down what it was asked."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, content=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        asked = (self.command, parts.path, self.headers.get("Range"), self.headers.get("Authorization", ""))
        self.server.requests.append(asked)
        name = unquote(parts.path).removeprefix(f"/{BUCKET}").removeprefix("/")
        if "list-type" in query:
            self.send(200, listing(self.server.objects, query.get("prefix", [""])[0]), Content_Type="application/xml")
        elif name not in self.server.objects:
            self.send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.serve(self.server.objects[name])

    def serve(self, content):
        facts = {"Last_Modified": "Wed, 01 Jan 2025 00:00:00 GMT", "ETag": f'"{len(content)}"'}
        asked = self.headers.get("Range")
        if asked is None:
            self.send(200, content, Content_Length=str(len(content)), **facts)
            return
        first, last = asked.removeprefix("bytes=").split("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = int(last) + 1 if first and last else len(content)
        part = content[start:end]
        whole = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        self.send(206, part, Content_Range=whole, Content_Length=str(len(part)), **facts)


@contextmanager
def object_store(objects):
    """Serve objects (name to bytes); yield the address and the list of requests so far."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.objects, server.requests = objects, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listing(objects, prefix):
    """Return an answer to ListObjectsV2."""
    found = "".join(
        f"<Contents><Key>{escape(name)}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"{len(content)}"</ETag><Size>{len(content)}</Size></Contents>'
        for name, content in sorted(objects.items())
        if name.startswith(prefix)
    )
    text = f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
    return text.encode()
