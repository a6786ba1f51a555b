"""The machine, the versions and the settings of a run, without names of machines, users or directories."""

import json
import os
import pathlib
import platform
import re
import time

from contenders import PEERS, RAW_BATCH, RAW_SESSIONS
from processes import HERE, NODE, SLUICE, run

SETTINGS = ["fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size",
            "checkpoint_timeout", "autovacuum"]  # fmt: skip


def first_match(pattern, file, otherwise="unknown"):
    found = re.search(pattern, pathlib.Path(file).read_text(), re.MULTILINE)
    return found[1].strip() if found else otherwise


def disk(directory):
    """The file system and its disk, as far as the kernel knows. It does not know the hardware of a virtual disk."""
    number = os.stat(directory).st_dev
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    mounted = re.findall(r"^\d+ \d+ (\d+:\d+) .* - (\S+)", mounts, re.MULTILINE)
    place = f"{os.major(number)}:{os.minor(number)}"
    kind = dict(mounted).get(place, "unknown file system")
    device = pathlib.Path(f"/sys/dev/block/{place}").resolve()
    if device.name.startswith(("vd", "xvd")):
        return f"{kind} on a virtual disk"
    for queue in (device / "queue/rotational", device.parent / "queue/rotational"):
        if queue.exists():
            return f"{kind} on a {'rotating' if queue.read_text().strip() == '1' else 'solid-state'} disk"
    return kind


def machine(directory):
    return {
        "cpu": first_match(r"^model name\s*:(.*)", "/proc/cpuinfo", platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(first_match(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) / 2**20, 1),
        "disk": disk(directory),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def package(name):
    return json.loads((HERE / "node_modules" / name / "package.json").read_text())["version"]


def versions(server):
    return {
        "Sluice": run(SLUICE, "version"),
        "PostgreSQL": server.setting("server_version"),
        **({"Node.js": run(NODE, "--version"), **{name: package(name) for name in PEERS}} if NODE.exists() else {}),
    }


def settings(server):
    return {
        **{name: server.setting(name) for name in SETTINGS},
        "raw, sessions": RAW_SESSIONS,
        "raw, jobs a batch": RAW_BATCH,
        "sluice": "defaults: 1 pump, batch_max 500, 1 plugin host with 4 slots",
        "graphile-worker": "concurrentJobs 24, maxPoolSize 10, localQueue.size 500, completeJobBatchDelay 0",
        "graphile-worker, idle latency": "concurrentJobs 4, no local queue",
        "pg-boss": "2 loops of fetch and complete, batchSize 500, max 10",
    }


def facts(server, directory):
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(directory),
        "versions": versions(server),
        "settings": settings(server),
    }
