"""Place a distributed training on a Ray cluster, and again from its last checkpoint if it is cut.

    python scripts/ray_launch.py -n 2 scripts/train_classifier.py lenet.mnist --distributed

Ray chooses a host for each role: `--threads` CPUs for a worker, none for scheduler and servers. All
hosts have this folder and Python at the same paths, and the run's folder is one that they share.
RAY_ADDRESS says which cluster; without it one of this host alone is started for the run, on
loopback.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
from typing import Any

import launch
from launch import Failure, Losses, Wanted
from liveness import ARRIVAL, Hub

CLUSTER = os.environ.get("RAY_ADDRESS", "local")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray would report home
if CLUSTER == "local":
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on Linux too: listen on loopback alone
else:
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # 40 seconds, and not 13 minutes

try:
    import ray
    from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
except ImportError:
    ray = None


class Role:
    """One role's process, on the host that Ray has chosen; an actor."""

    def address(self) -> tuple[str, int]:
        """This host's address, and a port that is free there."""
        host = ray.util.get_node_ip_address()
        return host, launch.free_port(host)

    def run(self, command: list[str], folder: str, environment: dict[str, str]) -> int:
        """The process's exit code. If Ray kills the actor, the hub ends the process."""
        own = {"DMLC_NODE_HOST": ray.util.get_node_ip_address()}
        env = os.environ | environment | own
        try:
            return subprocess.run(command, cwd=folder, env=env, check=False).returncode
        except OSError as error:
            where = f"in {folder} on {own['DMLC_NODE_HOST']}"
            print(f"{command[0]} cannot be started {where}: {error.strerror}.", file=sys.stderr)
            return 1


class Placed:
    """A role that runs somewhere on the cluster."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.result: Any = None

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        self.result = self.actor.run.remote(command, os.getcwd(), environment)

    def poll(self) -> int | None:
        """As a process's; an actor that is gone was killed."""
        if not ray.wait([self.result], timeout=0)[0]:
            return None
        try:
            return int(ray.get(self.result))
        except ray.exceptions.RayError:
            return -signal.SIGKILL


def placed(wanted: Wanted, bundles: PlacementGroup) -> dict[str, Placed]:
    """An actor for each role, by its name."""
    role = ray.remote(num_cpus=0, max_restarts=0)(Role)
    found = {"scheduler": Placed(role.remote())}
    found |= {f"server {number}": Placed(role.remote()) for number in range(wanted.servers)}
    for number in range(wanted.workers):
        where = PlacementGroupSchedulingStrategy(bundles, placement_group_bundle_index=number)
        options = {"num_cpus": wanted.threads, "scheduling_strategy": where}
        found[f"worker {number}"] = Placed(role.options(**options).remote())
    return found


def attempt(wanted: Wanted) -> Failure | None:
    """Run the job once on the cluster; what ended it, or None when it is done."""
    bundles = placement_group([{"CPU": wanted.threads}] * wanted.workers, strategy="SPREAD")
    lost: Losses = queue.SimpleQueue()
    hub = Hub((ray.util.get_node_ip_address(), 0), wanted.members, lost.put)
    roles: dict[str, Placed] = {}
    try:
        if not bundles.wait(ARRIVAL):
            has = ray.cluster_resources().get("CPU", 0)
            need = wanted.workers * wanted.threads
            return Failure(f"the cluster has {has:.0f} CPUs, and not {need} free ones", again=False)
        roles = placed(wanted, bundles)
        root = ray.get(roles["scheduler"].actor.address.remote(), timeout=ARRIVAL)
        for name, own in launch.environments(wanted, hub, root).items():
            roles[name].start(wanted.command, own)
        return launch.watch(roles, lost)
    except ray.exceptions.RayError as error:
        return Failure(str(error).strip().splitlines()[0], again=True)
    finally:
        hub.end("")
        for one in roles.values():
            ray.kill(one.actor)
        remove_placement_group(bundles)
        hub.close()


def main() -> None:
    wanted = launch.read(__doc__)
    if ray is None:
        sys.exit("Ray is not installed: pip install 'gluon-zoo[ray]', or use scripts/launch.py.")
    own = {"num_cpus": wanted.workers * wanted.threads, "include_dashboard": False}
    try:
        ray.init(CLUSTER, logging_level=logging.ERROR, **(own if CLUSTER == "local" else {}))
    except (ConnectionError, ValueError) as error:
        why = str(error).strip().splitlines()[0]
        sys.exit(f"RAY_ADDRESS is {CLUSTER}, and no cluster answers there: {why}")
    try:
        launch.persist(attempt, wanted)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
