"""The answers of the hostile server, one function a case."""

from __future__ import annotations

import email.utils
import gzip
import time

from hostile_server import Answer, Talk

TAG = '"first"'


def healthy(talk: Talk) -> None:
    start = talk.start
    if not start or talk.headers.get("if-range", TAG) != TAG:
        return talk.reply(talk.content, ETag=TAG)
    return _rest(talk, start)


def body_cut_with_full_length(talk: Talk) -> None:
    talk.reply(talk.content[:5000], Content_Length=len(talk.content))


def body_cut_chunked(talk: Talk) -> None:
    talk.reply(Content_Length=None, Transfer_Encoding="chunked")
    talk.chunk(talk.content[:5000])


def body_cut_without_length(talk: Talk) -> None:
    talk.reply(Content_Length=None)
    talk.send(talk.content[:5000])


def length_too_small(talk: Talk) -> None:
    talk.reply(talk.content, Content_Length=len(talk.content) - 1)


def trailing_junk(talk: Talk) -> None:
    talk.reply(talk.content + b"junk" * 50_000)


def one_bit_flipped(talk: Talk) -> None:
    talk.reply(talk.content[:-1] + bytes([talk.content[-1] ^ 1]))


def login_page_of_the_size(talk: Talk) -> None:
    talk.reply(b"<html>log in</html>".ljust(len(talk.content)))


def empty_200(talk: Talk) -> None:
    talk.reply()


def endless_body(talk: Talk) -> None:
    talk.reply(Content_Length=None)
    while not talk.over.is_set():
        talk.send(bytes(1 << 16))


def length_of_10_to_the_15(talk: Talk) -> None:
    talk.reply(talk.content, Content_Length=10**15)
    talk.hang()


def gzip_encoding_true(talk: Talk) -> None:
    talk.reply(gzip.compress(talk.content), Content_Encoding="gzip")


def gzip_encoding_false(talk: Talk) -> None:
    talk.reply(talk.content, Content_Encoding="gzip")


def reset_once(talk: Talk) -> None:
    talk.reset() if talk.count == 1 else healthy(talk)


def closed_once(talk: Talk) -> None:
    if talk.count > 1:
        healthy(talk)


def busy_twice(talk: Talk) -> None:
    talk.reply(status="503 Busy") if talk.count < 3 else healthy(talk)


def wait_a_second(talk: Talk) -> None:
    _later(talk, 1)


def wait_until_a_date(talk: Talk) -> None:
    _later(talk, email.utils.formatdate(time.time() + 1.5, usegmt=True))


def wait_a_day(talk: Talk) -> None:
    _later(talk, 86400)


def wait_until_tomorrow(talk: Talk) -> None:
    _later(talk, email.utils.formatdate(time.time() + 86400, usegmt=True))


def wait_for_nonsense(talk: Talk) -> None:
    _later(talk, "soon, 99999999999999999999")


def broken_for_ever(talk: Talk) -> None:
    talk.reply(status="500 Broken")


def not_there(talk: Talk) -> None:
    talk.reply(status="404 Not Found")


def unauthorized(talk: Talk) -> None:
    talk.reply(status="401 Unauthorized", WWW_Authenticate='Basic realm="x"')


def forbidden(talk: Talk) -> None:
    talk.reply(status="403 Forbidden")


def stalled_body(talk: Talk) -> None:
    talk.reply(talk.content[:5000], Content_Length=len(talk.content))
    talk.server.reached.set()
    talk.hang()


