"""Answers that must not pass: the error is typed and in time, and the next source still helps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from bounds import Seen
from hostile_server import HostileServer
from mirrors import CONTENT, SAMPLE, files_in, refusal

from zoo.fetching import read_artifact


@dataclass(frozen=True)
class Case:
    """An answer of the hostile server, a part of the reason, and how often it may be asked."""

    name: str
    reason: str
    asked: int
    expected: str = ""

    def __post_init__(self) -> None:
        times = "once" if self.asked == 1 else f"{self.asked} times"
        object.__setattr__(self, "expected", f"refused, asked {times}; the next source is used")


CASES = [
    Case("body_cut_with_full_length", "connection failed: IncompleteRead", 3),
    Case("body_cut_chunked", "connection failed", 3),
    Case("body_cut_without_length", "ended after", 3),
    Case("length_too_small", "ended after", 3),
    Case("one_bit_flipped", "gives other bytes", 1),
    Case("login_page_of_the_size", "gives other bytes", 1),
    Case("empty_200", "ended after 0", 3),
    Case("endless_body", "gives other bytes", 1),
    Case("gzip_encoding_true", "ended after", 3),
    Case("wait_a_day", "asks to wait 86400 s", 1),
    Case("wait_until_tomorrow", "asks to wait 86", 1),
    Case("broken_for_ever", "500 Internal Server Error", 3),
    Case("not_there", "404 Not Found", 1),
    Case("unauthorized", "401 Unauthorized", 1),
    Case("forbidden", "403 Forbidden", 1),
    Case("stalled_body", "silent for", 3),
    Case("stalled_headers", "silent for", 3),
    Case("never_answers", "silent for", 3),
    Case("one_byte_at_a_time", "slower than 1024 bytes a second", 1),
    Case("dripped_headers", "no answer within", 1),
    Case("dripped_chunk_frame", "slower than 1024 bytes a second", 1),
    Case("endless_headers", "connection failed", 3),
    Case("endless_continue", "no answer within", 1),
    Case("endless_trailers", "slower than 1024 bytes a second", 1),
    Case("chunk_of_2_to_the_70", "connection failed", 3),
    Case("negative_length", "ended after", 3),
    Case("no_http_at_all", "connection failed", 3),
    Case("no_content_204", "204 No Content", 1),
    Case("not_modified_304", "304 Not Modified", 1),
    Case("part_to_a_plain_request", "gives a part of the file without saying which", 1),
    Case("redirect_to_file", "redirected to something other than https", 1),
    Case("redirect_for_ever", "more than 5 redirects", 6),
    Case("redirect_to_nonsense", "address", 1),
    Case("redirect_with_a_password", "an address with a user name or password", 1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case: Case, hostile: HostileServer, zoo_home: Path, seen: Seen) -> None:
    mirror = f"{hostile.address}/{case.name}"
    message = refusal(SAMPLE, zoo_home, mirror)
    reason = message.splitlines()[1].partition(f"{SAMPLE.file}: ")[2]
    seen(reason)
    assert case.reason in reason
    assert "secret" not in message
    asked = [talk for talk in hostile.talks if not talk.path.endswith(".gz")]
    assert len(asked) == case.asked
    assert read_artifact(SAMPLE, mirrors=[mirror, f"{hostile.address}/healthy"]) == CONTENT
    left = [name for name in files_in(zoo_home) if not name.endswith("sample.bin")]
    assert left == []
