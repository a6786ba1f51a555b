"""Runs programs and measures their CPU time and memory."""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SLUICE = ROOT / "build/bin/sluice"
DELAY = ROOT / "build/bin/bench_delay"
NODE = HERE / "node_modules/.bin/node"
PATIENCE = 60  # seconds after which an expected event counts as failed


def run(*call, environment=None, **more):
    """Runs a command to its end. Returns its output. Raises CalledProcessError if it fails."""
    more = {"env": with_environment(environment), "stdout": subprocess.PIPE, **more}
    return subprocess.run(call, check=True, text=True, **more).stdout.strip()


def with_environment(environment):
    return {**os.environ, **(environment or {})}


def run_timed(*call, count=1, environment=None):
    """Runs `count` processes of a command at once. Returns the CPU seconds of all, including their children's."""
    spent = 0
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(started(*call, environment=environment, stdout=subprocess.DEVNULL))
                  for _ in range(count)]  # fmt: skip
        for process in opened:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            check(process)
            spent += usage.ru_utime + usage.ru_stime
    return spent


def check(process):
    if process.wait() != 0:
        raise subprocess.CalledProcessError(process.returncode, process.args)


@contextlib.contextmanager
def started(*call, environment=None, **more):
    """A process that is ended at the end of the block, if it still runs."""
    process = subprocess.Popen(call, env=with_environment(environment), text=True, **more)
    try:
        yield process
    finally:
        end(process)


def end(process):
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()


class Service:
    """A program that runs until the end of the block. The block begins when the program has printed `ready`."""

    def __init__(self, *call, ready, environment=None):
        self.call, self.ready, self.environment = call, ready, with_environment(environment)

    def __enter__(self):
        # The output is a file, so that the program never waits for its reader.
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.call, env=self.environment, stdout=self.output, stderr=self.output)
        self.pid = self.process.pid
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def wait_until_ready(self):
        def is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name()} ended before it printed {self.ready!r}:\n{self.text()}")
            return self.ready in self.text()

        wait_for(is_ready, f"{self.name()} to print {self.ready!r}", pause=0.02)

    def name(self):
        return " ".join(str(word) for word in self.call[:3])

    def text(self):
        # pread does not move the file offset, which the program shares.
        return os.pread(self.output.fileno(), 1 << 20, 0).decode(errors="replace")

    def stop(self):
        """Ends the program early. Returns its output."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name()} ended too early:\n{self.text()}")
        end(self.process)
        return self.text()

    def __exit__(self, failure, *_):
        ended = self.process.poll()
        end(self.process)
        text = self.text()
        self.output.close()
        if failure is None and ended not in (None, 0):
            raise RuntimeError(f"{self.name()} ended with exit code {ended}:\n{text}")


def wait_for(condition, what, pause=0.1, seconds=10 * PATIENCE):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError(f"timed out after {seconds} s while waiting for {what}")
        time.sleep(pause)


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def cpu_seconds(pid, reaped=False):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    ticks = sum(int(n) for n in fields[11 : 15 if reaped else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    """The peak of resident memory in MB, including mapped pages of files."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no VmHWM")
