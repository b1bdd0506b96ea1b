"""Whatever dies of a distributed job, at whatever moment: all of it ends, and it loses nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jobs import SHORT, Job, launched, short, trained_beyond, wait_until_gone

pytestmark = [pytest.mark.usefixtures("data_mirror"), pytest.mark.xdist_group("trainings")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The finished weights of a job that nothing happens to; filled by the first test."""
    return {}


@pytest.fixture
def expected(undisturbed: dict[str, bytes], tmp_path: Path) -> bytes:
    if not undisturbed:
        out = tmp_path / "undisturbed"
        code, _, err = launched("-n", "2", *short(out)).ended()
        assert code == 0, err
        undisturbed["weights"] = (out / "final.safetensors").read_bytes()
    return undisturbed["weights"]


def test_any_role_and_the_launcher_killed_at_random_moments(
    expected: bytes, tmp_path: Path
) -> None:
    chance, out = random.Random(5), tmp_path / "cut"
    job = launched("-n", "2", *short(out))
    processes = job.wait_for("scheduler", "server 0", "worker 0", "worker 1")
    step = trained_beyond(out, 0, job)
    time.sleep(chance.uniform(0, 0.5))
    job.process.kill()
    wait_until_gone(list(processes.values()))

    job = launched("-n", "2", "--restarts", "4", *short(out))
    victims = ["scheduler", "server 0", "worker 0", "worker 1"]
    chance.shuffle(victims)
    for victim in victims:
        processes = job.wait_for("scheduler", "server 0", "worker 0", "worker 1")
        step = trained_beyond(out, step, job)
        time.sleep(chance.uniform(0, 0.5))
        os.kill(processes[victim], signal.SIGKILL)
        wait_until_gone(list(processes.values()))
    code, _, err = job.ended()
    assert code == 0, err
    for victim in victims:
        assert f"The job was cut: {victim} was killed by SIGKILL" in err
    assert job.roles() == {}
    assert (out / "final.safetensors").read_bytes() == expected


def test_restarts_have_an_end(tmp_path: Path) -> None:
    job = launched("-n", "1", "--restarts", "0", *short(tmp_path))
    processes = job.wait_for("worker 0")
    os.kill(processes["worker 0"], signal.SIGKILL)
    code, _, err = job.ended()
    assert code == 1
    assert err.splitlines()[-1] == "The job has ended: worker 0 was killed by SIGKILL."
    assert job.roles() == {}


def test_an_error_is_not_tried_again(tmp_path: Path) -> None:
    job = launched("-n", "3", *short(tmp_path))
    code, _, err = job.ended()
    assert code == 1
    assert "A batch of 400 cannot be shared evenly by 3 workers: start 1, 2, 4, 5, 8" in err
    assert "The job has ended: worker" in err
    assert "The job was cut" not in err
    assert job.roles() == {}


@pytest.mark.parametrize("victim", ["scheduler", "server", "worker"])
def test_without_a_launcher_the_scheduler_watches(victim: str, tmp_path: Path) -> None:
    """Roles that something else has started end by themselves, with the code for `try again`."""
    from launch import free_port

    common = {
        "DMLC_NUM_WORKER": "1",
        "DMLC_NUM_SERVER": "1",
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(free_port("127.0.0.1")),
    }
    jobs = {
        role: Job(sys.executable, *short(tmp_path), DMLC_ROLE=role, **common)
        for role in ("scheduler", "server", "worker")
    }
    while not list(tmp_path.glob("checkpoints/step-*")):
        for job in jobs.values():
            assert job.process.poll() is None, job.ended()
        time.sleep(0.02)
    jobs.pop(victim).stop()
    start = time.monotonic()
    for job in jobs.values():
        code, _, err = job.ended(timeout=30)
        assert code == 75
        cause = "whatever watches the job" if victim == "scheduler" else victim
        assert f"ends: {cause}" in err
    assert time.monotonic() - start < 30


def test_a_stopped_launcher_is_a_lost_one() -> None:
    """Members that hear nothing end, although the connection still stands."""
    program = (
        "import liveness, sys, time\n"
        "liveness.SILENCE, liveness.BEAT = 3.0, 0.2\n"
        "liveness.Member('worker 0', ('127.0.0.1', int(sys.argv[1])))\n"
        "time.sleep(60)\n"
    )
    hub = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import liveness, time\n"
            "liveness.BEAT = 0.2\n"
            "hub = liveness.Hub(('127.0.0.1', 0), 1, print)\n"
            "print(hub.address[1], flush=True)\n"
            "time.sleep(60)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SHORT.parents[2] / "scripts")},
    )
    assert hub.stdout
    member = Job(sys.executable, "-c", program, hub.stdout.readline().strip())
    time.sleep(5)
    assert member.process.poll() is None  # which hears of the hub
    hub.send_signal(signal.SIGSTOP)
    code, _, err = member.ended(timeout=30)
    hub.kill()
    hub.communicate()
    assert code == 75
    assert "whatever watches the job has said nothing for 3 s" in err
