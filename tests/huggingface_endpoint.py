"""The Hugging Face Hub on loopback, as far as its own client needs it: what is pushed, and pulled.

Repositories live in memory. LFS objects lie on a second origin, as on the real Hub, so that a token
that goes there is seen. `faults` holds, for the name of a route, what happens to its next requests:
a status to answer, `CUT` to hang up at once, `CUT_AFTER` to do the work and then hang up, or a
function of the endpoint, called before the request is answered.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

CUT, CUT_AFTER = "cut", "cut after"
WRITE, READ = "write", "read"
TOKEN = "hf_tokentokentokentokentokentokentoken"  # of somebody who may write
READER = "hf_readerreaderreaderreaderreaderreade"
_LFS_ENDINGS = (".safetensors", ".onnx")  # as in the .gitattributes that the Hub makes

Fault = int | str | Callable[["HuggingFaceEndpoint"], None]
Files = dict[str, bytes]


@dataclass
class Stored:
    """A repository: files by commit, the newest commit by branch."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def add(self, files: Files, branch: str = "main", message: str = "") -> str:
        """A commit with all these files; returns its name."""
        name = hashlib.sha1(repr((sorted(files), len(self.commits))).encode()).hexdigest()
        self.commits[name] = files
        self.branches[branch] = name
        self.messages.append(message)
        return name

    def head(self, branch: str = "main") -> Files:
        return self.commits[self.branches[branch]]


@dataclass(frozen=True)
class Request:
    """One that arrived, at the Hub's origin or at the storage's."""

    origin: str
    method: str
    path: str
    token: str


class HuggingFaceEndpoint:
    """The Hub's origin and the storage's. `tokens` may be used, for reading or writing."""

    def __init__(self, tokens: dict[str, str]) -> None:
        self.tokens = tokens
        self.repositories: dict[str, Stored] = {}
        self.objects: Files = {}
        self.requests: list[Request] = []
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.part_size: int | None = None  # of an upload in parts
        self.damage: Callable[[str, bytes], bytes] = lambda _, content: content
        self.warnings: list[str] = []  # of the model card
        self._parts: dict[str, dict[int, bytes]] = defaultdict(dict)
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), one) for one in _handlers(self)]
        self.url, self.storage = (f"http://127.0.0.1:{one.server_port}" for one in self._servers)

    @contextlib.contextmanager
    def running(self) -> Iterator[HuggingFaceEndpoint]:
        threads = [
            threading.Thread(target=one.serve_forever, args=(0.01,)) for one in self._servers
        ]
        for server, thread in zip(self._servers, threads, strict=True):
            server.daemon_threads = True
            thread.start()
        try:
            yield self
        finally:
            for server, thread in zip(self._servers, threads, strict=True):
                server.shutdown()
                thread.join()
                server.server_close()

    def made(self, method: str = "", route: str = "") -> list[Request]:
        """The requests of this method whose path matches."""
        return [
            one
            for one in self.requests
            if method in ("", one.method) and re.search(route, one.path)
        ]

    def take_part(self, oid: str, number: int, content: bytes) -> None:
        self._parts[oid][number] = content

    def join_parts(self, oid: str) -> bytes:
        return b"".join(content for _, content in sorted(self._parts.pop(oid).items()))


def _handlers(hub: HuggingFaceEndpoint) -> list[type[_Handler]]:
    return [
        type("Hub", (_Handler,), {"hub": hub, "origin": "hub", "routes": _HUB_ROUTES}),
        type("Storage", (_Handler,), {"hub": hub, "origin": "storage", "routes": _STORAGE_ROUTES}),
    ]


class _RefusalError(Exception):
    """An answer that is an error, as the Hub gives it."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[HuggingFaceEndpoint]
    origin: ClassVar[str]
    routes: ClassVar[list[tuple[str, str, str, Callable[..., None]]]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Silence: stderr belongs to the code under test."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.query = parse_qs(urlsplit(self.path).query)
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.body = self._read()
        self.hub.requests.append(Request(self.origin, self.command, self.path, self.token))
        for name, methods, pattern, route in self.routes:
            found = re.fullmatch(pattern, path)
            if found and self.command in methods.split():
                with contextlib.suppress(ConnectionError):
                    self._run(name, lambda: route(self, **found.groupdict()))  # noqa: B023
                return
        self.give(404, {"error": f"no route {self.command} {path}"})

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _run(self, name: str, route: Callable[[], None]) -> None:
        fault = self.hub.faults[name].pop(0) if self.hub.faults[name] else None
        if callable(fault):
            fault(self.hub)
        try:
            if isinstance(fault, int):
                raise _RefusalError(fault, "", f"refused for the test, {self.token}")
            if fault == CUT:
                return self._hang_up()
            if fault == CUT_AFTER:
                self.wfile = io.BytesIO()
                route()
                return self._hang_up()
            route()
        except _RefusalError as error:
            wait = "86400" if error.status == 429 else ""
            headers = {
                "X-Error-Code": error.code,
                "X-Error-Message": error.message,
                "Retry-After": wait,
            }
            self.give(error.status, {"error": error.message}, headers)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def give(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def document(self) -> Any:
        return json.loads(self.body)

    def repository(self, name: str, *, write: bool = False) -> Stored:
        """What this token may see; raises the Hub's refusals."""
        if self.token and self.token not in self.hub.tokens:
            raise _RefusalError(401, "", "Invalid credentials in Authorization header")
        stored = self.hub.repositories.get(name)
        if stored is None or (stored.private and not self.token):
            status = 404 if self.token else 401
            raise _RefusalError(status, "RepoNotFound", "Repository not found")
        if write and self.hub.tokens.get(self.token) != WRITE:
            raise _RefusalError(403 if self.token else 401, "", "You don't have the rights")
        return stored

    def commit_of(self, stored: Stored, revision: str) -> str:
        name = stored.branches.get(revision, revision)
        if name not in stored.commits:
            raise _RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return name


