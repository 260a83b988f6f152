"""Figures of this process and its machine, under the names that Logstash gives them; Linux, with nothing beside it.

What a JVM has and Python has not is a constant: see `jvm`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import resource
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any

_PAGE = resource.getpagesize()


class Process:
    """Remembers peaks, and what the last look needs to say how busy the processor is."""

    def __init__(self) -> None:
        self._peak_threads = 0
        self._peak_descriptors = 0
        self._looked = time.monotonic(), time.process_time()

    def process(self) -> dict[str, Any]:
        """Logstash's `process`."""
        descriptors = _descriptors()
        self._peak_descriptors = max(self._peak_descriptors, descriptors)
        virtual, _ = memory()
        one, five, fifteen = os.getloadavg()
        return {
            "open_file_descriptors": descriptors,
            "peak_open_file_descriptors": self._peak_descriptors,
            "max_file_descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "mem": {"total_virtual_in_bytes": virtual},
            "cpu": {
                "total_in_millis": int(time.process_time() * 1000),
                "percent": self._percent(),
                "load_average": {"1m": one, "5m": five, "15m": fifteen},
            },
        }

    def _percent(self) -> int:
        """Of all processors, since the last look."""
        (wall, cpu), now = self._looked, (time.monotonic(), time.process_time())
        self._looked = now
        passed = max(now[0] - wall, 1e-3) * (os.cpu_count() or 1)
        return min(100, round(100 * (now[1] - cpu) / passed))

    def jvm(self, uptime: float) -> dict[str, Any]:
        """Logstash's `jvm`: threads, uptime, collections and resident memory are this process's; the rest is constant.

        The heap is what the process has resident, its bound the machine's memory; the pools of the old generation
        repeat it, the others are 0. Python does not time its collections.
        """
        threads = threading.active_count()
        self._peak_threads = max(self._peak_threads, threads)
        _, resident = memory()
        total = os.sysconf("SC_PHYS_PAGES") * _PAGE
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        young, middle, old = (generation["collections"] for generation in gc.get_stats())
        nothing = dict.fromkeys(
            ("used_in_bytes", "peak_used_in_bytes", "max_in_bytes", "peak_max_in_bytes", "committed_in_bytes"), 0
        )
        whole = nothing | {
            "used_in_bytes": resident,
            "peak_used_in_bytes": peak,
            "max_in_bytes": total,
            "peak_max_in_bytes": total,
            "committed_in_bytes": resident,
        }
        return {
            "threads": {"count": threads, "peak_count": self._peak_threads},
            "mem": {
                "heap_used_percent": round(100 * resident / total),
                "heap_committed_in_bytes": resident,
                "heap_max_in_bytes": total,
                "heap_used_in_bytes": resident,
                "non_heap_used_in_bytes": 0,
                "non_heap_committed_in_bytes": 0,
                "pools": {"survivor": nothing, "old": whole, "young": nothing},
            },
            "gc": {
                "collectors": {
                    "old": {"collection_count": old, "collection_time_in_millis": 0},
                    "young": {"collection_count": young + middle, "collection_time_in_millis": 0},
                }
            },
            "uptime_in_millis": int(uptime * 1000),
        }


def memory() -> tuple[int, int]:
    """Virtual and resident bytes."""
    with contextlib.suppress(OSError):
        virtual, resident, *_ = map(int, Path("/proc/self/statm").read_text().split())
        return virtual * _PAGE, resident * _PAGE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return peak, peak


def _descriptors() -> int:
    with contextlib.suppress(OSError):
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # the listing itself is one
    return 0


def cgroup() -> dict[str, Any]:
    """Logstash's `os`: the processor limits of the control group (version 2), where there is one."""
    folder = Path("/sys/fs/cgroup")
    try:
        group = Path("/proc/self/cgroup").read_text().splitlines()[-1].rpartition(":")[2]
        figures = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    except (OSError, IndexError, ValueError):
        return {}
    quota, period = -1, 100_000
    with contextlib.suppress(OSError, ValueError):
        first, second = (folder / "cpu.max").read_text().split()
        quota, period = (-1 if first == "max" else int(first)), int(second)
    return {
        "cgroup": {
            "cpuacct": {"control_group": group, "usage_nanos": int(figures.get("usage_usec", 0)) * 1000},
            "cpu": {
                "control_group": group,
                "cfs_period_micros": period,
                "cfs_quota_micros": quota,
                "stat": {
                    "number_of_elapsed_periods": int(figures.get("nr_periods", 0)),
                    "number_of_times_throttled": int(figures.get("nr_throttled", 0)),
                    "time_throttled_nanos": int(figures.get("throttled_usec", 0)) * 1000,
                },
            },
        }
    }


def machine() -> dict[str, Any]:
    """Logstash's `os` of `/_node`."""
    return {
        "name": platform.system(),
        "arch": platform.machine(),
        "version": platform.release(),
        "available_processors": os.cpu_count() or 1,
    }


def runtime(started: float) -> dict[str, Any]:
    """Logstash's `jvm` of `/_node`: Python's version stands where Java's would."""
    _, resident = memory()
    return {
        "pid": os.getpid(),
        "version": platform.python_version(),
        "vm_version": platform.python_version(),
        "vm_vendor": "Python Software Foundation",
        "vm_name": f"{platform.python_implementation()} {sysconfig.get_platform()}",
        "start_time_in_millis": int((time.time() - (time.monotonic() - started)) * 1000),
        "mem": {
            "heap_init_in_bytes": resident,
            "heap_max_in_bytes": os.sysconf("SC_PHYS_PAGES") * _PAGE,
            "non_heap_init_in_bytes": 0,
            "non_heap_max_in_bytes": 0,
        },
        "gc_collectors": ["young", "old"],
    }


def hot_threads(busiest: int, *, lines: int = 50) -> dict[str, Any]:
    """Logstash's `hot_threads`: what each thread does right now. Python does not know a thread's share of the time,
    so it is 0, and the order is that of their making."""
    frames = sys._current_frames()
    threads = [
        {
            "name": thread.name,
            "thread_id": thread.native_id or 0,
            "percent_of_cpu_time": 0.0,
            "state": "runnable",
            "traces": _traces(frames[thread.ident], lines),
        }
        for thread in threading.enumerate()
        if thread.ident in frames
    ]
    time_text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"time": time_text, "busiest_threads": len(threads[:busiest]), "threads": threads[:busiest]}


def _traces(frame: Any, lines: int) -> list[str]:
    found: list[str] = []
    while frame is not None and len(found) < lines:
        code = frame.f_code
        found.append(f"{code.co_filename}:{frame.f_lineno}:in {code.co_qualname}")
        frame = frame.f_back
    return found