def stalled_headers(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nContent-")
    talk.hang()


def never_answers(talk: Talk) -> None:
    talk.hang()


def one_byte_at_a_time(talk: Talk) -> None:
    talk.reply(Content_Length=len(talk.content))
    talk.drip(talk.content)


def dripped_headers(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    talk.drip(b"z")


def dripped_chunk_frame(talk: Talk) -> None:
    talk.reply(Content_Length=None, Transfer_Encoding="chunked")
    talk.send(b"10;")
    talk.drip(b"z")


def endless_headers(talk: Talk) -> None:
    talk.send(b"HTTP/1.1 200 OK\r\n")
    while not talk.over.is_set():
        talk.send(b"X-Many: " + b"z" * 60_000 + b"\r\n")


def endless_continue(talk: Talk) -> None:
    while not talk.over.is_set():
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_trailers(talk: Talk) -> None:
    talk.reply(Content_Length=None, Transfer_Encoding="chunked")
    talk.chunk(talk.content[:-1])
    talk.send(b"0\r\n")
    while not talk.over.is_set():
        talk.send(b"X-Trailer: z\r\n" * 1000)


def chunk_of_2_to_the_70(talk: Talk) -> None:
    talk.reply(Content_Length=None, Transfer_Encoding="chunked")
    talk.send(b"%x\r\n" % (1 << 70) + talk.content[:5000])


def negative_length(talk: Talk) -> None:
    talk.reply(talk.content[:5000], Content_Length=-1)


def no_http_at_all(talk: Talk) -> None:
    talk.send(b"\0\1\2SSH-2.0 no http here\r\n\r\n")


def no_content_204(talk: Talk) -> None:
    talk.reply(status="204 No Content")


def not_modified_304(talk: Talk) -> None:
    talk.reply(status="304 Not Modified")


def cut_then_the_rest(talk: Talk) -> None:
    _cut_then(talk, lambda: _rest(talk, talk.start))


def cut_then_206_with_the_wrong_start(talk: Talk) -> None:
    _cut_then(talk, lambda: _rest(talk, talk.start, said=talk.start - 1000))


def cut_then_206_that_lies_about_its_start(talk: Talk) -> None:
    _cut_then(talk, lambda: _rest(talk, talk.start - 1000, said=talk.start))


def cut_then_206_without_a_range(talk: Talk) -> None:
    body = talk.content[talk.start :]
    _cut_then(talk, lambda: talk.reply(body, "206 Partial Content"))


def cut_then_changed(talk: Talk) -> None:
    """Another version under the address: the first half was of a file that is gone."""
    if talk.count == 1:
        old = bytes(len(talk.content))
        talk.reply(old[:150_000], ETag='"old"', Content_Length=len(old))
    else:
        healthy(talk)


def cut_then_200(talk: Talk) -> None:
    _cut_then(talk, lambda: talk.reply(talk.content))


def cut_then_416(talk: Talk) -> None:
    _cut_then(talk, lambda: talk.reply(b"", "416 Range Not Satisfiable"))


def part_to_a_plain_request(talk: Talk) -> None:
    _rest(talk, 5000)


def validator_of_nonsense(talk: Talk) -> None:
    if talk.count == 1:
        half = talk.content[:150_000]
        talk.reply(half, ETag='W/"weak\x80"', Content_Length=len(talk.content))
    else:
        assert "if-range" not in talk.headers
        _rest(talk, talk.start)


def path_in_the_headers(talk: Talk) -> None:
    name = 'attachment; filename="../../../evil"'
    talk.reply(talk.content, Content_Disposition=name, Content_Location="/etc/passwd")


def redirect_to_file(talk: Talk) -> None:
    talk.reply(status="302 Found", Location="file:///etc/hostname")


def redirect_for_ever(talk: Talk) -> None:
    talk.reply(status="302 Found", Location=talk.path)


def redirect_to_nonsense(talk: Talk) -> None:
    talk.reply(status="302 Found", Location="http://[::1/x")


def redirect_with_a_password(talk: Talk) -> None:
    talk.reply(status="302 Found", Location="http://me:secret@127.0.0.1/x")


def redirect_elsewhere(talk: Talk) -> None:
    talk.reply(status="302 Found", Location=f"{talk.server.other}{talk.path}", Set_Cookie="a=b")


def _later(talk: Talk, wait: object) -> None:
    if talk.count == 1:
        talk.reply(status="429 Too Many Requests", Retry_After=wait)
    else:
        healthy(talk)


def _cut_then(talk: Talk, then: object) -> None:
    if not talk.start:
        if talk.count == 1:
            half = talk.content[:150_000]
            return talk.reply(half, ETag=TAG, Content_Length=len(talk.content))
        return talk.reply(talk.content, ETag=TAG)
    assert callable(then)
    return then()


def _rest(talk: Talk, start: int, said: int | None = None) -> None:
    size = len(talk.content)
    span = f"bytes {start if said is None else said}-{size - 1}/{size}"
    talk.reply(talk.content[start:], "206 Partial Content", Content_Range=span, ETag=TAG)


ANSWERS: dict[str, Answer] = {
    name: one
    for name, one in list(globals().items())
    if callable(one) and not name.startswith("_") and getattr(one, "__module__", "") == __name__
}