def _is_lfs(file: str) -> bool:
    return file.endswith(_LFS_ENDINGS)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _blob(file: str, content: bytes) -> str:
    """The git name of the file, for LFS of its pointer."""
    if _is_lfs(file):
        pointer = (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{_sha256(content)}\nsize {len(content)}\n"
        )
        content = pointer.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _lfs(file: str, content: bytes) -> dict[str, Any]:
    if not _is_lfs(file):
        return {}
    facts = {"size": len(content), "pointerSize": 131}
    return {"lfs": {**facts, "sha256": _sha256(content), "oid": _sha256(content)}}


def _create(call: _Handler) -> None:
    wanted = call.document()
    name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
    if call.hub.tokens.get(call.token) != WRITE:
        raise _RefusalError(403 if call.token else 401, "", "You don't have the rights")
    if name in call.hub.repositories:
        told = {"error": "You already created this model repo", "url": f"{call.hub.url}/{name}"}
        return call.give(409, told)
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    made = call.hub.repositories[name] = Stored(private)
    made.add({".gitattributes": b"*.safetensors filter=lfs\n*.onnx filter=lfs\n"})
    return call.give(200, {"url": f"{call.hub.url}/{name}", "name": name})


def _info(call: _Handler, name: str, revision: str | None = None) -> None:
    stored = call.repository(name)
    commit = call.commit_of(stored, revision or "main")
    siblings = []
    for file, content in stored.commits[commit].items():
        facts = {"size": len(content), "blobId": _blob(file, content), **_lfs(file, content)}
        siblings.append({"rfilename": file, **(facts if "blobs" in call.query else {})})
    facts = {"id": name, "modelId": name, "private": stored.private, "tags": [], "downloads": 0}
    call.give(200, {**facts, "sha": commit, "siblings": siblings})


def _tree(call: _Handler, name: str, revision: str) -> None:
    stored = call.repository(name)
    files = stored.commits[call.commit_of(stored, revision)]
    rows = [
        {
            "type": "file",
            "path": file,
            "size": len(content),
            "oid": _blob(file, content),
            **_lfs(file, content),
        }
        for file, content in files.items()
    ]
    call.give(200, rows)


def _branch(call: _Handler, name: str, branch: str) -> None:
    stored = call.repository(name, write=True)
    if branch in stored.branches:
        raise _RefusalError(409, "", "Reference already exists")
    stored.branches[branch] = call.document().get("startingPoint") or stored.branches["main"]
    call.give(200, {})


def _validate(call: _Handler) -> None:
    card = call.document()["content"]
    valid = re.match(r"---\n.*?\n---\n", card, re.DOTALL) is not None
    errors = [] if valid else [{"message": "no metadata"}]
    warnings = [{"message": one} for one in call.hub.warnings]
    call.give(200 if valid else 400, {"errors": errors, "warnings": warnings})


def _preupload(call: _Handler, name: str, revision: str) -> None:
    stored = call.repository(name, write=True)
    files = stored.commits[call.commit_of(stored, revision)]
    rows = []
    for one in call.document()["files"]:
        path = one["path"]
        known = files.get(path)
        oid = None if known is None else _sha256(known) if _is_lfs(path) else _blob(path, known)
        mode = "lfs" if _is_lfs(path) else "regular"
        rows.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    call.give(200, {"files": rows})


def _batch(call: _Handler, name: str) -> None:
    call.repository(name, write=True)
    objects = []
    for one in call.document()["objects"]:
        row = {"oid": one["oid"], "size": one["size"]}
        if one["oid"] not in call.hub.objects:
            verify = {"href": f"{call.hub.url}/{name}.git/info/lfs/verify"}
            row["actions"] = {"upload": _upload(call.hub, **one), "verify": verify}
        objects.append(row)
    call.give(200, {"transfer": "basic", "objects": objects})


