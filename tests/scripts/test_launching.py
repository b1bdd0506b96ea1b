"""Any launcher starts a distributed training: by hand, as Slurm and Kubernetes do it, or Ray."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import launch
import numpy as np
import pytest
import yaml
from jobs import SCRIPTS, Job, launched, short, trained_beyond, wait_until_gone

from zoo import params

pytestmark = pytest.mark.xdist_group("trainings")

SRUN = """#!/bin/bash
# As with --kill-on-bad-exit=1 the first bad exit ends all, by a signal to the process that a task
# began with, and as Slurm's own it exits with the highest code of all.
echo "$@" >"$SRUN_TOLD"
while [[ $1 == --* ]]; do shift; done
for SLURM_PROCID in $(seq 0 $((SLURM_NTASKS - 1))); do
    export SLURM_PROCID
    "$@" &
    tasks+=($!)
done
highest=0
for _ in "${tasks[@]}"; do
    wait -n
    code=$?
    ((code > highest)) && highest=$code
    ((code)) && for task in "${tasks[@]}"; do kill -TERM "$task" 2>/dev/null; done
done
exit $highest
"""


def weights(folder: Path) -> bytes:
    return (folder / "final.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("code", "reason", "again"),
    [
        (-9, "was killed by SIGKILL", True),
        (137, "was killed by SIGKILL", True),
        (-40, "was killed by signal 40", True),
        (143, "ended with exit code 143", False),
        (130, "ended with exit code 130", False),
        (1, "ended with exit code 1", False),
        (255, "ended with exit code 255", False),
    ],
)
def test_what_a_role_died_of(code: int, reason: str, again: bool) -> None:
    assert launch._failure("worker 0", code) == launch.Failure(f"worker 0 {reason}", again)


def test_what_ray_cannot_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ray_launch = importlib.import_module("ray_launch")
    here = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
    monkeypatch.setattr(ray_launch, "ray", SimpleNamespace(util=here))
    folder = str(tmp_path)
    assert ray_launch.Role().run(["no-such-command"], folder, {}) == 1
    named = (
        f"no-such-command cannot be started in {folder} on 127.0.0.1: No such file or directory."
    )
    assert capfd.readouterr().err.strip() == named


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """What Slurm gives a batch of four tasks, with an srun for one machine."""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(SRUN)
    srun.chmod(0o755)
    return {
        "PATH": f"{srun.parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "SRUN_TOLD": str(tmp_path / "srun_told"),
        "SLURM_NTASKS": "4",
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(launch.free_port("127.0.0.1")),
    }


@pytest.mark.usefixtures("data_mirror")
def test_slurm_and_ray_give_the_same_bytes_also_where_a_worker_is_killed(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    batch = Job("bash", str(SCRIPTS / "slurm.sh"), *short(tmp_path / "slurm"), **slurm)
    processes = batch.wait_for("scheduler", "server 0", "worker 0", "worker 1")
    trained_beyond(tmp_path / "slurm", 0, batch)
    os.kill(processes["worker 1"], signal.SIGKILL)
    wait_until_gone(list(processes.values()))
    code, _, err = batch.ended()
    assert code == 0, err
    assert "Attempt 1 was cut" in err

    own = {"HOME": str(tmp_path)}  # where Ray keeps the token of its cluster
    job = launched("-n", "2", *short(tmp_path / "ray"), launcher="ray_launch.py", **own)
    processes = job.wait_for("scheduler", "server 0", "worker 0", "worker 1")
    assert len({parent(one) for one in processes.values()}) == 4  # a Ray worker process each
    trained_beyond(tmp_path / "ray", 0, job)
    os.kill(parent(processes["worker 1"]), signal.SIGKILL)
    wait_until_gone(list(processes.values()))
    code, _, err = job.ended()
    assert code == 0, err
    assert "The job was cut: worker 1 was killed by SIGKILL" in err
    assert job.roles() == {}
    assert weights(tmp_path / "slurm") == weights(tmp_path / "ray")


@pytest.mark.parametrize(("own", "ends", "cut"), [(1, 1, 0), (75, 143, 4), (137, 143, 4)])
def test_under_slurm_only_a_lost_role_is_started_again(
    own: int, ends: int, cut: int, slurm: dict[str, str], tmp_path: Path
) -> None:
    role = tmp_path / "role"
    role.write_text(f"#!/bin/bash\n[[ ${{DMLC_WORKER_ID:-}} == 0 ]] && exit {own}\nexec sleep 60\n")
    role.chmod(0o755)
    told = slurm | {"PYTHON": str(role), "SLURM_CPUS_PER_TASK": "3"}
    code, _, err = Job("bash", str(SCRIPTS / "slurm.sh"), "x", **told).ended(60)
    assert (code, err.count("was cut")) == (ends, cut)
    assert "--cpus-per-task=3" in Path(slurm["SRUN_TOLD"]).read_text()


def test_under_slurm_a_signal_reaches_a_role_that_has_just_begun(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    at_once = tmp_path / "at_once"
    at_once.write_text("trap '[[ $BASH_COMMAND == child=?* ]] && kill -TERM $$' DEBUG\n")
    role = tmp_path / "role"
    role.write_text("#!/bin/sh\nexec sleep 60\n")
    role.chmod(0o755)
    told = slurm | {"PYTHON": str(role), "BASH_ENV": str(at_once)}
    code, _, err = Job("bash", str(SCRIPTS / "slurm.sh"), "x", **told).ended(30)
    assert (code, err.count("was cut")) == (143, 4)
    assert "usage" not in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"DMLC_INTERFACE": "nosuch0"}, "DMLC_INTERFACE=nosuch0 has no IPv4 address here"),
        ({"SLURM_JOB_NUM_NODES": "2"}, "Several machines need DMLC_INTERFACE, such as eth0"),
    ],
)
def test_under_slurm_the_interface_has_to_reach_the_others(
    given: dict[str, str], message: str, slurm: dict[str, str], tmp_path: Path
) -> None:
    job = Job("bash", str(SCRIPTS / "slurm.sh"), "x", **slurm | {"DMLC_PS_ROOT_URI": ""} | given)
    code, _, err = job.ended(60)
    assert code == 1
    assert message in err
    assert not Path(slurm["SRUN_TOLD"]).exists()


def test_under_slurm_an_interface_of_two_addresses_and_a_port_for_each_job(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    shown = (f"echo '2: eth0 inet 10.0.0.{one}/24 scope global eth0'" for one in (5, 7))
    (tmp_path / "bin" / "ip").write_text("\n".join(["#!/bin/bash", *shown, ""]))
    (tmp_path / "bin" / "srun").write_text(
        "#!/bin/bash\necho $DMLC_PS_ROOT_URI:$DMLC_PS_ROOT_PORT\n"
    )
    (tmp_path / "bin" / "ip").chmod(0o755)
    found = []
    for number in ("7", "8"):
        given = {"DMLC_INTERFACE": "eth0", "DMLC_PS_ROOT_URI": "", "DMLC_PS_ROOT_PORT": ""}
        job = Job("bash", str(SCRIPTS / "slurm.sh"), "x", **slurm | given, SLURM_JOB_ID=number)
        code, out, _ = job.ended(60)
        assert code == 0
        found.append(out.strip())
    assert found == ["10.0.0.5:10014", "10.0.0.5:10016"]


def test_the_pods_of_kubernetes_have_what_they_need() -> None:
    text = (SCRIPTS / "kubernetes.yaml").read_text("utf-8")
    job_set = yaml.safe_load(text)["spec"]
    for rule in job_set["failurePolicy"]["rules"]:
        assert re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", rule["name"])  # JobSet's own
    jobs = job_set["replicatedJobs"]
    assert [one["name"] for one in jobs] == ["scheduler", "server", "worker"]
    for one in jobs:
        spec = one["template"]["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        told = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert told["DMLC_ROLE"] == one["name"]
        assert {"DMLC_NUM_WORKER", "DMLC_NUM_SERVER", "DMLC_PS_ROOT_URI", "DMLC_NODE_HOST"} < set(
            told
        )
        assert float(told["ZOO_ARRIVAL"] or 0) > 120
        assert spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [1, 2]
    assert "ReadWriteMany" in text


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.usefixtures("data_mirror")
@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("train_regression.py", "linear_regression.california_housing"),
        ("train_language_model.py", "lstm_lm.shakespeare"),
        ("train_classifier.py", "mlp.mnist"),
    ],
)
def test_a_stopped_job_goes_on_to_the_same_bytes(script: str, name: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command = (str(SCRIPTS / script), name, "--distributed", "--smoke", "--out")
    for folder, options in ((whole, ()), (cut, ("--stop-step", "5")), (cut, ())):
        code, _, err = launched("-n", "2", *command, str(folder), *options).ended()
        assert code == 0, err
    assert weights(whole) == weights(cut)
    run = json.loads((whole / "run.json").read_text())
    assert run["environment"]["settings"]["workers"] == "2"
    assert run["environment"]["settings"]["OMP_NUM_THREADS"] == "1"


@pytest.mark.usefixtures("data_mirror")
def test_workers_together_learn_what_one_learns(tmp_path: Path) -> None:
    """Without noise the steps are the same but for the order of the sums."""
    name = "linear_regression.california_housing"
    script, found = str(SCRIPTS / "train_regression.py"), []
    options = ("--smoke", "--out")
    for job in (
        Job(sys.executable, script, name, *options, str(tmp_path / "1")),
        launched(
            "-n", "3", "-s", "2", script, name, "--distributed", *options, str(tmp_path / "3")
        ),
    ):
        code, _, err = job.ended()
        assert code == 0, err
    for folder in ("1", "3"):
        found.append(params.read(tmp_path / folder / "final.safetensors"))
    for array in found[0]:
        np.testing.assert_allclose(found[0][array], found[1][array], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({}, ["--distributed"], "for a process that a launcher has given a role (DMLC_ROLE)"),
        ({"DMLC_ROLE": "worker"}, [], "has given this process a role (DMLC_ROLE): pass --distr"),
        ({"DMLC_ROLE": "server"}, ["--distributed"], "DMLC_NUM_WORKER has to be a number from 1"),
        ({"DMLC_ROLE": "chef"}, ["--distributed"], "for a process that a launcher has given"),
        (
            {"DMLC_ROLE": "worker", "DMLC_PS_ROOT_URI": "192.0.2.1", "DMLC_NUM_WORKER": "2"}
            | {"DMLC_NUM_SERVER": "1", "DMLC_PS_ROOT_PORT": "9"},
            ["--distributed"],
            "say in DMLC_NODE_HOST which address of this host",
        ),
        (
            {"DMLC_ROLE": "worker", "DMLC_WORKER_ID": "2", "DMLC_NUM_WORKER": "2"}
            | {"DMLC_NUM_SERVER": "1", "DMLC_PS_ROOT_PORT": "9"},
            ["--distributed"],
            "DMLC_WORKER_ID is 2, but the 2 workers count from 0",
        ),
        (
            {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "2", "DMLC_NUM_SERVER": "1"}
            | {"DMLC_PS_ROOT_PORT": "65535"},
            ["--distributed"],
            "DMLC_PS_ROOT_PORT has to be a number from 1 to 65534, not '65535'",
        ),
        (
            {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "2", "DMLC_NUM_SERVER": "1"}
            | {"DMLC_PS_ROOT_PORT": "9", "ZOO_HUB_ADDRESS": "here:abc"},
            ["--distributed"],
            "ZOO_HUB_ADDRESS has to be HOST:PORT, not 'here:abc'",
        ),
    ],
)
@pytest.mark.usefixtures("data_mirror")
def test_mistakes_are_one_line(
    settings: dict[str, str], options: list[str], message: str, tmp_path: Path
) -> None:
    command = (str(SCRIPTS / "train_classifier.py"), "logistic_regression.adult", *options)
    job = Job(sys.executable, *command, "--out", str(tmp_path), **settings)
    code, _, err = job.ended(timeout=100)
    assert code == 1
    assert message in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-n", "2"], "say what to run"),
        (["-n", "0", "x.py"], "at least one worker"),
        (["x.py"], "-n/--num-workers"),
    ],
)
def test_a_launchers_mistakes(options: list[str], message: str) -> None:
    code, _, err = launched(*options).ended(timeout=60)
    assert code == 2
    assert message in err


def test_a_command_that_is_not_there_is_one_line() -> None:
    code, _, err = launched("-n", "1", "no-such-command").ended(timeout=60)
    assert code == 1
    [line] = err.strip().splitlines()
    assert line.startswith("no-such-command cannot be started (No such file or directory)")


def test_a_scheduler_whose_neighbouring_port_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"DMLC_ROLE": "scheduler", "DMLC_NUM_WORKER": "1", "DMLC_NUM_SERVER": "1"}
        job = Job(
            sys.executable,
            str(SCRIPTS / "train_classifier.py"),
            "mlp.mnist",
            "--distributed",
            **settings,
            DMLC_PS_ROOT_PORT=str(port - 1),
        )
        code, _, err = job.ended(timeout=60)
    assert code == 1
    [line] = err.strip().splitlines()
    assert line.startswith(f"The scheduler cannot listen on port {port}, one above its own")


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    address = f"127.0.0.1:{launch.free_port('127.0.0.1')}"  # `auto` would find any on this machine
    waits = ("RAY_gcs_rpc_server_connect_timeout_s", "RAY_py_gcs_connect_timeout_s")
    own = {"HOME": str(tmp_path), "RAY_ADDRESS": address, **dict.fromkeys(waits, "1")}
    code, _, err = launched("-n", "1", "x.py", launcher="ray_launch.py", **own).ended(timeout=100)
    assert code == 1
    assert err.strip().splitlines()[-1].startswith(f"RAY_ADDRESS is {address}, and no cluster")
    assert "Traceback" not in err


def test_an_address_that_is_none_of_a_cluster_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    own = {"HOME": str(tmp_path), "RAY_ADDRESS": "nowhere"}
    code, _, err = launched("-n", "1", "x.py", launcher="ray_launch.py", **own).ended(timeout=100)
    assert code == 1
    [line] = err.strip().splitlines()
    assert line.startswith("RAY_ADDRESS is nowhere, and no cluster answers there: Invalid address")


def test_a_command_that_is_no_training_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ENDED_EARLY", 3.0)
    program = "import os, time; time.sleep(60 * (os.environ['DMLC_ROLE'] == 'server'))"
    wanted = launch.Wanted(1, 1, 1, 0, [sys.executable, "-c", program])
    failure = launch.attempt(wanted)
    assert failure == launch.Failure("scheduler, worker 0 ended before the others", again=False)
