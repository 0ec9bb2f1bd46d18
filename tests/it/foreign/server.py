"""A solver engine on a server of Python's: `server.py http.server HTTP/1.0`, `server.py werkzeug`.

Says on standard output, one JSON object a line, where it listens and what came of each request. The first part of a
request's path chooses what is done with it.
"""

import hashlib
import json
import platform
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 65536
OUTPUT = threading.Lock()


def say(**what):
    with OUTPUT:
        print(json.dumps(what), flush=True)


def chunks(stream):
    """The body of a chunked request, in pieces: RFC 9112, 7.1."""
    while size := int(line(stream).split(b";")[0], 16):
        while size:
            piece = stream.read(min(size, PIECE))
            if not piece:
                raise EOFError("the body broke off")
            yield piece
            size -= len(piece)
        line(stream)
    while line(stream):
        pass  # Trailers.


def line(stream):
    found = stream.readline(PIECE)
    if not found.endswith(b"\r\n"):
        raise EOFError("the body broke off")
    return found[:-2]


def counted(stream, size):
    while size:
        piece = stream.read(min(size, PIECE))
        if not piece:
            raise EOFError("the body broke off")
        yield piece
        size -= len(piece)


def pieces(stream):
    while piece := stream.read(PIECE):
        yield piece


def digest(body, encoding):
    """What is said of a body, decoded."""
    decoder = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    sha256, size, start = hashlib.sha256(), 0, b""
    for piece in body:
        if decoder:
            piece = decoder.decompress(piece)
        sha256.update(piece)
        size += len(piece)
        start = start or piece[:8]
    if decoder and not decoder.eof:
        raise EOFError("what was compressed broke off")
    return {"bytes": size, "sha256": sha256.hexdigest(), "start": start.decode("latin-1")}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        how = self.path.split("/")[1]
        status, answer = 200, {"solutions": []}
        if how == "refusing":
            # Nothing of the body is read.
            status, answer, said = 400, {"error": "not now", "detail": "a" * 500}, {}
        elif how == "usual":
            said = digest([self.rfile.read(int(self.headers["Content-Length"]))], None)
        elif how == "lenient":
            said = digest([self.rfile.read(int(self.headers.get("Content-Length", 0)))], None)
        elif how == "to-the-end":
            said = digest([self.rfile.read()], None)
        else:
            if how == "busy":
                status = 503
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                body = chunks(self.rfile)
            else:
                body = counted(self.rfile, int(self.headers.get("Content-Length", 0)))
            said = digest(body, self.headers.get("Content-Encoding"))
        text = json.dumps(answer).encode()
        say(
            path=self.path,
            peer=self.client_address[1],
            transfer_encoding=self.headers.get("Transfer-Encoding"),
            content_length=self.headers.get("Content-Length"),
            content_encoding=self.headers.get("Content-Encoding"),
            **said,
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        if how == "refusing":
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        say(error=f"{type(error).__name__}: {error}")


def http_server(protocol):
    Handler.protocol_version = protocol
    server = Server(("127.0.0.1", 0), Handler)
    say(port=server.server_port, version=f"Python {platform.python_version()}, {protocol}")
    server.serve_forever()


def werkzeug():
    try:
        from importlib.metadata import version
        from werkzeug.serving import WSGIRequestHandler, make_server
        from werkzeug.wrappers import Request, Response
    except ImportError as absent:
        say(absent=str(absent))
        return

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            pass

    @Request.application
    def engine(request):
        how = request.path.split("/")[1]
        status, said = {"refusing": 400, "busy": 503}.get(how, 200), {}
        if how != "refusing":
            said = digest(pieces(request.stream), request.headers.get("Content-Encoding"))
        say(
            path=request.path,
            peer=int(request.environ["REMOTE_PORT"]),
            transfer_encoding=request.headers.get("Transfer-Encoding"),
            content_length=request.headers.get("Content-Length"),
            content_encoding=request.headers.get("Content-Encoding"),
            **said,
        )
        answer = {"error": "not now", "detail": "a" * 500} if status == 400 else {"solutions": []}
        return Response(json.dumps(answer), status, content_type="application/json")

    server = make_server("127.0.0.1", 0, engine, threaded=True, request_handler=Quiet)
    say(port=server.server_port, version=f"Werkzeug {version('werkzeug')}")
    server.serve_forever()


if sys.argv[1] == "werkzeug":
    werkzeug()
else:
    http_server(sys.argv[2])