def _upload(hub: HuggingFaceEndpoint, oid: str, size: int) -> dict[str, Any]:
    address = f"{hub.storage}/{oid}"
    if hub.part_size is None or size <= hub.part_size:
        return {"href": f"{address}?signature=sesame"}
    count = -(-size // hub.part_size)
    parts = {str(one): f"{address}?part={one}&signature=sesame" for one in range(1, count + 1)}
    return {"href": f"{hub.url}/complete/{oid}", "header": {"chunk_size": hub.part_size, **parts}}


def _complete(call: _Handler, oid: str) -> None:
    content = call.hub.join_parts(oid)
    if _sha256(content) != oid:
        raise _RefusalError(400, "", "other bytes")
    call.hub.objects[oid] = content
    call.give(200, {})


def _verify(call: _Handler, name: str) -> None:
    call.repository(name, write=True)
    wanted = call.document()
    found = call.hub.objects.get(wanted["oid"])
    if found is None or len(found) != wanted["size"]:
        raise _RefusalError(404, "", "object not found")
    call.give(200, {})


def _commit(call: _Handler, name: str, revision: str) -> None:
    stored = call.repository(name, write=True)
    parent = call.commit_of(stored, revision)
    lines = [json.loads(line) for line in call.body.splitlines()]
    header = lines[0]["value"]
    if header.get("parentCommit", parent) != parent:
        raise _RefusalError(412, "", "A commit has happened since. Please refresh and try again.")
    files = dict(stored.commits[parent])
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "lfsFile":
            files[value["path"]] = call.hub.objects[value["oid"]]
        else:
            files[value["path"]] = base64.b64decode(value["content"])
    made = stored.add(files, revision, header["summary"])
    call.give(200, {"commitUrl": f"{call.hub.url}/{name}/commit/{made}", "commitOid": made})


def _resolve(call: _Handler, name: str, revision: str, file: str) -> None:
    stored = call.repository(name)
    commit = call.commit_of(stored, revision)
    content = stored.commits[commit].get(file)
    headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
    if content is None:
        raise _RefusalError(404, "EntryNotFound", "Entry not found")
    if _is_lfs(file):
        call.hub.objects[_sha256(content)] = content
        linked = {"X-Linked-Etag": f'"{_sha256(content)}"', "X-Linked-Size": str(len(content))}
        target = f"{call.hub.storage}/{_sha256(content)}?name={file}&signature=sesame"
        call.give(302, b"", {**headers, **linked, "Location": target})
        return
    etag = {"ETag": f'"{_blob(file, content)}"'}
    call.give(200, call.hub.damage(file, content), {**headers, **etag})


def _put(call: _Handler, oid: str) -> None:
    if call.query.get("signature") != ["sesame"]:
        raise _RefusalError(403, "", "not signed")
    if "part" in call.query:
        call.hub.take_part(oid, int(call.query["part"][0]), call.body)
    elif _sha256(call.body) != oid:
        raise _RefusalError(400, "", "other bytes")
    else:
        call.hub.objects[oid] = call.body
    call.give(200, b"", {"ETag": f'"{_sha256(call.body)}"'})


def _get(call: _Handler, oid: str) -> None:
    if call.query.get("signature") != ["sesame"] or oid not in call.hub.objects:
        raise _RefusalError(403, "", "not signed")
    content = call.hub.damage(call.query["name"][0], call.hub.objects[oid])
    call.give(200, content, {"ETag": f'"{oid}"'})


_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_OID = r"(?P<oid>[0-9a-f]{64})"
_HUB_ROUTES: list[tuple[str, str, str, Callable[..., None]]] = [
    ("create", "POST", "/api/repos/create", _create),
    ("info", "GET", f"/api/models/{_NAME}", _info),
    ("info", "GET", f"/api/models/{_NAME}/revision/(?P<revision>[^/]+)", _info),
    ("tree", "GET", f"/api/models/{_NAME}/tree/(?P<revision>[^/]+)", _tree),
    ("branch", "POST", f"/api/models/{_NAME}/branch/(?P<branch>[^/]+)", _branch),
    ("validate", "POST", "/api/validate-yaml", _validate),
    ("preupload", "POST", f"/api/models/{_NAME}/preupload/(?P<revision>[^/]+)", _preupload),
    ("batch", "POST", f"/{_NAME}.git/info/lfs/objects/batch", _batch),
    ("verify", "POST", f"/{_NAME}.git/info/lfs/verify", _verify),
    ("complete", "POST", f"/complete/{_OID}", _complete),
    ("commit", "POST", f"/api/models/{_NAME}/commit/(?P<revision>[^/]+)", _commit),
    ("resolve", "GET HEAD", f"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", _resolve),
]
_STORAGE_ROUTES: list[tuple[str, str, str, Callable[..., None]]] = [
    ("upload", "PUT", f"/{_OID}", _put),
    ("download", "GET HEAD", f"/{_OID}", _get),
]
